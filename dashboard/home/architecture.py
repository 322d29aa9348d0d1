"""Draw Figure 1 of the paper for a configuration, with the losses of a run, as an inline SVG.

Lines and text use `currentColor`, the three losses hues that are legible on white and black, all as attributes without
a style sheet, so that the drawing follows the theme. `st.html` removes SVG; `st.markdown(svg, unsafe_allow_html=True)`
keeps it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, tostring

from dashboard.figures.palette import LOSS_COLOURS
from dashboard.figures.svg import add_element, add_text, make_canvas
from dashboard.home import icons
from ddnmf_core.config import RunConfig

DRAWING_WIDTH = 1000  # of the drawing; it scales to the page
SIDE_MARGIN = 104  # left and right of the networks, for the images
BLOCK_WIDTH = 20  # width of a layer
SHORTEST, TALLEST = 14, 110  # heights of a layer of 1 unit and of the widest layer
MODULE_PITCH = 92  # from X to H and from H to X_hat
WIDEST_PITCH = 120  # between any other two layers
LINK_BAND_HEIGHT = 76  # height of the band of L_ap
PIXEL_SIZE = 6  # of an icon


class Term(NamedTuple):
    """How a term of eq 7 is drawn: letter and name of its weight, hue, meaning."""

    letter: str
    weight: str
    hue: str
    meaning: str


SYM = Term("α", "alpha", LOSS_COLOURS["L_sym"], "reconstruct the image")
AP = Term("β", "beta", LOSS_COLOURS["L_ap"], "match layers")
NC = Term("γ", "gamma", LOSS_COLOURS["L_nc"], "reconstruct the code")
TERMS = {"L_sym": SYM, "L_ap": AP, "L_nc": NC}

NOISE_WORDS = {
    "gaussian": "Gaussian",
    "masking": "masking",
    "salt_and_pepper": "salt & pepper",
    "displacement": "displaced",
    "gaussian_displacement": "displaced, Gaussian",
}


@dataclass(frozen=True)
class Block:
    """One layer of the drawing: centre, units and height."""

    x: float
    y: float
    units: int
    height: float

    @property
    def top(self) -> float:
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height / 2


def draw_architecture(config: RunConfig, n_pixels: int, row: Mapping[str, Any] | None = None) -> str:
    """Draw the architecture of a run, with the losses of a row of its history if given."""
    figure = _draw_ddnmf if config.model == "ddnmf" else _draw_autoencoder
    return tostring(figure(config, n_pixels, row), encoding="unicode")


# ---------------------------------------------------------------------------------- the two figures


def _draw_ddnmf(config: RunConfig, n_pixels: int, row: Mapping[str, Any] | None) -> Element:
    sizes = (n_pixels, *config.encoder_layers)
    decoded = (*config.decoder_layers, n_pixels)
    at_code = config.nmf_at == "code"
    if at_code:  # between encoder and decoder
        first = len(config.encoder_layers)  # number of the module's first layer
        units = (*sizes, config.n_parts, config.code_size, *decoded)
    else:  # instead of the decoder's last layer
        first = len(config.encoder_layers) + len(config.decoder_layers)
        units = (*sizes, *config.decoder_layers, config.n_parts, n_pixels)
    xs = _columns(first, len(units) - first - 3, (MODULE_PITCH, MODULE_PITCH))
    supervisor_xs = xs[: first + 1] + (xs[first + 3 :] if at_code else xs[-1:])
    module_height = max(_height(n, max(units)) for n in units[first : first + 3])

    supervisor_y = 148.0
    band = supervisor_y + TALLEST / 2  # top of the band of L_ap
    student_y = band + LINK_BAND_HEIGHT + max(TALLEST / 2, module_height / 2 + 48)
    student = _blocks(xs, student_y, units)
    supervisor = _blocks(supervisor_xs, supervisor_y, sizes + decoded, max(units))
    module = student[first : first + 3]
    X, H, X_hat = module
    panel_top, panel_bottom = student_y - module_height / 2 - 48, student_y + module_height / 2 + 50
    height = max(panel_bottom + 68, student_y + TALLEST / 2 + 38) + _footer_height(row)

    svg = make_canvas(
        DRAWING_WIDTH,
        height,
        f"DDNMF: a supervisor of layers {_chain(supervisor)} on clean images teaches a student "
        f"of layers {_chain(student)} on noisy ones, with an NMF module of {H.units} parts",
    )
    shares = row.get("layer_shares") if row else None
    partners = student[1 : first + 1] + student[first + 3 :]
    _links(svg, supervisor[1 : len(partners) + 1], partners, shares, band + LINK_BAND_HEIGHT / 2 + 2, X)
    margin = min((student[first + 3].x - X_hat.x) / 2, 30) if at_code else 16
    _panel(svg, module, margin, panel_top, panel_bottom, config)
    _network(svg, supervisor, bridge=first, gap=(2 if at_code else 1) * MODULE_PITCH)
    _network(svg, student, below=True, module=range(first, first + 3))

    noisy, clean = icons.noisy_icon(config), icons.clean_icon(config)
    _picture(svg, supervisor[0], -1, clean, "Supervisor", "x", "clean image")
    _picture(svg, supervisor[-1], 1, clean, "", "y", "reconstruction")
    _picture(svg, student[0], -1, noisy, "Student", "x̃", *_noise_words(config))
    _picture(svg, student[-1], 1, clean, "", f"h̃[{len(units) - 1}]", "denoised")

    _bracket(svg, supervisor[0].x, supervisor[-1].x, supervisor[0].top - 25, 54, SYM.hue)
    _loss(svg, DRAWING_WIDTH / 2, 24, "L_sym", config, row)
    _loss(svg, (X.x + supervisor[first + 1].x) / 2, band + LINK_BAND_HEIGHT / 2 - 8, "L_ap", config, row)
    _bracket(svg, X.x if at_code else H.x, X_hat.x, panel_bottom + 6, panel_bottom + 22, NC.hue)
    meaning = "" if at_code else "reconstruct the clean image"
    _loss(svg, min(H.x, DRAWING_WIDTH - 150), panel_bottom + 44, "L_nc", config, row, meaning)
    _equation(svg, height, config, row)
    return svg


def _draw_autoencoder(config: RunConfig, n_pixels: int, row: Mapping[str, Any] | None) -> Element:
    sizes = (n_pixels, *config.encoder_layers)
    blocks = _blocks(
        _columns(len(config.encoder_layers), len(config.decoder_layers) + 1), 148, (*sizes, *config.decoder_layers, n_pixels)
    )
    height = 236 + _footer_height(row)
    svg = make_canvas(
        DRAWING_WIDTH, height, f"{config.model.upper()}: an autoencoder of layers {_chain(blocks)} on noisy images"
    )
    _network(svg, blocks)
    _picture(svg, blocks[0], -1, icons.noisy_icon(config), config.model.upper(), "x̃", *_noise_words(config))
    target, picture = ("clean", icons.clean_icon(config)) if config.model == "dae" else ("noisy", icons.noisy_icon(config))
    _picture(svg, blocks[-1], 1, picture, "", "y", "reconstruction")
    _bracket(svg, blocks[0].x, blocks[-1].x, blocks[0].top - 25, 54, SYM.hue)
    _loss(svg, DRAWING_WIDTH / 2, 24, "L_sym", config, row, f"reconstruct the {target} image")
    _equation(svg, height, config, row)
    return svg


# ------------------------------------------------------------------------------------------- layout


def _columns(n_encoder: int, n_decoder: int, middle: Sequence[float] = ()) -> list[float]:
    """Return the centres of the layers: encoder and decoder in equal steps around the module."""
    pitch = min((DRAWING_WIDTH - 2 * SIDE_MARGIN - sum(middle)) / (n_encoder + n_decoder), WIDEST_PITCH)
    steps = [pitch] * n_encoder + [*middle] + [pitch] * n_decoder
    return list(accumulate(steps, initial=(DRAWING_WIDTH - sum(steps)) / 2))


def _height(units: int, most: int) -> float:
    return SHORTEST + (TALLEST - SHORTEST) * math.log(units) / math.log(max(most, 2))


def _blocks(xs: Sequence[float], y: float, units: Sequence[int], most: int | None = None) -> list[Block]:
    return [Block(x, y, n, _height(n, most or max(units))) for x, n in zip(xs, units, strict=True)]


# -------------------------------------------------------------------------------------------- parts


def _network(
    svg: Element,
    blocks: Sequence[Block],
    below: bool = False,
    module: Sequence[int] = (),
    bridge: int | None = None,
    gap: float = 0.0,
) -> None:
    """Draw layers with their widths and the flow between them; `bridge`: the layer before the supervisor's gap."""
    for index, (a, b) in enumerate(pairwise(blocks)):
        hue = NC.hue if {index, index + 1} <= {*module} else "currentColor"
        if index == bridge:
            a = _carry(svg, a, a.x + gap)
        _flow(svg, a, b, hue)
    for index, block in enumerate(blocks):
        hue = NC.hue if index in module else "currentColor"
        add_element(
            svg,
            "rect",
            x=block.x - BLOCK_WIDTH / 2,
            y=block.top,
            width=BLOCK_WIDTH,
            height=block.height,
            rx=4,
            fill=hue,
            fill_opacity=0.45 if index in module else 0.22,
            stroke=hue,
            stroke_opacity=0.75,
        )
        add_text(svg, block.x, block.bottom + 17 if below else block.top - 7, str(block.units), 13)


