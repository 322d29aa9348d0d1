"""Colours and margins of all figures."""

# The hues of Figure 1 on the home page.
LOSS_COLOURS = {"L_sym": "#3a76e0", "L_ap": "#0f8a78", "L_nc": "#d9541e", "L_in": "#8a6bbd"}

# Ten classes, distinguishable on light and dark backgrounds.
CLASS_COLOURS = ("#4477cc", "#e07b39", "#2a9d6f", "#d64541", "#8e6bbf", "#9c6b4e", "#e377b5", "#7f8c8d", "#b8a626", "#17b3c9")

TEXT_ON_LIGHT = "#1a1a1a"  # numbers on shades that are light in either theme
GRAY = "#808080"  # visible on light and dark backgrounds

LINE_COLOUR, CHOSEN_COLOUR = LOSS_COLOURS["L_sym"], LOSS_COLOURS["L_nc"]
BAND_COLOUR = "rgba(58, 118, 224, 0.2)"  # LINE_COLOUR, translucent
BIRTH_COLOUR, DEATH_COLOUR = CLASS_COLOURS[2:4]
ADDED_COLOUR, REMOVED_COLOUR = "rgb(224, 72, 62)", "rgb(52, 132, 208)"  # ink, as in the signed pictures
LOW_COLOUR, HIGH_COLOUR = "#3b6cc4", "#d63636"  # ends of a scale through gray

SKY_BLUE, PALE_BLUE = "#56b4e9", "#d3e9f8"  # Okabe and Ito, and a tint of it
ORIGIN_COLOURS = {"paper": "#0072b2", "baseline": "#d55e00", "extension": "#009e73"}  # Okabe and Ito

SURFACE_SCALE = "Viridis"

MARGIN = {"l": 10, "r": 10, "t": 36, "b": 10}  # pixels around a figure with a title; axis labels enlarge it
LEGEND_ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}  # the plot, which its ground would hide
