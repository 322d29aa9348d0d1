"""What a notebook shows: runs, parts, a sample's equation and the estimator, as static HTML in which names are text."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from stored import trained

from ddnmf_core import DDNMF, RunConfig, Store, load
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.display.equation import shown_terms
from ddnmf_core.display.parts import Parts
from ddnmf_core.store.part_names import rename_part
from ddnmf_core.store.run_names import rename_run

HOSTILE = "<script>alert(1)</script>"
TINY = {"layers": (16, 6), "n_parts": 4, "epochs": 2, "batch_size": 32}
ESTIMATOR = {"n_components": 4, "layers": (16, 6), "epochs": 2, "random_state": 1}


class Page(HTMLParser):
    """Tags, sources of pictures and texts of a piece of HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.sources, self.text = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name == "src"]

    def handle_data(self, data):
        self.text += data + "\n"

    def pictures(self):
        return [np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))) for source in self.sources]


def page(shown):
    found = Page(shown._repr_html_())
    assert not {"script", "link", "iframe", "style"} & set(found.tags)
    assert all(source.startswith("data:image/png;base64,") for source in found.sources)
    return found


@pytest.fixture
def additive(home):
    return Store().run(trained(Store(), RunConfig(dataset="digits", n_samples=200, nmf_at="pixels", **TINY)).id)


@pytest.fixture
def mirrored(home):
    return Store().run(trained(Store(), RunConfig(dataset="digits", n_samples=200, **TINY)).id)


@pytest.fixture
def table_run(home):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.random((120, 3)) @ rng.random((3, 5)), columns=["a", HOSTILE, "=c", "d", "e"])
    frame["kind"] = [HOSTILE, "y"] * 60
    name = user_sets.add(io.BytesIO(frame.to_csv(index=False).encode()), "t.csv", ImportOptions(labels="kind"))
    return Store().run(trained(Store(), RunConfig(dataset=name, **TINY)).id)


def test_a_run_shows_its_name_settings_that_differ_and_scores(additive):
    rename_run(additive.entry, HOSTILE)
    shown = page(additive)
    assert HOSTILE in shown.text
    assert "16, 6" in shown.text
    assert "learning rate" not in shown.text  # a default
    assert f"{additive.score('acc', 'H', 'gmm'):.3f}" in shown.text
    assert f"{additive.errors().mean():.3g}" in shown.text


def test_parts_of_pictures_are_a_grid_of_pictures_with_their_names(additive, mirrored):
    rename_part(additive.entry, 1, HOSTILE)
    shown = page(additive.parts())
    assert [picture.shape for picture in shown.pictures()] == [(8, 8)] * 4
    assert max(picture.max() for picture in shown.pictures()) == 255  # scaled to its brightest pixel
    assert f"Part 2, {HOSTILE}" in shown.text
    assert [picture.shape for picture in page(mirrored.parts()).pictures()] == [(8, 8, 4)] * 4  # signed: red and blue


def test_parts_of_a_table_show_their_strongest_features(table_run):
    parts = table_run.parts()
    shown = page(parts)
    assert shown.sources == []
    assert HOSTILE in shown.text
    frame = parts.frame()
    assert list(frame) == ["a", HOSTILE, "=c", "d", "e"]
    assert frame.to_numpy() == pytest.approx(table_run.part_effects())
    top = parts.top_features(0, 2)
    assert top.abs().tolist() == sorted(frame.loc["Part 1"].abs(), reverse=True)[:2]


def test_features_are_ranked_by_their_share_of_the_range():
    parts = Parts(np.array([[5.0, -0.5, 0.0]]), ("Part 1",), ("a", "b", "c"), ranges=np.array([100.0, 1.0, 1.0]))
    assert parts.top_features(0, 1).to_dict() == {"b": -0.5}
    assert "b -0.5, a +5\n" in page(parts).text  # c, of 0, is left out