def _flow(svg: Element, a: Block, b: Block, hue: str) -> None:
    left, right = a.x + BLOCK_WIDTH / 2, b.x - BLOCK_WIDTH / 2
    add_element(
        svg,
        "path",
        d=f"M{left:.1f} {a.top:.1f}L{right:.1f} {b.top:.1f}V{b.bottom:.1f}L{left:.1f} {a.bottom:.1f}Z",
        fill=hue,
        fill_opacity=0.08,
    )


def _carry(svg: Element, a: Block, x: float) -> Block:
    """Draw the supervisor's code past the columns of the student's H and X_hat."""
    _flow(svg, a, replace(a, x=x + BLOCK_WIDTH), "currentColor")
    return replace(a, x=x)


def _panel(svg: Element, module: Sequence[Block], margin: float, top: float, bottom: float, config: RunConfig) -> None:
    """Draw the panel behind the layers of the NMF module, their names and eq 3, or its extension at the pixels."""
    left, middle, right = (block.x for block in module)
    add_element(
        svg,
        "rect",
        x=left - margin,
        y=top,
        width=right - left + 2 * margin,
        height=bottom - top,
        rx=10,
        fill=NC.hue,
        fill_opacity=0.07,
        stroke=NC.hue,
        stroke_opacity=0.35,
    )
    add_text(svg, middle, top + 19, "NMF module", 13, fill=NC.hue, font_weight=600)
    if config.nmf_at == "code":
        names, bias = ("X", "H", "X̂"), " + b" if config.coefficients == "biased" else ""
        equation = f"H = σ(W′X{bias}),  X̂ = relu(WH)"
    else:
        names, equation = ("h", "H", "x̂"), "H = s·softplus(Vh + b),  x̂ = WH"
    for block, name in zip(module, names, strict=True):
        add_text(svg, block.x, block.top - 8, name, 14, fill=NC.hue, font_style="italic")
    add_text(svg, middle, bottom - 12, equation, 13, fill=NC.hue)


