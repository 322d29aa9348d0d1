"""Show the samples selected by the lasso: images, classes, mean image."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components.gallery import gallery
from dashboard.figures import charts
from dashboard.figures.feature_charts import feature_profiles
from dashboard.figures.saving import show_chart
from dashboard.latent.map import LASSO_KEY, with_classes
from dashboard.session.run_data import as_picture, images
from dashboard.session.selections import choose_sample
from ddnmf_core.export.csv import escape_formulas
from ddnmf_core.store.finished_run import FinishedRun


def show_lasso(run: FinishedRun) -> None:
    """Show images, classes and mean of the selected samples."""
    chosen_images = images(run)
    inside = np.asarray(st.session_state.get(LASSO_KEY, ()), dtype=int)
    inside = inside[inside < len(chosen_images)]
    if not len(inside):
        st.caption("Drag with Shift, or press **Lasso**, to select a group; its images and classes appear here.")
        return
    left, right = st.columns([2, 3])
    counts = np.bincount(chosen_images.labels[inside], minlength=len(chosen_images.class_names))
    if chosen_images.labelled:
        title = f"Classes of the {len(inside):,} selected samples"
        show_chart(
            charts.bar_chart(counts.tolist(), chosen_images.class_names, title),
            "latent.classes",
            "One tall bar: the selection is a single class.",
            place=left,
        )
    else:
        left.markdown(f"**{len(inside):,} of {len(chosen_images):,} samples selected.**")
    with right:
        mean = chosen_images.shown(inside).mean(axis=0).astype(np.uint8)
        shown = inside[:23]
        gallery(
            as_picture(run, np.vstack([mean, chosen_images.shown(shown)])),
            ["mean", *map(str, shown)],
            size=52,
            key="latent.inside",
            on_pick=lambda tile: choose_sample(shown[tile - 1]) if tile else None,
        )
    if chosen_images.feature_names:
        means = {"selected": chosen_images.scaled(inside).mean(axis=0), "all": chosen_images.scaled().mean(axis=0)}
        show_chart(
            feature_profiles(means, chosen_images.feature_names),
            "latent.profiles",
            "Features with a gap distinguish the selection.",
            title="Mean of the selected rows and of all rows, by feature",
        )
    frame = with_classes(run, pd.DataFrame({"sample": inside}))
    st.download_button(
        "Download selection (CSV)",
        lambda: escape_formulas(frame).to_csv(index=False),
        "selection.csv",
        "text/csv",
        key="latent.selection",
        icon=":material/download:",
        on_click="ignore",
    )