@pytest.mark.parametrize(("part", "n"), [(4, 1), (-1, 1), (0, 0)])
def test_a_part_or_number_that_does_not_exist_is_refused(mirrored, part, n):
    with pytest.raises(ValueError, match=r"should be (a number from 0 to 3|at least 1)"):
        mirrored.parts().top_features(part, n)


@pytest.mark.parametrize("kind", ["additive", "mirrored", "table_run"])
def test_the_terms_of_a_sample_sum_to_its_reconstruction(request, kind):
    import torch

    run = request.getfixturevalue(kind)
    equation = run.equation(5)
    rebuilt = run.decode()(torch.from_numpy(run.codes("H")[5:6]))[0].detach().numpy()
    assert equation.reconstruction == pytest.approx(rebuilt, abs=1e-5)
    assert equation.error == pytest.approx(run.errors()[5], abs=1e-5)
    shown = page(equation)
    assert "= reconstruction" in shown.text
    assert f"sample 5, {run.images().class_of(5)}" in shown.text
    if kind == "additive":
        tiles = shown.pictures()
        assert tiles[0].tolist() == run.images().shown(5).reshape(8, 8).tolist()
        first = equation.terms[0]
        assert f"{equation.contributions[first].max():.2f} x part {first + 1}" in shown.text
    with pytest.raises(ValueError, match="sample = 5000: should be a number from 0 to"):
        run.equation(5000)


def test_the_shown_terms_give_most_of_the_sample():
    assert shown_terms(np.array([0.1, 0.86, 0.04]), np.array([1, 0, 2])) == [1, 0]  # .96 of it
    assert len(shown_terms(np.full(40, 1 / 40), np.arange(40))) == 12


def test_an_autoencoder_has_no_parts_to_show(home):
    run = Store().run(trained(Store(), RunConfig(dataset="digits", n_samples=200, **TINY | {"model": "ae1"})).id)
    assert "AE1" in page(run).text
    with pytest.raises(ValueError, match="it has no parts"):
        run.parts()


def test_the_estimator_keeps_scikit_learn_s_diagram_and_adds_its_parts_after_fit():
    X = pd.DataFrame(load("digits").scaled()[:100, :13], columns=[*"abcdefghijkl", HOSTILE])
    model = DDNMF(**ESTIMATOR)
    assert "strongest of" not in model._repr_html_()
    assert "sk-container" in model._repr_html_()
    model.fit(X)
    assert "sk-container" in model._repr_html_()
    assert "strongest of 13 features" in model._repr_html_()
    assert "strongest of 13 features" in model._repr_mimebundle_()["text/html"]
    assert HOSTILE not in model.parts()._repr_html_()
    assert "sk-container" in make_pipeline(MinMaxScaler(), model)._repr_html_()
    with config_context(display="text"):
        assert "text/html" not in model._repr_mimebundle_()
        assert not hasattr(model, "_repr_html_")


def test_the_estimator_shows_pictures_of_its_parts_and_a_row_in_units_of_the_data():
    X = load("digits").scaled()[:200] * 16
    for settings in ({"nmf_at": "code"}, {}):
        model = DDNMF(**ESTIMATOR, **settings).fit(X)
        assert [picture.shape[:2] for picture in page(model.parts((8, 8))).pictures()] == [(8, 8)] * 4
        equation = model.equation(X[3], (8, 8))
        assert equation.reconstruction == pytest.approx(model.inverse_transform(model.transform(X[3:4]))[0])
        assert equation.additive == (not settings)
        assert page(equation).pictures()[0].tolist() == (X[3] / X.max() * 255).round().astype(int).reshape(8, 8).tolist()
        assert model.parts((8, 8)).frame().columns[9] == "pixel_1_1"
        with pytest.raises(ValueError, match=re.escape("image_shape = (9, 8): should multiply to 64")):
            model.parts((9, 8))
    with pytest.raises(ValueError, match="should be one row"):
        model.equation(X[:2])