def _links(
    svg: Element, supervisor: Sequence[Block], student: Sequence[Block], shares: Sequence[float] | None, middle: float, X: Block
) -> None:
    """Draw L_ap layer by layer, with the layer's fraction as thickness and label."""
    thickness: Sequence[float | None] = shares or [None] * len(student)
    for a, b, share in zip(supervisor, student, thickness, strict=True):
        end = b.top - (24 if b == X else 3)
        spans = [(a.bottom + 3, end)] if share is None else [(a.bottom + 3, middle - 11), (middle + 9, end)]
        for start, stop in spans:
            add_element(
                svg,
                "path",
                d=f"M{a.x:.1f} {start:.1f}V{stop:.1f}",
                stroke=AP.hue,
                stroke_dasharray="4 3",
                stroke_width=1.2 if share is None else 1 + 5 * share,
            )
        if share is not None:
            add_text(svg, a.x, middle + 4, _percent(share), 12, fill=AP.hue, font_weight=600)


def _bracket(svg: Element, left: float, right: float, foot: float, line: float, hue: str) -> None:
    """Draw a bracket from `left` to `right`, with rounded corners, between the heights `foot` and `line`."""
    turn = 8 if line > foot else -8
    add_element(
        svg,
        "path",
        d=f"M{left:.1f} {foot:.1f}V{line - turn:.1f}q0 {turn} 8 {turn}H{right - 8:.1f}q8 0 8 {-turn}V{foot:.1f}",
        fill="none",
        stroke=hue,
        stroke_width=1.6,
    )
    for x in (left, right):
        add_element(svg, "circle", cx=x, cy=foot, r=2.6, fill=hue)


