"""Find the additive read-out of a run, to explain its images by parts."""

import streamlit as st
import torch

from dashboard.session.part_contributions import RankedContributions
from dashboard.session.run_data import HASH_FUNCS
from dashboard.session.store import store
from ddnmf_core.config import InterpretationConfig
from ddnmf_core.interpret.shapley import shapley
from ddnmf_core.model.decoding import LinearDecode
from ddnmf_core.store.entry import INTERPRETATION_FILE, Entry
from ddnmf_core.store.finished_run import FinishedRun


def read_out_contributions(run: FinishedRun, sample: int) -> RankedContributions | None:
    """Return what each part of the run's newest read-out gives to a clean image of the data set; None without a read-out."""
    found = [
        entry
        for entry in store().entries("interpretations")
        if entry.config.run == run.id and entry.config.factors == "readout" and entry.finished
    ]
    if not found:
        return None
    H, decode = _factors(max(found, key=lambda entry: entry.state.updated))
    contributions = shapley(decode, H[sample], torch.zeros(H.shape[1]))
    return RankedContributions(contributions, contributions.strength.argsort(descending=True))


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=HASH_FUNCS)
def _factors(entry: Entry[InterpretationConfig]) -> tuple[torch.Tensor, LinearDecode]:
    tensors = entry.read_tensors(INTERPRETATION_FILE)
    pictures = torch.from_numpy(tensors["pictures"])
    return torch.from_numpy(tensors["H"]), LinearDecode(pictures, torch.zeros(pictures.shape[1]))
