"""Contributions of the parts of one sample, cached, and the strip of its strongest parts."""

from typing import NamedTuple

import streamlit as st
import torch

from dashboard.components.gallery import gallery
from dashboard.session.run_data import HASH_FUNCS, as_picture
from ddnmf_core.data import pictures
from ddnmf_core.interpret.shapley import MAX_EXACT, N_SHAPLEY_PAIRS, Contributions, shapley
from ddnmf_core.store.finished_run import FinishedRun

N_SHOWN_PARTS = 12  # parts with a tile, a bar and a frame of the film


N_STRIP_PARTS, STRIP_PAIRS = 6, 8  # parts beside a map; orders sampled for them


class SharedOut(NamedTuple):
    """The contributions, and the parts by how much they change the picture."""

    contributions: Contributions
    order: torch.Tensor  # (r,), the strongest first

    @property
    def shown(self) -> list[int]:
        return self.order[:N_SHOWN_PARTS].tolist()


def cached_contributions(
    run: FinishedRun, H: torch.Tensor, baseline: torch.Tensor, n_pairs: int = N_SHAPLEY_PAIRS
) -> SharedOut:
    """What each part adds to this sample; not to be changed. It is kept: pages run again for many reasons, and the sample that
    was clicked on a map is the one that Explain shows."""
    return _shared_out(run, tuple(H.tolist()), tuple(baseline.tolist()), n_pairs if len(H) > MAX_EXACT else 0)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=HASH_FUNCS)
def _shared_out(run: FinishedRun, H: tuple[float, ...], baseline: tuple[float, ...], n_pairs: int) -> SharedOut:
    found = shapley(run.ddnmf().student.decode, torch.tensor(H), torch.tensor(baseline), n_pairs)
    return SharedOut(found, found.strength.argsort(descending=True))


def show_strip(run: FinishedRun, H: torch.Tensor, baseline: torch.Tensor, key: str) -> None:
    """The strongest parts of one sample in a line, from the baseline to the reconstruction; a click chooses a part."""
    shared = cached_contributions(run, H, baseline, STRIP_PAIRS)
    found, shown = shared.contributions, shared.order[:N_STRIP_PARTS].tolist()
    ends = pictures.to_u8(as_picture(run, torch.stack([found.baseline, found.reconstruction]).numpy()))
    tiles = pictures.differences(as_picture(run, found.values[shown].numpy()), scale=float(found.values.abs().max()) or 1.0)
    rest = len(H) - len(shown)
    gallery(
        [ends[0], *tiles, ends[1]],
        [
            "baseline\nmean of H",
            *(f"part {k + 1}\nH {H[k]:.2f}" for k in shown),
            f"rebuilt\n+ {rest} parts" if rest else "rebuilt",
        ],
        key=key,
        size=72,
        on_pick=lambda tile: _choose(shown, tile),
    )


def _choose(shown: list[int], tile: int) -> None:
    if 1 <= tile <= len(shown):
        st.session_state.update(part=shown[tile - 1] + 1)
