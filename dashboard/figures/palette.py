"""Colours of all figures."""

# The hues of Figure 1 on the home page.
LOSS_COLOURS = {"L_sym": "#3a76e0", "L_ap": "#0f8a78", "L_nc": "#d9541e", "L_in": "#8a6bbd"}

# Ten classes that stay apart on light and dark ground.
CLASS_COLOURS = ("#4477cc", "#e07b39", "#2a9d6f", "#d64541", "#8e6bbf", "#9c6b4e", "#e377b5", "#7f8c8d", "#b8a626", "#17b3c9")

TEXT_ON_LIGHT = "#1a1a1a"  # numbers on shades that are light in either theme

SURFACE_SCALE, LINE_COLOUR, BAND_COLOUR, CHOSEN_COLOUR = "Viridis", "#3a76e0", "rgba(58, 118, 224, 0.2)", "#d9541e"

ORIGIN_COLOURS = {"paper": "#0072b2", "baseline": "#d55e00", "extension": "#009e73"}  # Okabe and Ito

ADDED_COLOUR, REMOVED_COLOUR = "rgb(224, 72, 62)", "rgb(52, 132, 208)"  # as in the strips: added, taken away
GRAY = "#808080"  # stands out from a light page and from a dark one
