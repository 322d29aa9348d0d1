"""What the parts look like, which samples use them, and NMF of the pixels beside them."""

import numpy as np
import streamlit as st
import torch

from dashboard import charts, pictures
from dashboard.background import result_of
from dashboard.components.gallery import gallery, place_of
from dashboard.contents import codes, images, model, picture
from dashboard.links import linked
from dashboard.selections import choose_sample, pick_run
from dashboard.shared import EXPLAIN
from ddnmf_core.config import PixelNMFConfig
from ddnmf_core.entries import FACTORS, Entry
from ddnmf_core.parts import class_mass, part_pictures

VIEWS = {"raised": "Raised from the mean", "difference": "Difference from the baseline", "alone": "Alone"}
READING = {
    "raised": "Coefficient k at 1, the others at their mean over the data, decoded: the mean image with more of part k.",
    "difference": "The raised picture minus the baseline picture: red is ink that the part adds, blue ink it takes away.",
    "alone": "Coefficient k at 1, all others at 0. A sigmoid never gives 0, so the decoder has not learned such inputs.",
}
N_TOP = 16


def part_tiles(run: Entry, H: np.ndarray, view: str) -> list[np.ndarray]:
    decoded = part_pictures(model(run), torch.from_numpy(H.mean(axis=0)))
    if view == "difference":
        return list(pictures.differences(picture(run, (decoded["raised"] - decoded["baseline"]).numpy())))
    return list(pictures.to_u8(picture(run, decoded[view].numpy())))


def choose_part(part: int) -> None:
    st.session_state["part"] = part + 1


def show_parts(run: Entry, H: np.ndarray, mass: np.ndarray) -> int:
    """All parts as tiles; returns the chosen one."""
    r, names = H.shape[1], images(run).class_names
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        view = linked(st.segmented_control, "Picture of a part", list(VIEWS), "view", format_func=VIEWS.get, required=True)
    if not 1 <= st.session_state.get("part", 1) <= r:
        st.session_state["part"] = 1
    part = int(right.number_input("Part", 1, r, key="part", bind="query-params")) - 1
    captions = [f"part {k + 1}\nH {H[:, k].mean():.2f} ± {H[:, k].std():.2f}\n{names[mass[k].argmax()]} {mass[k].max():.0%}"
                for k in range(r)]
    gallery(part_tiles(run, H, view), captions, key="parts.tiles", size=88, selected=part, on_pick=choose_part)
    st.caption(READING[view] + " Below each: mean and deviation of its coefficient, and the class with most of its mass.")
    return part


def show_part(run: Entry, part: int, H: np.ndarray, mass: np.ndarray) -> None:
    chosen = images(run)
    st.subheader(f"Part {part + 1}")
    top = np.argsort(-H[:, part], kind="stable")[:N_TOP]
    st.markdown("**Samples with most of it**")
    gallery(picture(run, chosen.pixels[top]), [f"{sample}\n{H[sample, part]:.3f}" for sample in top], size=56,
            key="parts.top", selected=place_of(st.session_state.get("sample"), top),
            on_pick=lambda tile: choose_sample(top[tile]))
    st.caption("Number of the sample and its coefficient. Click one to make it the sample of every page.")
    if st.session_state.get("sample") is not None:
        st.page_link(EXPLAIN, label=f"See sample {st.session_state['sample']} rebuilt from its parts",
                     icon=":material/search:", query_params={"run": run.id, "sample": str(st.session_state["sample"])})
    left, right = st.columns(2)
    left.plotly_chart(charts.histogram(H[:, part], f"How much of part {part + 1} the samples have"), key="parts.histogram",
                      config={"displayModeBar": False})
    left.caption("A narrow peak: every image has the same amount, so the part says little. Two peaks: it is on or off.")
    right.plotly_chart(charts.bars(mass[part], chosen.class_names, "Class purity: share of its mass in each class", True),
                       key="parts.purity", config={"displayModeBar": False})
    right.caption(f"Purity {mass[part].max():.2f}: the largest share. {1 / len(chosen.class_names):.2f} would be no "
                  "preference at all (Kim and Park 2007).")


def show_matrices(run: Entry, H: np.ndarray) -> None:
    chosen = images(run)
    part_names = [str(k + 1) for k in range(H.shape[1])]
    W = model(run).student.nmf.W.detach().numpy()
    by_class = np.stack([H[chosen.labels == c].mean(axis=0) for c in range(len(chosen.class_names))])
    left, right = st.columns(2)
    left.plotly_chart(charts.heat_map(W, [f"unit {u + 1}" for u in range(len(W))], part_names, "W: code units x parts",
                                      diverging=True), key="parts.W")
    left.caption(f"A column is a part's basis in code space. {'Equation 3 leaves W free' if W.min() < 0 else 'W >= 0'}: its "
                 f"entries run from {W.min():.2f} to {W.max():.2f}.")
    right.plotly_chart(charts.heat_map(by_class - H.mean(axis=0), list(chosen.class_names), part_names,
                                       "H: mean coefficient by class, against the mean of all", diverging=True), key="parts.H")
    right.caption("Red: images of this class have more of the part than images have on average. A part that serves one "
                  "class has one red cell in its column.")


def show_pixel_nmf(run: Entry) -> None:
    st.subheader("NMF of the pixels, same rank")
    config = PixelNMFConfig(dataset=run.config.dataset, n_samples=run.config.n_samples, n_parts=run.config.n_parts)
    entry = result_of(config, "scikit-learn's NMF")
    if entry is None:
        return
    factors = entry.read_tensors(FACTORS)
    bases = factors["bases"] / np.maximum(factors["bases"].max(axis=1, keepdims=True), 1e-9)
    gallery(pictures.to_u8(picture(run, bases)), [f"basis {k + 1}" for k in range(len(bases))], key="parts.nmf", size=88)
    st.caption(f"scikit-learn's NMF with {len(bases)} bases, each scaled to its own brightest pixel; it explains "
               f"{factors['explained_variance'][0]:.1%} of the pixels' variance. These add up linearly and nothing is "
               "subtracted: the shallow model that the deep parts are to be held against.")


st.title("Parts")
run = pick_run()
if run.config.model != "ddnmf":
    st.info("An autoencoder has no parts: it has no NMF module. Choose a DDNMF run above.")
    st.stop()
H = codes(run)["clean/H"]
mass = class_mass(H, images(run).labels, len(images(run).class_names))
part = show_parts(run, H, mass)
show_part(run, part, H, mass)
st.subheader("The two factors")
show_matrices(run, H)
show_pixel_nmf(run)
