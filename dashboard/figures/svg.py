"""Build an inline SVG in the text colour: canvas, shapes and centred text."""

import re
from xml.etree.ElementTree import Element, SubElement


def make_canvas(width: float, height: float, title: str) -> Element:
    """Create an empty drawing of full width; the title serves screen readers."""
    svg = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width:g} {height:.0f}",
            "width": "100%",
            "role": "img",
            "aria-label": title,
            "fill": "currentColor",
            "text-anchor": "middle",
            "font-family": "'Source Sans', 'Source Sans Pro', system-ui, sans-serif",
        },
    )
    SubElement(svg, "title").text = title
    return svg


def add_element(parent: Element, tag: str, **attributes: float | str) -> Element:
    """Add a child; underscores in attribute names become hyphens, numbers are rounded."""
    return SubElement(
        parent,
        tag,
        {name.replace("_", "-"): value if isinstance(value, str) else f"{value:.4g}" for name, value in attributes.items()},
    )


def add_text(parent: Element, x: float, y: float, words: str, size: float, **style: float | str) -> None:
    """Words centred on x; `_{...}` sets a subscript."""
    element = add_element(parent, "text", x=x, y=y, font_size=size, **style)
    for index, piece in enumerate(re.split(r"_\{(\w+)\}", words)):
        if index % 2:
            span = add_element(element, "tspan", dy=size / 4, font_size=0.75 * size)
        else:
            span = add_element(element, "tspan", dy=-size / 4 if index else 0)
        span.text = piece
