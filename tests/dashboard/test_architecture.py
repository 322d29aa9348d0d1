"""The picture of a run's architecture: well-formed, complete, and with the run's numbers on it."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from dashboard.home.architecture import draw_architecture
from ddnmf_core.config import RunConfig

SVG = "{http://www.w3.org/2000/svg}"
ROW = {
    "epoch": 12.0,
    "L_sym": 0.0213,
    "L_ap": 0.312,
    "L_nc": 0.0456,
    "weighted": {"L_sym": 0.0213, "L_ap": 0.312, "L_nc": 0.00456},
    "layer_shares": [0.4, 0.3, 0.25, 0.05],
}
WIDE = (8192, 4096, 2000, 1000, 500, 2000, 512, 8192)


def texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": "ae1"},
        {"model": "ae2"},
        {"layers": (10,)},
        {"layers": (1,), "n_parts": 1},
        {"layers": WIDE, "n_parts": 512},
        {"model": "ae1", "layers": WIDE},
        {"dataset": "fashion-mnist", "noise_kind": "masking"},
        {"noise_kind": "salt_and_pepper", "noise_level": 1},
    ],
)
def test_picture_is_valid_xml_inside_its_frame(changes):
    root = ElementTree.fromstring(draw_architecture(RunConfig(**changes), 784))
    _, _, width, height = map(float, root.get("viewBox").split())
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label")
    for rect in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height


def test_every_layer_of_both_networks_carries_its_width():
    words = texts(draw_architecture(RunConfig(layers=(400, 30, 7), n_parts=9), 784))
    assert [words.count(width) for width in ("784", "400", "30")] == [4, 4, 4]
    assert words.count("7") == 3  # the supervisor's code, X and X_hat
    assert words.count("9") == 1  # H


def test_partners_in_the_apposition_loss_stand_above_each_other():
    svg = ElementTree.fromstring(draw_architecture(RunConfig(layers=(50, 3)), 784, ROW))
    shares = {"".join(t.itertext()): t.get("x") for t in svg.iter(f"{SVG}text")}
    places = [t.get("x") for t in svg.iter(f"{SVG}text") if "".join(t.itertext()) in {"50", "3", "784"}]
    assert all(places.count(shares[share]) >= 2 for share in ("40%", "30%", "25%", "5%"))


def test_widths_of_the_deepest_network_do_not_touch():
    svg = ElementTree.fromstring(draw_architecture(RunConfig(layers=(8192,) * 8, n_parts=512), 784))
    columns = sorted({float(t.get("x")) for t in svg.iter(f"{SVG}text") if "".join(t.itertext()) == "8192"})
    assert min(b - a for a, b in pairwise(columns)) > 36  # four digits at 13 px are 33 wide


def test_losses_of_a_row_appear_beside_their_terms():
    words = texts(draw_architecture(RunConfig(layers=(50, 3)), 784, ROW))
    assert {"Lsym = 0.0213", "Lap = 0.312", "Lnc = 0.0456"} <= set(words)
    assert "0.338 = 0.0213 + 0.312 + 0.00456 at epoch 12" in words


def test_without_a_row_the_weights_stand_alone():
    words = texts(draw_architecture(RunConfig(alpha=2, beta=0.5, gamma=0.25), 784))
    assert {"Lsym", "Lap", "Lnc"} <= set(words)
    assert not any("%" in word and "noise" not in word for word in words)
    assert [any(word.endswith(end) for word in words) for end in ("α = 2", "β = 0.5", "γ = 0.25")] == [True] * 3


@pytest.mark.parametrize("model", ["ae1", "ae2", "dae"])
def test_plain_autoencoders_have_no_nmf_module(model):
    words = texts(draw_architecture(RunConfig(model=model), 784, {"epoch": 1.0, "L_sym": 0.5, "weighted": {"L_sym": 0.5}}))
    assert not {"NMF module", "Student", "Lap", "Lnc"} & set(words)
    assert "Lsym = 0.5" in words
    assert words.count("500") == (2 if model == "ae2" else 4)  # ae2 leaves the first layer out
