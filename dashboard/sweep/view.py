"""What of a sweep is shown: which one, along which settings, by which measure; the link holds all of it."""

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
from ddnmf_core.store.finished_run import clusters_key, input_kind

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
    "code_rms": "Size of the code",
    "constant_units": "Units that say nothing",
    "seconds": "Training time, s",
}
DDNMF_LOSSES = ("L_ap", "L_nc")


@dataclass(frozen=True)
class SweepView:
    """A slice of a sweep, and what is asked of it."""

    family: Sweep
    runs: pd.DataFrame  # of the slice: a row each
    axes: list[str]  # across, and up where there are two
    measure: str  # of MEASURES
    representation: Representation  # that scores and stability are of
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
        """Of clusters: against the classes, or without labels the silhouette."""
        return score_names(self.family)

    @property
    def score(self) -> str:
        """What stands for a verdict: with labels, where there are any."""
        return self.measure if self.is_score else self.scores[0]

    @property
    def seen(self) -> str:
        """'clean images'."""
        return INPUT_TITLES[input_kind(self.noisy)]

    @property
    def words(self) -> str:
        """'K-means on z of the clean images'."""
        return f"{CLUSTERER_TITLES[self.clusterer]} on {self.representation} of the {self.seen}"

    def column_of(self, measure: str) -> str:
        if measure in self.scores:
            return f"{measure}/{clusters_key(self.representation, self.clusterer, self.noisy)}"
        return f"error/{input_kind(self.noisy)}" if measure == "error" else measure

    @property
    def column(self) -> str:
        return self.column_of(self.measure)

    def cells(self, column: str | None = None) -> pd.DataFrame:
        """The grid, with the mean of the measure or of another column."""
        return sweeps.summarise_cells(self.runs, self.x, self.y, column or self.column)


def score_names(family: Sweep) -> tuple[str, ...]:
    """Scores that clusters of this family's data can have."""
    return SCORE_NAMES if spec(family.base.dataset).labelled else (SILHOUETTE,)


def sweep_title(family: Sweep) -> str:
    """Model, data and epochs, what is unusual, then what is swept."""
    c = family.base
    size = f" ({c.n_samples:,})" if c.n_samples else ""
    usual = {*family.axes, "model", "dataset", "n_samples", "epochs", "seed"}
    unusual = [
        f"{SHORT_TITLES.get(name, name.replace('_', ' '))} {value}"
        for name, value in c.non_defaults().items()
        if name not in usual
    ]
    swept = [
        f"{SHORT_TITLES[name]} {format_setting(values[0])} to {format_setting(values[-1])}"
        for name, values in family.axes.items()
    ]
    return " · ".join(
        [
            MODEL_TITLES[c.model],
            f"{short_name(c.dataset)}{size}",
            f"{c.epochs} epochs",
            *unusual,
            " × ".join(swept),
            f"{len(family.entries)} runs",
        ]
    )


def pick_sweep(found: list[Sweep]) -> Sweep:
    by_id = {family.id: family for family in found}
    wanted = from_link("sweep")
    if wanted is not None and wanted not in by_id:
        st.warning("The sweep that the link names is not in this store; here is the newest one.")
    return by_id[
        linked_choice(
            st.selectbox,
            "Sweep",
            list(by_id),
            "sweep",
            format_func=lambda name: sweep_title(by_id[name]),
            help="Runs of this store that differ in nothing but α, β, γ, the noise level, r and the seed.",
        )
    ]


def pick_view(family: Sweep, runs: pd.DataFrame) -> SweepView:
    axes, at = _pick_axes(family)
    measure, representation, clusterer, noisy = _pick_measure(family)
    for name, value in at.items():
        runs = runs[runs[name] == value]
    return SweepView(family, runs, axes, measure, representation, clusterer, noisy)


def _pick_axes(family: Sweep) -> tuple[list[str], dict[str, Any]]:
    """What goes across, what goes up, and the values at which the other swept settings are held."""
    swept = list(family.axes)
    columns = st.columns(max(len(swept) + 1, 4))
    with columns[0]:
        x = linked_choice(st.selectbox, "Across", swept, "x", swept[-1], format_func=AXIS_TITLES.get)
    rest = [name for name in swept if name != x]
    axes = [x]
    if rest:
        with columns[1]:
            y = linked_choice(
                st.selectbox,
                "Up",
                [*rest, "none"],
                "y",
                rest[0],
                format_func=lambda name: AXIS_TITLES.get(name, "Nothing: a line"),
            )
        axes += [y] if y != "none" else []
    at = {}
    for column, name in zip(columns[2:], [name for name in rest if name not in axes], strict=False):
        values = {format_setting(value): value for value in family.axes[name]}
        with column:
            at[name] = values[linked_choice(st.selectbox, f"{AXIS_TITLES[name]}, held at", list(values), f"at.{name}")]
    return axes, at


def _pick_measure(family: Sweep) -> tuple[str, Representation, ClustererName, bool]:
    """The measure, and the clustering that scores and stability are of."""
    others = {*SCORE_NAMES, SILHOUETTE} - {*score_names(family)}
    there = [
        name for name in MEASURE_TITLES if name not in others and (family.base.model == "ddnmf" or name not in DDNMF_LOSSES)
    ]
    columns = st.columns(4)
    with columns[0]:
        measure = linked_choice(st.selectbox, "Measure", there, "measure", format_func=MEASURE_TITLES.get)
    with columns[1]:
        seen = linked_choice(st.selectbox, "Input", list(INPUT_TITLES), "input", format_func=INPUT_TITLES.get)
    with columns[2]:
        representation = linked_choice(
            st.selectbox, "Representation", family.base.representations, "representation", format_func=REPRESENTATION_TITLES.get
        )
    with columns[3]:
        clusterer = linked_choice(st.selectbox, "Clusters by", CLUSTERERS, "clusterer", format_func=CLUSTERER_TITLES.get)
    return measure, cast(Representation, representation), cast(ClustererName, clusterer), seen == "noisy"
