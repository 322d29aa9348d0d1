"""Cache the Shapley contributions of one sample's parts; show its strongest parts as a strip."""

from typing import NamedTuple

import streamlit as st
import torch

from dashboard.components.gallery import gallery
from dashboard.session.run_data import HASH_FUNCS, as_picture
from ddnmf_core.data import pictures
from ddnmf_core.interpret.shapley import MAX_EXACT, N_SHAPLEY_PAIRS, Contributions, shapley
from ddnmf_core.store.finished_run import FinishedRun

N_SHOWN_PARTS = 12  # parts with a tile, a bar and a frame
N_STRIP_PARTS, STRIP_PAIRS = 6, 8  # parts beside a map; orders sampled for them


class RankedContributions(NamedTuple):
    """The contributions of all parts, and the parts by strength."""

    contributions: Contributions
    order: torch.Tensor  # (r,), strongest first

    @property
    def shown(self) -> list[int]:
        return self.order[:N_SHOWN_PARTS].tolist()


def cached_contributions(
    run: FinishedRun, H: torch.Tensor, baseline: torch.Tensor, n_pairs: int = N_SHAPLEY_PAIRS
) -> RankedContributions:
    """Compute the contributions of a sample's parts, cached across reruns and pages; do not modify the result."""
    return _contributions(run, tuple(H.tolist()), tuple(baseline.tolist()), n_pairs if len(H) > MAX_EXACT else 0)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=HASH_FUNCS)
def _contributions(run: FinishedRun, H: tuple[float, ...], baseline: tuple[float, ...], n_pairs: int) -> RankedContributions:
    contributions = shapley(run.decode(), torch.tensor(H), torch.tensor(baseline), n_pairs)
    return RankedContributions(contributions, contributions.strength.argsort(descending=True))


def show_strip(
    run: FinishedRun, H: torch.Tensor, key: str, size: int = 72, title: str = "Contributions of the sample's parts"
) -> None:
    """Show a sample's strongest parts between baseline and reconstruction; a click chooses one. Additive parts start at 0."""
    if additive := run.is_additive():
        baseline, start = torch.zeros_like(H), "no parts"
    else:
        baseline, start = torch.from_numpy(run.codes("H").mean(axis=0)), "mean of H"
    ranked = cached_contributions(run, H, baseline, STRIP_PAIRS)
    contributions, shown = ranked.contributions, ranked.order[:N_STRIP_PARTS].tolist()
    ends = pictures.to_u8(as_picture(run, torch.stack([contributions.baseline, contributions.reconstruction]).numpy()))
    scale = float(contributions.values.abs().max()) or 1.0
    tiles = pictures.differences(as_picture(run, contributions.values[shown].numpy()), scale=scale)
    rest = len(H) - len(shown)
    ground = "a blank image" if additive else "the mean image"
    gallery(
        [ends[0], *tiles, ends[1]],
        [
            f"baseline\n{start}",
            *(f"part {k + 1}\nH {H[k]:.2f}" for k in shown),
            f"reconstruction\n+ {rest} parts" if rest else "reconstruction",
        ],
        key=key,
        size=size,
        title=title,
        how=f"Largest first: red is ink added to {ground}, blue ink removed. Click a part to choose it for all pages.",
        on_pick=lambda tile: choose_part_of_tile(shown, tile),
    )


def choose_part_of_tile(shown: list[int], tile: int) -> None:
    if 1 <= tile <= len(shown):
        st.session_state.update(part=shown[tile - 1] + 1)
