"""Edit a sample's coefficients by slider, from another sample, or by the smallest change of cluster; decode live."""

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from dashboard.components.gallery import gallery
from dashboard.explain.image import ExplainedImage, explain_sample
from dashboard.figures.saving import show_title
from dashboard.session.links import linked_number
from dashboard.session.part_contributions import cached_contributions
from dashboard.session.results import report_damage
from dashboard.session.run_data import as_picture, centres, images
from ddnmf_core.analysis.metrics import majority_class
from ddnmf_core.analysis.neighbours import nearest_rows
from ddnmf_core.config import Representation
from ddnmf_core.data import pictures
from ddnmf_core.display.text import in_markdown
from ddnmf_core.interpret.causal import smallest_flip
from ddnmf_core.store.finished_run import FinishedRun

SLIDERS_PER_ROW, N_NEIGHBOURS = 3, 10
SLIDER_TOLERANCE = 0.0051  # smaller differences are hidden by a slider's step


@st.fragment
@report_damage
def show_editor(
    run: FinishedRun,
    name: str,
    image: ExplainedImage,
    noisy: bool,
    H: torch.Tensor,
    baseline: torch.Tensor,
    shown: Sequence[int],
) -> None:
    """Show the editor in a fragment of its own. `name` identifies the sample: a new name, or other parts, resets the
    sliders."""
    if st.session_state.pop("explain.go", False):  # to a neighbour: outside this fragment
        st.rerun(scope="app")
    shown = sorted(shown)
    if st.session_state.get("explain.edit_of") != (name, shown) or f"explain.H.{shown[0]}" not in st.session_state:
        st.session_state["explain.edit_of"] = name, shown
        _set(H, shown)
    _buttons(run, noisy, H, shown)
    left, right = st.columns([3, 2], gap="large")
    with left:
        show_title("Coefficients of the strongest parts", "The picture is decoded live from the edited coefficients.")
        edited = _sliders(H, shown, _largest(run, H))
        edited = _blend_with_another(run, image, noisy, edited, baseline)
    with right:
        _show_pictures(run, H, edited)
        _show_clusters(run, noisy, H, edited)
        _show_nearest(run, image, edited)


def _buttons(run: FinishedRun, noisy: bool, H: torch.Tensor, shown: Sequence[int]) -> None:
    reset, zero, flip, _ = st.columns([2, 2, 4, 2])
    reset.button("Reset", key="explain.reset", icon=":material/undo:", on_click=_set, args=(H, shown), width="stretch")
    zero.button(
        "Set all to zero",
        key="explain.zero",
        icon=":material/exposure_zero:",
        width="stretch",
        on_click=_empty,
        args=(H, shown),
    )
    flip.button(
        "Smallest change of cluster",
        key="explain.flip",
        icon=":material/swap_calls:",
        width="stretch",
        on_click=_flip,
        args=(run, noisy, H, shown),
        help="Counterfactual: the smallest change of one coefficient after which K-means on H assigns another cluster; of as "
        "few as possible where one is not enough.",
    )
    if message := st.session_state.pop("explain.message", ""):
        st.info(message)


def _set(H: torch.Tensor, shown: Sequence[int]) -> None:
    for k in shown:
        st.session_state[f"explain.H.{k}"] = round(float(H[k]), 2)
    st.session_state.update({"explain.exact": {}, "explain.swap": [], "explain.path": 0})


def _empty(H: torch.Tensor, shown: Sequence[int]) -> None:
    """Set all parts to zero, including those without a slider."""
    _set(torch.zeros_like(H), shown)
    st.session_state["explain.exact"] = dict.fromkeys(range(len(H)), 0.0)


def _largest(run: FinishedRun, H: torch.Tensor) -> float:
    """Return the upper end of the sliders; a noisy image or a drawing may have a larger coefficient than the data."""
    return max(run.max_coefficient(), float(H.max()))


