"""Compare the store's own runs: a table, and of the ticked runs scores, settings, curves and reconstructions side by side."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from dashboard.components.gallery import gallery
from dashboard.figures.charts import log_axis
from dashboard.figures.palette import LEGEND_ABOVE, MARGIN
from dashboard.figures.saving import show_chart, show_title
from dashboard.session.links import linked_choice, set_choice
from dashboard.session.run_data import as_pictures, cached_run, images
from dashboard.session.run_list import run_frame, show_run_list
from dashboard.session.selections import show_unfinished
from dashboard.session.store import EXPLAIN_PAGE, PARTS_PAGE, store
from ddnmf_core.config import RunConfig
from ddnmf_core.data import pictures
from ddnmf_core.data.dataset import Images
from ddnmf_core.display.text import in_markdown, in_plotly
from ddnmf_core.experiment.run_table import HELD_OUT_COLUMNS, SCORE_COLUMNS
from ddnmf_core.export.csv import escape_formula, escape_formulas
from ddnmf_core.files.read_only import read_only
from ddnmf_core.store.entry import RunEntry
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.run_names import MAX_RUN_NAME, rename_run, run_name, run_title

FIRST_COLUMNS = (
    "Name",
    "Model",
    "Data",
    *(name for name in SCORE_COLUMNS if not name.startswith("ARI")),
    "Error",
    "Seed",
    "State",
)
MAX_COMPARED, COMPARED_TILE_WIDTH = 8, 64
CURVES = {
    "error_student": "Error of noisy images",
    "error_supervisor": "Error of the supervisor",
    "L_in": "L_in",
    "L_sym": "L_sym",
    "L_ap": "L_ap",
    "L_nc": "L_nc",
}
NO_REFERENCE = "none"


def show_own_runs() -> None:
    """Show the table of runs; compare the ticked ones."""
    shown = _filtered(store().entries())
    if not shown:
        st.info("No matching runs. Clear the text.")
        return
    ticked = show_run_list(shown, "compare.runs", "multi-row", FIRST_COLUMNS)
    finished = [entry for entry in ticked if entry.finished]
    for entry in [entry for entry in ticked if not entry.finished][:MAX_COMPARED]:
        show_unfinished(entry, brief=True)
    if len(finished) == 1:
        _show_actions(finished[0])
    if len(finished) < 2:
        st.caption("Click a heading to sort. Tick two or more finished runs to compare them, or one to rename or open it.")
        return
    if len(finished) > MAX_COMPARED:
        st.caption(f"The first {MAX_COMPARED} ticked runs are compared.")
    runs = [cached_run(entry) for entry in finished[:MAX_COMPARED]]
    labels = _labels(runs)
    _show_scores(runs, labels)
    _show_curves(runs, labels)
    _show_reconstructions(runs, labels)
    _show_settings(runs, labels)


def _filtered(entries: list[RunEntry]) -> list[RunEntry]:
    text = st.text_input(
        "Filter", key="compare.runs.text", placeholder="name, model, data or setting", persist_state="session"
    ).lower()
    return [entry for entry in entries if text in f"{run_title(entry)} {entry.id}".lower()]


def _show_actions(entry: RunEntry) -> None:
    """Rename, open, or take the settings of one run."""
    st.session_state[key := f"compare.name.{entry.id}"] = run_name(entry)  # it may have been named elsewhere
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Run name",
            key=key,
            max_chars=MAX_RUN_NAME,
            placeholder="e.g. weak NMF",
            disabled=read_only(),
            help="Shown in every selector and table; kept with the run.",
            on_change=lambda: rename_run(entry, st.session_state[key]),
        )
        if entry.config.model == "ddnmf":
            st.page_link(PARTS_PAGE, label="Parts", icon=":material/extension:", query_params={"run": entry.id})
        st.page_link(EXPLAIN_PAGE, label="Explain", icon=":material/search:", query_params={"run": entry.id})
        st.button("Use on all pages", key="compare.choose", on_click=set_choice, args=("run", entry.id))


def _labels(runs: Sequence[FinishedRun]) -> list[str]:
    """Return short labels of runs: name or model and settings, then of data, seed and id what is needed to tell them apart."""
    rows = run_frame([run.entry for run in runs]).to_dict("records")
    labels = [
        str(row["Name"]) if run_name(run.entry) else f"{row['Model']}, {row['Name']}"
        for run, row in zip(runs, rows, strict=True)
    ]
    for told in ("Data", "Seed", "Run"):
        if len(set(labels)) < len(labels) and len({row[told] for row in rows}) > 1:
            word = "seed " if told == "Seed" else ""
            labels = [f"{label}, {word}{row[told]}" for label, row in zip(labels, rows, strict=True)]
    return labels


def _show_scores(runs: Sequence[FinishedRun], labels: Sequence[str]) -> None:
    """Show scores side by side, as differences to a reference where one is chosen."""
    show_title("Scores", "One seed each: scores vary by several points across seeds (tab Paper's tables).")
    ids = [run.id for run in runs]
    options = {NO_REFERENCE: "none", **dict(zip(ids, labels, strict=True))}
    reference = linked_choice(
        st.selectbox,
        "Reference",
        list(options),
        "reference",
        format_func=options.get,
        help="Other runs are shown as differences to it, scores in points (hundredths).",
    )
    names = [*SCORE_COLUMNS, *HELD_OUT_COLUMNS, "Error"]
    table = run_frame([run.entry for run in runs])[names].apply(pd.to_numeric)
    table.index = pd.Index(map(escape_formula, labels), name="Run")  # the table's own download writes cells as they are
    table = table.dropna(axis=1, how="all")
    texts = table.apply(lambda column: column.map(f"{{:{'.4f' if column.name == 'Error' else '.3f'}}}".format)).astype(object)
    if reference != NO_REFERENCE:
        at = ids.index(reference)
        for row in range(len(table)):
            for column, name in enumerate(table):
                scale, form = (1, "+.4f") if name == "Error" else (100, "+.1f")
                if row != at:
                    texts.iloc[row, column] += f" ({scale * (table.iloc[row, column] - table.iloc[at, column]):{form}})"
    st.dataframe(texts, key="compare.runs.scores")
    if len({run.config.dataset for run in runs}) > 1:
        st.caption("These runs were trained on different data: their scores and errors are not comparable.")


def _show_curves(runs: Sequence[FinishedRun], labels: Sequence[str]) -> None:
    """Overlay one curve of each run."""
    rows = {label: run.epochs() for label, run in zip(labels, runs, strict=True)}
    available = {name: title for name, title in CURVES.items() if any(_value(each, name) is not None for each in rows.values())}
    name = linked_choice(
        st.segmented_control, "Curve", list(available), "curve", format_func=available.get, required=True, wrap=True
    )
    figure = go.Figure()
    for label, epochs in rows.items():
        if _value(epochs, name) is not None:
            values = [row.get(name, row.get("error")) for row in epochs]
            figure.add_scatter(
                x=[row["epoch"] for row in epochs], y=values, name=in_plotly(label), mode="lines+markers", marker_size=4
            )
    figure.update_layout(
        xaxis_title="epoch",
        yaxis={"title": available[name]} | log_axis(value for trace in figure.data for value in trace.y),
        margin=MARGIN,
        height=320,
        showlegend=True,
        legend=LEGEND_ABOVE,
    )
    how = (
        "Errors: on the same images and noise after every epoch, comparable between settings. "
        if name.startswith("error")
        else ""
    )
    show_chart(figure, "compare.curves", f"{how}Log scale.", title=f"Training curves: {available[name]}")


def _value(epochs: Sequence[dict[str, Any]], name: str) -> float | None:
    """Return the last value of a curve; an autoencoder's error stands for the student's."""
    if not epochs:
        return None
    value = epochs[-1].get(name, epochs[-1].get("error") if name == "error_student" else None)
    return None if value is None else float(value)


def _show_reconstructions(runs: Sequence[FinishedRun], labels: Sequence[str]) -> None:
    """Show the same images, corrupted as each run was trained, reconstructed by each."""
    import torch

    from ddnmf_core.model.corruption import corrupt_each

    show_title(
        "Same images, reconstructed by each run",
        "Input: the images with the noise of each run's training. Error: mean squared error against the clean image.",
    )
    of_same = [run for run in runs if run.config.dataset == runs[0].config.dataset]
    of = images(min(of_same, key=lambda run: run.config.n_samples or len(images(run))))
    samples = of.one_of_each_class()[:10]
    clean = torch.from_numpy(of.scaled(samples))
    gallery(
        _pictures(of, clean.numpy()),
        [of.caption(sample) for sample in samples],
        key="compare.clean",
        size=COMPARED_TILE_WIDTH,
        title="Clean images",
    )
    for label, run in zip(labels, runs, strict=True):
        if run not in of_same:
            continue
        config = run.config
        noisy = corrupt_each(
            clean, torch.from_numpy(samples), config.noise_kind, config.noise_level, config.seed, of.image_shape
        )
        with torch.no_grad():
            rebuilt = run.model()(noisy).numpy()
        errors = ((rebuilt - clean.numpy()) ** 2).mean(axis=1)
        st.markdown(f"**{in_markdown(label)}**, noise {config.noise_level:.0%}")
        gallery(
            _pictures(of, rebuilt),
            [f"error {error:.3f}" for error in errors],
            key=f"compare.rebuilt.{run.id}",
            size=COMPARED_TILE_WIDTH,
            title=f"Reconstructions by {label}",
        )
    if len(of_same) < len(runs):
        st.caption("Runs on other data are left out here.")


def _pictures(of: Images, pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    return pictures.to_u8(as_pictures(of, pixels))


def _show_settings(runs: Sequence[FinishedRun], labels: Sequence[str]) -> None:
    """List the settings in which the runs differ."""
    st.markdown("**Settings that differ**")
    differing = {
        name: [_text(getattr(run.config, name)) for run in runs]
        for name in RunConfig.model_fields
        if len({getattr(run.config, name) for run in runs}) > 1
    }
    if not differing:
        st.caption("None.")
        return
    table = pd.DataFrame(differing, index=pd.Index(labels, name="Run")).T.rename_axis("Setting")
    st.dataframe(escape_formulas(table), key="compare.settings")


def _text(value: object) -> str:
    return "-".join(map(str, value)) if isinstance(value, tuple) else "all" if value is None else str(value)
