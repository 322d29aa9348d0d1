"""Show a model read out in additive parts: for autoencoders, which have none of their own, and beside a DDNMF's."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components.action_button import action_button
from dashboard.components.gallery import gallery
from dashboard.session.results import result_of
from dashboard.session.run_data import as_picture, images
from dashboard.session.store import store
from ddnmf_core.config import InterpretationConfig
from ddnmf_core.data import pictures
from ddnmf_core.engine import client as engine
from ddnmf_core.files.read_only import read_only
from ddnmf_core.interpret.measures import measure_rows
from ddnmf_core.store.entry import INTERPRETATION_FILE, PARTS_FILE, SCORES_FILE, Entry
from ddnmf_core.store.finished_run import FinishedRun

FIRST_N_PARTS = 32  # offered first


def show_read_out(run: FinishedRun) -> None:
    """Offer a read-out, or show its parts by importance, with their measures."""
    st.caption(
        "Fits coefficients H ≥ 0 to the hidden layers of the trained model, so that parts V ≥ 0 add up to the image, x = H V, "
        "and the code is linear in H, z = H W + c. The model stays unchanged. Effects of parts are independent."
    )
    n_parts = int(
        st.number_input("Parts of the read-out", 2, 512, FIRST_N_PARTS, key="readout.n_parts", persist_state="session")
    )
    config = InterpretationConfig.of(run.config, factors="readout", n_parts=n_parts)
    entry = store().entry(config)
    if not (entry.exists or store().is_requested(entry) or read_only()):
        action_button("Fit the read-out", "readout.compute", engine.submit, store(), config, icon=":material/play_arrow:")
        return
    if (finished := result_of(config, "Additive read-out")) is not None:
        _show(run, finished)


def _show(run: FinishedRun, entry: Entry[InterpretationConfig]) -> None:
    table, tensors = entry.read_table(PARTS_FILE), entry.read_tensors(INTERPRETATION_FILE)
    order = np.argsort(-table["importance"].to_numpy(), kind="stable")
    atoms = tensors["pictures"][order]
    names = images(run).class_names
    captions = [
        f"part {k + 1}, {table['importance'][k]:.0%}"
        + (f"\n{names[table['class'][k]]} {table['purity'][k]:.0%}" if images(run).labelled else "")
        for k in order
    ]
    gallery(
        pictures.to_u8(as_picture(run, pictures.brightest_at_one(atoms))),
        captions,
        key="readout.tiles",
        size=72,
        title="Additive read-out",
        how="Parts V by importance, the share of each in the contributions, each scaled to its brightest pixel"
        + (", with the class that most of its mass is in." if images(run).labelled else "."),
    )
    measures = pd.DataFrame(measure_rows(entry.read_json(SCORES_FILE)), columns=["Measure", "Value"])
    st.dataframe(measures, hide_index=True, key="readout.scores")
