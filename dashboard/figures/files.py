"""Save figures as files: PNG and SVG for papers and slides, HTML to view without a server. No Streamlit."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

PNG, SVG, HTML = "PNG", "SVG", "HTML"
MIME = {PNG: "image/png", SVG: "image/svg+xml", HTML: "text/html"}
DPI = 200
PAGE_TEMPLATE = Path(__file__).with_name("drawing.html")


class Drawing(Protocol):
    """A figure that can be saved; `formats` are those that need no browser."""

    formats: ClassVar[tuple[str, ...]]

    def as_file(self, kind: str, title: str) -> bytes: ...


@dataclass(frozen=True, eq=False)
class Chart:
    """A Plotly figure. Its PNG and SVG are made by the browser, on the page or in the HTML file."""

    figure: "go.Figure"
    formats: ClassVar[tuple[str, ...]] = (HTML,)

    def as_file(self, kind: str, title: str) -> bytes:
        from plotly.offline import get_plotlyjs

        return _page(title, plotly=get_plotlyjs(), figure=self.figure.to_json())


@dataclass(frozen=True, eq=False)
class Tiles:
    """Small pictures with captions: (h, w) gray, (h, w, 3) RGB or (h, w, 4) RGBA each."""

    pictures: NDArray[np.uint8] | Sequence[NDArray[np.uint8]]
    captions: Sequence[str]
    most_beside: int = 10
    formats: ClassVar[tuple[str, ...]] = (PNG, SVG, HTML)

    def as_file(self, kind: str, title: str) -> bytes:
        if kind == HTML:
            from ddnmf_core.data.pictures import data_link

            return _page(
                title,
                tiles=[(data_link(picture), caption) for picture, caption in zip(self.pictures, self.captions, strict=True)],
            )
        n_columns = min(self.most_beside, len(self.pictures))
        n_rows = -(-len(self.pictures) // n_columns)
        figure = _figure(1.1 * n_columns, 1.45 * n_rows)
        for number, (picture, caption) in enumerate(zip(self.pictures, self.captions, strict=True), 1):
            axis = figure.add_subplot(n_rows, n_columns, number)
            axis.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axis.set_xlabel(caption, fontsize=6)
            axis.set(xticks=[], yticks=[])
        return _saved(figure, kind)


@dataclass(frozen=True, eq=False)
class PointMap:
    """Points (n, 2), their colours (n, 3) and optional categories (n,) with names."""

    points: NDArray[np.float32]
    colours: NDArray[np.uint8]
    category: NDArray[np.uint16] | None = None
    names: Sequence[str] = ()
    formats: ClassVar[tuple[str, ...]] = (PNG, SVG, HTML)

    def as_file(self, kind: str, title: str) -> bytes:
        return Chart(self._chart()).as_file(HTML, title) if kind == HTML else _saved(self._drawn(), kind)

    def _groups(self) -> list[tuple[str, NDArray[np.bool_]]]:
        if self.category is None:
            return [("", np.ones(len(self.points), bool))]
        return [(name, self.category == number) for number, name in enumerate(self.names) if (self.category == number).any()]

    def _drawn(self) -> "Figure":
        figure = _figure(6, 5)
        axis = figure.add_subplot()
        for name, inside in self._groups():
            x, y = self.points[inside].T
            axis.scatter(x, y, s=2, linewidths=0, c=self.colours[inside] / 255, label=name, rasterized=True)
        axis.set(xticks=[], yticks=[], aspect="equal")
        if self.category is not None:
            axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, markerscale=4, fontsize=8)
        return figure

    def _chart(self) -> "go.Figure":
        import plotly.graph_objects as go

        figure = go.Figure()
        for name, inside in self._groups():
            colours = [f"rgb({red}, {green}, {blue})" for red, green, blue in self.colours[inside]]
            figure.add_scattergl(
                x=self.points[inside, 0],
                y=self.points[inside, 1],
                mode="markers",
                name=name,
                marker={"size": 3, "color": colours if self.category is None else colours[0]},
                hoverinfo="name" if name else "none",
            )
        figure.update_layout(
            showlegend=self.category is not None,
            legend_itemsizing="constant",
            height=700,
            xaxis_visible=False,
            yaxis={"visible": False, "scaleanchor": "x"},
        )
        return figure


@dataclass(frozen=True, eq=False)
class Vector:
    """An SVG drawing."""

    svg: str
    formats: ClassVar[tuple[str, ...]] = (SVG, HTML)

    def as_file(self, kind: str, title: str) -> bytes:
        return _page(title, svg=self.svg) if kind == HTML else self.svg.encode()


def _page(title: str, **content: Any) -> bytes:
    from jinja2 import Environment

    page = Environment(autoescape=True).from_string(PAGE_TEMPLATE.read_text("utf-8"))
    return page.render(title=title, **content).encode()


def _figure(width: float, height: float) -> "Figure":
    """Create a matplotlib figure, in inches, without pyplot, whose figure list is shared by all sessions."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _saved(figure: "Figure", kind: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind.lower(), dpi=DPI, bbox_inches="tight")
    return buffer.getvalue()


def draw_points(points: NDArray[np.float32], colours: NDArray[np.uint8], size: int = 480) -> NDArray[np.uint8]:
    """Rasterise a map with 2 x 2 pixels per point, y upwards: (n, 2) and (n, 3) RGB -> (size, size, 4) RGBA."""
    low, high = points.min(axis=0), points.max(axis=0)
    place = (points - (low + high) / 2) / max(float((high - low).max()), 1e-9) + 0.5
    column, row = (np.clip(place * [1, -1] + [0, 1], 0, 1) * (size - 2)).astype(int).T
    picture = np.zeros((size, size, 4), np.uint8)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        picture[row + down, column + right] = np.column_stack([colours, np.full(len(colours), 255, np.uint8)])
    return picture