def _flip(run: FinishedRun, noisy: bool, H: torch.Tensor, shown: Sequence[int]) -> None:
    largest = _largest(run, H)
    flip = smallest_flip(centres(run, "H", noisy), H.numpy(), largest)
    if flip is None:
        st.session_state["explain.message"] = f"No coefficients from 0 to {largest:.3g} move this sample to another cluster."
        return
    _set(H, shown)
    st.session_state["explain.exact"] = {part: float(flip.H[part]) for part in flip.parts}
    for part in flip.parts:
        if part in shown:
            st.session_state[f"explain.H.{part}"] = round(float(flip.H[part]), 2)
    changed = ", ".join(f"part {part + 1} from {H[part]:.2f} to {flip.H[part]:.2f}" for part in flip.parts)
    what = "Smallest change of one part" if len(flip.parts) == 1 else f"Change of {len(flip.parts)} parts, the fewest"
    new = _cluster_title(run, noisy, "H", flip.cluster)
    st.session_state["explain.message"] = f"{what}: {changed}; new {new}."


def _sliders(H: torch.Tensor, shown: Sequence[int], largest: float) -> torch.Tensor:
    edited = H.clone()
    exact: dict[int, float] = st.session_state["explain.exact"]
    for part, value in exact.items():
        edited[part] = value
    rows = -(-len(shown) // SLIDERS_PER_ROW)
    for column, k in zip([c for _ in range(rows) for c in st.columns(SLIDERS_PER_ROW)], shown, strict=False):
        moved = column.slider(f"part {k + 1}", 0.0, math.ceil(100 * largest) / 100, step=0.01, key=f"explain.H.{k}")
        wanted = exact.get(k, float(H[k]))  # unrounded value of the slider
        edited[k] = wanted if abs(moved - wanted) < SLIDER_TOLERANCE else moved
    return edited


def _blend_with_another(
    run: FinishedRun, image: ExplainedImage, noisy: bool, edited: torch.Tensor, baseline: torch.Tensor
) -> torch.Tensor:
    """Swap parts with a second sample, and interpolate to it in H."""
    show_title(
        "Swap parts with another sample",
        "Below: the other sample's strongest parts. Click one to swap it between the two samples, or to swap it back. "
        "Interpolation: a straight line in H from the edited coefficients to the other sample's.",
    )
    n = len(images(run))
    number, copied, blend = st.columns([2, 3, 3], vertical_alignment="bottom")
    st.session_state.setdefault("pinned", 0 if image.sample is None else (image.sample + 1) % n)
    other = int(linked_number(number.number_input, "Other sample", 0, n - 1, key="pinned"))
    theirs = torch.from_numpy(run.codes("H", noisy=noisy)[other])
    swapped = copied.multiselect(
        "Swapped parts", range(len(edited)), key="explain.swap", placeholder="none", format_func=lambda k: f"part {k + 1}"
    )
    _offer_parts(run, theirs, baseline, swapped)
    mixed = torch.stack([edited, theirs])
    mixed[:, swapped] = mixed.flip(0)[:, swapped]
    share = blend.slider("Interpolation", 0, 100, step=5, format="%d%%", key="explain.path") / 100
    pair, captions = [pictures.to_u8(image.x.numpy()), images(run).shown([other])], [image.title, images(run).title_of(other)]
    if swapped:
        with torch.no_grad():
            pair.append(pictures.to_u8(run.decode()(mixed).numpy()))
        captions += [f"{caption}\nparts swapped" for caption in captions]
    gallery(as_picture(run, np.concatenate(pair)), captions, key="explain.pair", size=64)
    return mixed[0] + share * (theirs - mixed[0])


def _offer_parts(run: FinishedRun, theirs: torch.Tensor, baseline: torch.Tensor, swapped: list[int]) -> None:
    """Show the second sample's strongest parts; a click swaps one, or swaps it back."""
    ranked = cached_contributions(run, theirs, baseline)
    values = ranked.contributions.values
    tiles = pictures.differences(as_picture(run, values[ranked.shown].numpy()), scale=float(values.abs().max()) or 1.0)

    def toggle(tile: int) -> None:
        part = ranked.shown[tile]
        chosen = st.session_state["explain.swap"]
        st.session_state["explain.swap"] = [k for k in chosen if k != part] if part in chosen else [*chosen, part]

    gallery(
        tiles,
        [f"part {k + 1}" + ("\nswapped" if k in swapped else "") for k in ranked.shown],
        key="explain.offered",
        size=56,
        on_pick=toggle,
    )


def _show_pictures(run: FinishedRun, H: torch.Tensor, edited: torch.Tensor) -> None:
    with torch.no_grad():
        original, changed = run.decode()(torch.stack([H, edited]))
    difference = pictures.differences(as_picture(run, (changed - original).numpy()), scale=1.0)
    gallery(
        [*pictures.to_u8(as_picture(run, torch.stack([original, changed]).numpy())), difference],
        ["original", "edited", "difference"],
        key="explain.edited",
        size=132,
        title="Edited picture",
        how="Decoded from the sample's own and from the edited coefficients. Difference: red is ink added, blue ink removed.",
    )


def _show_clusters(run: FinishedRun, noisy: bool, H: torch.Tensor, edited: torch.Tensor) -> None:
    """Show the cluster of the coefficients, and that of the re-encoded picture, before and after the edit."""
    both = torch.stack([H, edited])
    network = run.ddnmf()
    with torch.no_grad():
        z = network.encode(network.student.decode(both)).z.numpy()
    sentences = [
        _moved(run, noisy, "H", both.numpy(), "K-means on H"),
        _moved(run, noisy, "z", z, "K-means on z after re-encoding"),
    ]
    st.markdown("  \n".join(sentences))


def _moved(run: FinishedRun, noisy: bool, representation: Representation, pair: NDArray[np.floating], title: str) -> str:
    before, after = centres(run, representation, noisy).assign(pair)
    named = [_cluster_title(run, noisy, representation, int(cluster)) for cluster in (before, after)]
    if before != after and named[0] == named[1]:  # two clusters of one class
        named = [f"{name}, number {cluster + 1}" for name, cluster in zip(named, (before, after), strict=True)]
    return f"{title}: {named[0]}" + (f" → **{named[1]}**" if before != after else ", unchanged")


def _cluster_title(run: FinishedRun, noisy: bool, representation: Representation, cluster: int) -> str:
    """Return 'cluster of mostly Bag (93%)', or 'cluster 3' without labels."""
    if not images(run).labelled:
        return f"cluster {cluster + 1}"
    clusters = run.clusters(representation, "kmeans", noisy=noisy)
    label, share = majority_class(images(run).labels, clusters, cluster)
    return f"cluster of mostly {in_markdown(images(run).class_names[label])} ({share:.0%})"


def _show_nearest(run: FinishedRun, image: ExplainedImage, edited: torch.Tensor) -> None:
    """Show the images with the nearest coefficients; a click explains one."""
    chosen, neighbours = images(run), nearest_rows(run.codes("H"), edited.numpy(), N_NEIGHBOURS)
    agree = ""
    if image.sample is not None and chosen.labelled:
        others = neighbours[neighbours != image.sample]
        agree = f" {np.mean(chosen.labels[others] == chosen.labels[image.sample]):.0%} share the sample's class."

    def explain(tile: int) -> None:
        explain_sample(int(neighbours[tile]))
        st.session_state["explain.go"] = True

    gallery(
        as_picture(run, chosen.shown(neighbours)),
        [chosen.tile_caption(other) for other in neighbours.tolist()],
        key="explain.near_edit",
        size=56,
        title="Nearest neighbours in H",
        how=f"Clean images with coefficients nearest to the edited ones, nearest first.{agree} Click one to explain it.",
        on_pick=explain,
    )
