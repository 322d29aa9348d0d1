"""Choose the image to explain: from the data set, drawn, or uploaded."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
import torch

from dashboard.components.sketch import sketch
from dashboard.session.links import linked_choice, set_choice
from dashboard.session.run_data import images
from dashboard.session.selections import choose_sample, pick_sample
from ddnmf_core.data.single_image import fit_to_shape, read_picture
from ddnmf_core.display.text import in_markdown
from ddnmf_core.model.corruption import corrupt, corrupt_each
from ddnmf_core.seeds import derive
from ddnmf_core.store.finished_run import FinishedRun

PICTURE_TYPES = ["png", "jpg", "jpeg", "bmp", "gif", "tif", "tiff", "webp", "pgm", "ppm"]
SAMPLE_WIDTH, CLASS_WIDTH = 130, 150  # pixels
IMAGE_SOURCES = {"set": "Data set", "draw": "Draw", "upload": "Upload"}


@dataclass(frozen=True)
class ExplainedImage:
    """An image as a row of pixels (1, d), with its title and origin."""

    x: torch.Tensor
    title: str  # 'sample 42, 7' or 'your drawing'
    sample: int | None  # its number in the data set

    @property
    def key(self) -> str:
        """Identify the image in the keys of its widgets."""
        return str(self.sample) if self.sample is not None else f"{self.title}-{hash(self.x.numpy().tobytes()):x}"

    def corrupted(self, run: FinishedRun, level: float) -> torch.Tensor:
        """Return the image with reproducible noise: (1, d)."""
        kind, seed, shape = run.config.noise_kind, run.config.seed, images(run).image_shape
        if self.sample is not None:
            return corrupt_each(self.x, torch.tensor([self.sample]), kind, level, seed, shape)
        return corrupt(self.x, kind, level, torch.Generator().manual_seed(derive(seed, "own image")), shape)


def choose_image(run: FinishedRun) -> ExplainedImage:
    """Choose the image by widgets; stop the page while there is none."""
    sources = list(IMAGE_SOURCES) if images(run).feature_names is None else ["set"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = linked_choice(st.segmented_control, "Image", sources, "image", format_func=IMAGE_SOURCES.get, required=True)
        sample = _pick(run) if source == "set" else None
    if sample is not None:
        if details := images(run).details_of(sample):
            st.caption(in_markdown(" · ".join(details)))
        x = torch.from_numpy(images(run).scaled(np.array([sample])))
        return ExplainedImage(x, images(run).title_of(sample), sample)
    gray = _drawn() if source == "draw" else _uploaded()
    if gray is None:
        st.stop()
    centre = st.toggle("Crop and centre the figure, as in MNIST", True, key="explain.centre", persist_state="session")
    row = fit_to_shape(gray, images(run).image_shape, centre)
    return ExplainedImage(torch.from_numpy(row)[None], "your drawing" if source == "draw" else "your picture", None)


def _drawn() -> np.ndarray | None:
    drawn = sketch("Draw a figure with the mouse or a finger", key="explain.sketch")
    if drawn is None:
        st.caption("Draw with the mouse or a finger; the explanation updates when you lift the pen.")
    return drawn


def _uploaded() -> np.ndarray | None:
    file = st.file_uploader(
        "Image of a single figure",
        PICTURE_TYPES,
        key="explain.upload",
        help="Stays on this machine. Converted to grayscale; a bright background is inverted.",
    )
    if file is None:
        return None
    try:
        return read_picture(file.getvalue())
    except ValueError as error:
        st.error(f"{in_markdown(file.name)}: {in_markdown(str(error))}. Choose another file.")
        return None


def _pick(run: FinishedRun) -> int:
    """Pick the sample by number, at random, or next of a class."""
    n, names = len(images(run)), images(run).class_names
    with st.container(width=SAMPLE_WIDTH):
        sample = pick_sample(run)
    st.button(":material/chevron_left:", key="explain.before", on_click=_step, args=(-1, n), help="Previous sample")
    st.button(":material/chevron_right:", key="explain.after", on_click=_step, args=(1, n), help="Next sample")
    st.button("Random", key="explain.random", on_click=_choose_random, args=(n,))
    if images(run).labelled:
        st.selectbox(
            "Class",
            range(len(names)),
            format_func=lambda c: names[c],
            key="explain.class",
            persist_state="session",
            width=CLASS_WIDTH,
        )
        st.button("Next of class", key="explain.next_of_class", on_click=_choose_of_class, args=(run,))
    return sample


def explain_sample(sample: int) -> None:
    """Explain another sample of the data set, from a callback."""
    set_choice("image", "set")
    choose_sample(sample)


def _choose_random(n: int) -> None:
    st.session_state["sample"] = int(np.random.default_rng().integers(n))


def _step(by: int, n: int) -> None:
    st.session_state["sample"] = (st.session_state.get("sample", 0) + by) % n


def _choose_of_class(run: FinishedRun) -> None:
    """Choose the next sample of the class."""
    labels = images(run).labels
    wanted = np.flatnonzero(labels == st.session_state["explain.class"])
    later = wanted[wanted > st.session_state.get("sample", 0)]
    st.session_state["sample"] = int(later[0] if len(later) else wanted[0])