def _loss(
    svg: Element, x: float, y: float, name: str, config: RunConfig, row: Mapping[str, Any] | None, meaning: str = ""
) -> None:
    """Write a term of eq 7: value if given, meaning and weight."""
    term = TERMS[name]
    value = f" = {_number(row[name])}" if row else ""
    weight = f"{term.letter} = {_number(getattr(config, term.weight))}"
    add_text(svg, x, y, _symbol(name) + value, 16, fill=term.hue, font_weight=600)
    add_text(svg, x, y + 18, f"{meaning or term.meaning}, {weight}", 13, fill=term.hue)


def _picture(svg: Element, block: Block, side: int, pixels: Sequence[float], title: str, symbol: str, *words: str) -> None:
    """Draw an image beside the first (side -1) or last layer (side 1), with title above and name below."""
    x, reach = block.x + 58 * side, 4 * PIXEL_SIZE
    for opacity in (0.25, 0.5, 0.75, 1):
        cells = [i for i, p in enumerate(pixels) if math.ceil(4 * p) == 4 * opacity]
        square = f"h{PIXEL_SIZE}v{PIXEL_SIZE}h-{PIXEL_SIZE}z"
        corners = [(x - reach + i % 8 * PIXEL_SIZE, block.y - reach + i // 8 * PIXEL_SIZE) for i in cells]
        path = "".join(f"M{left:.1f} {top:.1f}{square}" for left, top in corners)
        if path:
            add_element(svg, "path", d=path, fill="currentColor", fill_opacity=0.8 * opacity)
    add_element(
        svg,
        "rect",
        x=x - reach - 2,
        y=block.y - reach - 2,
        width=2 * reach + 4,
        height=2 * reach + 4,
        rx=4,
        fill="none",
        stroke="currentColor",
        stroke_opacity=0.35,
    )
    tail = x + (reach + 4 if side < 0 else -reach - 11)
    add_element(svg, "path", d=f"M{tail:.1f} {block.y - 5:.1f}l7 5l-7 5Z", fill="currentColor", fill_opacity=0.6)
    add_text(svg, x, block.y - reach - 12, title, 14, font_weight=600)
    add_text(svg, x, block.y + reach + 20, symbol, 15, font_style="italic")
    for line, word in enumerate(words):
        add_text(svg, x, block.y + reach + 36 + 15 * line, word, 12, fill_opacity=0.75)


def _equation(svg: Element, height: float, config: RunConfig, row: Mapping[str, Any] | None) -> None:
    """Write eq 7 and the values of its terms."""
    names = list(TERMS) if config.model == "ddnmf" else ["L_sym"]
    y = height - _footer_height(row) + 24
    add_text(svg, DRAWING_WIDTH / 2, y, "L_{in} = " + " + ".join(f"{TERMS[name].letter} {_symbol(name)}" for name in names), 15)
    if row:
        terms = [row["weighted"][name] for name in names]
        parts = f" = {' + '.join(map(_number, terms))}" if len(terms) > 1 else ""
        add_text(
            svg, DRAWING_WIDTH / 2, y + 22, f"{_number(sum(terms))}{parts} at epoch {row['epoch']:.4g}", 13, fill_opacity=0.75
        )


# -------------------------------------------------------------------------------- text and numbers


def _footer_height(row: Mapping[str, Any] | None) -> int:
    return 60 if row else 38


def _noise_words(config: RunConfig) -> tuple[str, str]:
    return NOISE_WORDS[
        config.noise_kind
    ], f"{'level' if config.noise_kind == 'displacement' else 'noise'} {_percent(config.noise_level)}"


def _symbol(name: str) -> str:
    letter, index = name.split("_")
    return f"{letter}_{{{index}}}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= value < 1e6 else f"{value:.3g}"


def _percent(share: float) -> str:
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def _chain(blocks: Sequence[Block]) -> str:
    return "-".join(str(block.units) for block in blocks)
