"""Change a sample's parts by hand, by another sample's, or by the smallest edit that flips its cluster; all follows live."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
import torch
from numpy.typing import NDArray

from dashboard.components.gallery import gallery
from dashboard.explain.image import ExplainedImage
from dashboard.session.results import report_damage
from dashboard.session.run_data import as_picture, centres, images
from ddnmf_core.analysis.metrics import majority_class
from ddnmf_core.analysis.neighbours import nearest_rows
from ddnmf_core.config import Representation
from ddnmf_core.data import pictures
from ddnmf_core.interpret.causal import smallest_flip
from ddnmf_core.store.finished_run import FinishedRun

SLIDERS_PER_ROW = 3  # sliders
SLIDER_TOLERANCE = 0.0051  # a slider's step hides differences below


@st.fragment
@report_damage
def show_editor(run: FinishedRun, name: str, image: ExplainedImage, noisy: bool, H: torch.Tensor, shown: Sequence[int]) -> None:
    """Everything below the heading runs alone when one of its widgets moves. `name` tells samples apart: with another one,
    or with sliders for other parts, these go to its own parts."""
    st.header("Change the parts")
    shown = sorted(shown)
    if st.session_state.get("explain.edit_of") != (name, shown) or f"explain.H.{shown[0]}" not in st.session_state:
        st.session_state["explain.edit_of"] = name, shown
        _set(H, shown)
    _buttons(run, noisy, H, shown)
    left, right = st.columns([3, 2], gap="large")
    with left:
        edited = _sliders(H, shown)
        edited = _towards_another(run, image, noisy, edited)
    with right:
        _show_pictures(run, H, edited)
        _show_clusters(run, noisy, H, edited)
        _show_nearest(run, edited)
    st.caption(
        "The picture is decoded live from the changed coefficients; the neighbours are the images whose coefficients "
        "are nearest to them. The sliders hold the strongest parts."
    )


def _buttons(run: FinishedRun, noisy: bool, H: torch.Tensor, shown: Sequence[int]) -> None:
    back, zero, flip, _ = st.columns([2, 2, 3, 3])
    back.button("Back to its own", key="explain.reset", icon=":material/undo:", on_click=_set, args=(H, shown), width="stretch")
    zero.button(
        "All to zero", key="explain.zero", icon=":material/exposure_zero:", width="stretch", on_click=_empty, args=(H, shown)
    )
    flip.button(
        "Smallest edit that flips the cluster",
        key="explain.flip",
        icon=":material/swap_calls:",
        width="stretch",
        on_click=_flip,
        args=(run, noisy, H, shown),
        help="Of one part where one is enough, else of as few as it takes; K-means on H says which cluster.",
    )
    if message := st.session_state.pop("explain.message", ""):
        st.info(message)


def _set(H: torch.Tensor, shown: Sequence[int]) -> None:
    for k in shown:
        st.session_state[f"explain.H.{k}"] = round(float(H[k]), 2)
    st.session_state.update({"explain.exact": {}, "explain.swap": [], "explain.path": 0})


def _empty(H: torch.Tensor, shown: Sequence[int]) -> None:
    """All parts, also those that have no slider."""
    _set(torch.zeros_like(H), shown)
    st.session_state["explain.exact"] = dict.fromkeys(range(len(H)), 0.0)


def _flip(run: FinishedRun, noisy: bool, H: torch.Tensor, shown: Sequence[int]) -> None:
    flip = smallest_flip(centres(run, "H", noisy), H.numpy())
    if flip is None:
        st.session_state["explain.message"] = "No edit within 0 to 1 puts this sample into another cluster."
        return
    _set(H, shown)
    st.session_state["explain.exact"] = {part: float(flip.H[part]) for part in flip.parts}
    for part in flip.parts:
        if part in shown:
            st.session_state[f"explain.H.{part}"] = round(float(flip.H[part]), 2)
    changed = ", ".join(f"part {part + 1} from {H[part]:.2f} to {flip.H[part]:.2f}" for part in flip.parts)
    st.session_state["explain.message"] = f"The smallest edit: {changed}. The sample then lies in cluster {flip.cluster + 1}."


def _sliders(H: torch.Tensor, shown: Sequence[int]) -> torch.Tensor:
    edited = H.clone()
    exact: dict[int, float] = st.session_state["explain.exact"]
    for part, value in exact.items():
        edited[part] = value
    rows = -(-len(shown) // SLIDERS_PER_ROW)
    for column, k in zip([c for _ in range(rows) for c in st.columns(SLIDERS_PER_ROW)], shown, strict=False):
        moved = column.slider(f"part {k + 1}", 0.0, 1.0, step=0.01, key=f"explain.H.{k}")
        wanted = exact.get(k, float(H[k]))  # what the slider shows rounded
        edited[k] = wanted if abs(moved - wanted) < SLIDER_TOLERANCE else moved
    return edited


def _towards_another(run: FinishedRun, image: ExplainedImage, noisy: bool, edited: torch.Tensor) -> torch.Tensor:
    """Parts taken over from a second sample, and a way on to it through H."""
    st.markdown("**With another sample's parts**")
    n = len(images(run))
    number, taken, way = st.columns([2, 3, 3], vertical_alignment="bottom")
    st.session_state.setdefault("pinned", 0 if image.sample is None else (image.sample + 1) % n)
    other = int(number.number_input("Other sample", 0, n - 1, key="pinned", bind="query-params"))
    theirs = torch.from_numpy(run.codes("H", noisy=noisy)[other])
    swapped = taken.multiselect(
        "Take over its parts", range(len(edited)), key="explain.swap", placeholder="none", format_func=lambda k: f"part {k + 1}"
    )
    edited = edited.clone()
    edited[swapped] = theirs[swapped]
    share = way.slider("On the way to it", 0, 100, step=5, format="%d%%", key="explain.path") / 100
    edited = edited + share * (theirs - edited)
    pair = np.concatenate([pictures.to_u8(image.x.numpy()), images(run).shown([other])])
    gallery(as_picture(run, pair), [image.title, f"sample {other}"], key="explain.pair", size=64)
    return edited


def _show_pictures(run: FinishedRun, H: torch.Tensor, edited: torch.Tensor) -> None:
    with torch.no_grad():
        own, changed = run.ddnmf().student.decode(torch.stack([H, edited]))
    difference = pictures.differences(as_picture(run, (changed - own).numpy()), scale=1.0)
    gallery(
        [*pictures.to_u8(as_picture(run, torch.stack([own, changed]).numpy())), difference],
        ["the sample's own", "with your changes", "difference"],
        key="explain.edited",
        size=132,
        title="The edited picture",
    )


def _show_clusters(run: FinishedRun, noisy: bool, H: torch.Tensor, edited: torch.Tensor) -> None:
    """Where K-means puts the coefficients, and the edited picture when the student looks at it again."""
    both = torch.stack([H, edited])
    network = run.ddnmf()
    with torch.no_grad():
        again = network.encode(network.student.decode(both)).z.numpy()
    sentences = [
        _moved(run, noisy, "H", both.numpy(), "K-means on H"),
        _moved(run, noisy, "z", again, "K-means on z, of the decoded picture encoded again"),
    ]
    st.markdown("  \n".join(sentences))


def _moved(run: FinishedRun, noisy: bool, representation: Representation, two: NDArray[np.floating], way: str) -> str:
    before, after = centres(run, representation, noisy).assign(two)
    named = [f"{cluster + 1}{_majority(run, noisy, representation, int(cluster))}" for cluster in (before, after)]
    return f"{way}: cluster {named[0]}" + (f" → **{named[1]}**" if before != after else ", unchanged")


def _majority(run: FinishedRun, noisy: bool, representation: Representation, cluster: int) -> str:
    """' (93 % Bag)'; nothing without labels."""
    if not images(run).labelled:
        return ""
    found = run.clusters(representation, "kmeans", noisy=noisy)
    label, share = majority_class(images(run).labels, found, cluster)
    return f" ({share:.0%} {images(run).class_names[label]})"


def _show_nearest(run: FinishedRun, edited: torch.Tensor) -> None:
    others = nearest_rows(run.codes("H"), edited.numpy(), 8)
    st.markdown("**Nearest samples to these coefficients**")
    gallery(
        as_picture(run, images(run).shown(others)),
        [f"{o}\n{images(run).class_of(o)}" for o in others],
        key="explain.near_edit",
        size=56,
    )
