"""Cache the Shapley contributions of one sample's parts; show its strongest parts as a strip."""

from typing import NamedTuple

import streamlit as st
import torch

from dashboard.components.gallery import gallery
from dashboard.session.run_data import HASH_FUNCS, as_picture
from ddnmf_core.data import pictures
from ddnmf_core.display.equation import VISIBLE
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

    @property
    def shares(self) -> torch.Tensor:
        """Share of each part in the ink of all, (r,)."""
        ink = self.contributions.values.sum(dim=1)
        return ink / ink.sum().clamp(min=1e-12)


def cached_contributions(
    run: FinishedRun, H: torch.Tensor, baseline: torch.Tensor, n_pairs: int = N_SHAPLEY_PAIRS
) -> RankedContributions:
    """Compute the contributions of a sample's parts, cached across reruns and pages; do not modify the result."""
    return _contributions(run, tuple(H.tolist()), tuple(baseline.tolist()), n_pairs if len(H) > MAX_EXACT else 0)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=HASH_FUNCS)
def _contributions(run: FinishedRun, H: tuple[float, ...], baseline: tuple[float, ...], n_pairs: int) -> RankedContributions:
    contributions = shapley(run.decode(), torch.tensor(H), torch.tensor(baseline), n_pairs)
    return RankedContributions(contributions, contributions.strength.argsort(descending=True))


def terms_of_sum(ranked: RankedContributions, shown: list[int]) -> tuple[torch.Tensor, list[str]]:
    """Write a reconstruction as coefficients times parts; the baseline has to be zero.

    Returns
    -------
    pictures : Tensor of shape (k, n_pixels)
        The reconstruction, the parts shown at full brightness, the sum of the others and what is there without parts.
    captions : list of str
        Coefficient and share of the ink; "reconstruction =" for the first.
    """
    values, shares = ranked.contributions.values, ranked.shares
    peaks = values.amax(dim=1)
    tiles = [ranked.contributions.reconstruction, *(values[shown] / peaks[shown, None].clamp(min=1e-12))]
    captions = ["reconstruction =\n100% of the ink"]
    captions += [f"{'+ ' if i else ''}{peaks[k]:.2f} × part {k + 1}\n{shares[k]:.0%} of the ink" for i, k in enumerate(shown)]
    if n_others := len(values) - len(shown):
        tiles.append(values.sum(dim=0) - values[shown].sum(dim=0))
        captions.append(f"+ {n_others} more\n{1 - float(shares[shown].sum()):.0%} of the ink")
    if (background := ranked.contributions.baseline).abs().max() > VISIBLE:
        tiles.append(background)
        captions.append("+ background\nwithout parts")
    return torch.stack(tiles), captions


def show_strip(
    run: FinishedRun, H: torch.Tensor, key: str, size: int = 72, title: str = "Contributions of the sample's parts"
) -> None:
    """Show a sample as the sum of its strongest parts, or these between baseline and reconstruction; a click chooses one."""
    if run.is_additive():
        ranked = cached_contributions(run, H, torch.zeros_like(H), STRIP_PAIRS)
        shown = ranked.order[:N_STRIP_PARTS].tolist()
        sum_of_parts, captions = terms_of_sum(ranked, shown)
        tiles = list(pictures.to_u8(as_picture(run, sum_of_parts.numpy())))
        how = "Coefficient: brightness of the part's brightest pixel in this image; largest first."
    else:
        ranked = cached_contributions(run, H, torch.from_numpy(run.codes("H").mean(axis=0)), STRIP_PAIRS)
        contributions, shown = ranked.contributions, ranked.order[:N_STRIP_PARTS].tolist()
        ends = pictures.to_u8(as_picture(run, torch.stack([contributions.baseline, contributions.reconstruction]).numpy()))
        scale = float(contributions.values.abs().max()) or 1.0
        tiles = [ends[0], *pictures.differences(as_picture(run, contributions.values[shown].numpy()), scale=scale), ends[1]]
        rest = f"\n+ {len(H) - len(shown)} parts" if len(H) > len(shown) else ""
        captions = ["baseline\nmean of H", *(f"part {k + 1}\nH {H[k]:.2f}" for k in shown), f"reconstruction{rest}"]
        how = "Largest first: red is ink added to the mean image, blue ink removed."
    gallery(
        tiles,
        captions,
        key=key,
        size=size,
        title=title,
        how=f"{how} Click a part to choose it for all pages.",
        on_pick=lambda tile: choose_part_of_tile(shown, tile),
    )


def choose_part_of_tile(shown: list[int], tile: int) -> None:
    if 1 <= tile <= len(shown):
        st.session_state.update(part=shown[tile - 1] + 1)
