"""Select the displayed slice of a sweep: sweep, axes and measure, all kept in the link."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd
import streamlit as st

from dashboard.session.links import from_link, linked_choice
from dashboard.sweep.charts import AXIS_TITLES, SHORT_TITLES, format_setting
from ddnmf_core.analysis.metrics import SCORE_NAMES, SILHOUETTE
from ddnmf_core.config import CLUSTERERS, ClustererName, Representation
from ddnmf_core.data.catalogue import short_name, spec
from ddnmf_core.experiment import sweeps
from ddnmf_core.experiment.sweeps import Sweep
from ddnmf_core.labels import CLUSTERER_TITLES, INPUT_TITLES, MODEL_TITLES, REPRESENTATION_TITLES
from ddnmf_core.store.cluster_scores import clusters_key, input_kind

MEASURE_TITLES = {
    "acc": "ACC",
    "nmi": "NMI",
    "ari": "ARI",
    SILHOUETTE: "Silhouette",
    "error": "Reconstruction error",
    "L_in": "L_in",
    "L_sym": "L_sym",
    "L_ap": "L_ap",
    "L_nc": "L_nc",
    "code_rms": "RMS of the code",
    "constant_units": "Constant units",
    "seconds": "Training time, s",
}
DDNMF_LOSSES = ("L_ap", "L_nc")


@dataclass(frozen=True)
class SweepView:
    """A slice of a sweep, with axes and measure."""

    family: Sweep
    runs: pd.DataFrame  # of the slice, one per row
    axes: list[str]  # x, and y if there are two
    measure: str  # a key of MEASURE_TITLES
    representation: Representation  # of scores and stability
    clusterer: ClustererName
    noisy: bool

    @property
    def x(self) -> str:
        return self.axes[0]

    @property
    def y(self) -> str | None:
        return self.axes[1] if len(self.axes) > 1 else None

    @property
    def title(self) -> str:
        return MEASURE_TITLES[self.measure]

    @property
    def is_score(self) -> bool:
        return self.measure in self.scores

    @property
    def scores(self) -> tuple[str, ...]:
        """Scores of clusters: against the classes, or the silhouette without labels."""
        return score_names(self.family)

    @property
    def score(self) -> str:
        """The score shown for each choice."""
        return self.measure if self.is_score else self.scores[0]

    @property
    def input_title(self) -> str:
        """'clean images'."""
        return INPUT_TITLES[input_kind(self.noisy)]

    @property
    def clustering_title(self) -> str:
        """'K-means on z of the clean images'."""
        return f"{CLUSTERER_TITLES[self.clusterer]} on {self.representation} of the {self.input_title}"

    def column_of(self, measure: str) -> str:
        if measure in self.scores:
            return f"{measure}/{clusters_key(self.representation, self.clusterer, self.noisy)}"
        return f"error/{input_kind(self.noisy)}" if measure == "error" else measure

    @property
    def column(self) -> str:
        return self.column_of(self.measure)

    def cells(self, column: str | None = None) -> pd.DataFrame:
        """Summarise the grid by the measure, or by another column."""
        return sweeps.summarise_cells(self.runs, self.x, self.y, column or self.column)


def score_names(family: Sweep) -> tuple[str, ...]:
    """Return the scores available for the data of a sweep."""
    return SCORE_NAMES if spec(family.base.dataset).labelled else (SILHOUETTE,)


def sweep_title(family: Sweep) -> str:
    """Return model, data and epochs, non-default settings, and the swept settings."""
    c = family.base
    size = f" ({c.n_samples:,})" if c.n_samples else ""
    titled = {*family.axes, "model", "dataset", "n_samples", "epochs", "seed"}
    settings = [
        f"{SHORT_TITLES.get(name, name.replace('_', ' '))} {value}"
        for name, value in c.non_defaults().items()
        if name not in titled
    ]
    swept = [
        f"{SHORT_TITLES[name]} {format_setting(values[0])} to {format_setting(values[-1])}"
        for name, values in family.axes.items()
    ]
    return " · ".join(
        [
            MODEL_TITLES[c.model],
            f"{short_name(c.dataset)}{size}",
            f"{c.epochs} epoch{'s' if c.epochs > 1 else ''}",
            *settings,
            " × ".join(swept),
            f"{len(family.entries)} runs",
        ]
    )


def pick_sweep(families: list[Sweep]) -> Sweep:
    by_id = {family.id: family for family in families}
    wanted = from_link("sweep")
    if wanted is not None and wanted not in by_id:
        st.warning("The sweep in the link is not in this store; showing the newest one.")
    return by_id[
        linked_choice(
            st.selectbox,
            "Sweep",
            list(by_id),
            "sweep",
            explained=True,
            format_func=lambda name: sweep_title(by_id[name]),
            help="Runs that differ only in α, β, γ, the noise level, r and the seed.",
        )
    ]


def pick_view(family: Sweep, runs: pd.DataFrame) -> SweepView:
    axes, at = _pick_axes(family)
    measure, representation, clusterer, noisy = _pick_measure(family)
    for name, value in at.items():
        runs = runs[runs[name] == value]
    return SweepView(family, runs, axes, measure, representation, clusterer, noisy)


def _pick_axes(family: Sweep) -> tuple[list[str], dict[str, Any]]:
    """Pick x and y axis, and the fixed values of the other swept settings."""
    swept = list(family.axes)
    columns = st.columns(max(len(swept) + 1, 4))
    with columns[0]:
        x = linked_choice(st.selectbox, "x axis", swept, "x", swept[-1], format_func=AXIS_TITLES.get)
    rest = [name for name in swept if name != x]
    axes = [x]
    if rest:
        with columns[1]:
            y = linked_choice(
                st.selectbox,
                "y axis",
                [*rest, "none"],
                "y",
                rest[0],
                format_func=lambda name: AXIS_TITLES.get(name, "None (line chart)"),
            )
        axes += [y] if y != "none" else []
    at = {}
    for column, name in zip(columns[2:], [name for name in rest if name not in axes], strict=False):
        values = {format_setting(value): value for value in family.axes[name]}
        counts = Counter(format_setting(getattr(entry.config, name)) for entry in family.entries)
        most = max(values, key=counts.__getitem__)  # the slice with most runs
        with column:
            at[name] = values[linked_choice(st.selectbox, f"{AXIS_TITLES[name]}, fixed at", list(values), f"at.{name}", most)]
    return axes, at


def _pick_measure(family: Sweep) -> tuple[str, Representation, ClustererName, bool]:
    """Pick the measure, and the clustering for scores and stability."""
    others = {*SCORE_NAMES, SILHOUETTE} - {*score_names(family)}
    measures = [
        name for name in MEASURE_TITLES if name not in others and (family.base.model == "ddnmf" or name not in DDNMF_LOSSES)
    ]
    columns = st.columns(4)
    with columns[0]:
        measure = linked_choice(st.selectbox, "Measure", measures, "measure", format_func=MEASURE_TITLES.get)
    with columns[1]:
        input_choice = linked_choice(st.selectbox, "Input", list(INPUT_TITLES), "input", format_func=INPUT_TITLES.get)
    with columns[2]:
        representation = linked_choice(
            st.selectbox, "Representation", family.base.representations, "representation", format_func=REPRESENTATION_TITLES.get
        )
    with columns[3]:
        clusterer = linked_choice(st.selectbox, "Clustering", CLUSTERERS, "clusterer", format_func=CLUSTERER_TITLES.get)
    return measure, cast(Representation, representation), cast(ClustererName, clusterer), input_choice == "noisy"
