"""DDNMF where scikit-learn's estimators are used: its own checks, pipelines, searches, pandas."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from ddnmf_core import DDNMF
from ddnmf_core.analysis.metrics import accuracy
from ddnmf_core.config import PRESETS

SMALL = {"layers": (16, 4), "n_components": 3, "epochs": 2, "precision": "highest", "device": "cpu"}


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


LARGER = {"layers": (128, 64, 10), "epochs": 40, "noise_level": 0.2, "batch_size": 64, "device": "cpu", "random_state": 1}


@pytest.fixture(scope="module")
def fitted(digits):
    return DDNMF(**LARGER).fit(digits[0])


@pytest.fixture(scope="module")
def fitted_at_code(digits):
    return DDNMF(**LARGER, nmf_at="code", output_activation="linear", gamma=0.1).fit(digits[0])


@parametrize_with_checks([DDNMF(**SMALL), DDNMF(**SMALL, nmf_at="code")])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("name", "highest"), [("fitted", np.inf), ("fitted_at_code", 1)])
def test_it_rebuilds_about_as_well_as_an_nmf_and_clusters_better_than_chance(name, highest, digits, request):
    X, labels = digits
    fitted = request.getfixturevalue(name)
    H = fitted.transform(X)
    assert H.shape == (1797, 10)
    assert 0 <= H.min() <= H.max() < highest
    error = np.linalg.norm(X - fitted.inverse_transform(H))
    assert fitted.reconstruction_err_ == pytest.approx(error)
    assert error < 1.3 * NMF(10, max_iter=400, random_state=0).fit(X).reconstruction_err_
    assert accuracy(labels, fitted.labels_) > 0.5
    assert set(DDNMF(**SMALL, n_clusters=2, random_state=0).fit_predict(X[:100])) == {0, 1}
    assert fitted.score(X) == pytest.approx(-(error**2) / X.size)
    assert fitted.n_iter_ == len(fitted.history_) == 40


@pytest.mark.parametrize("scale", ["set", "range"])
def test_a_row_is_the_sum_of_its_parts_in_the_units_of_the_data(scale, digits):
    X = digits[0][:300] + 2
    model = DDNMF(**SMALL, scale=scale, random_state=0).fit(X)
    H = model.transform(X)
    assert model.components_.min() >= 0
    assert model.components_.shape == (3, 64)
    assert model.inverse_transform(H) == pytest.approx(H @ model.components_ + model.offset_)


def test_components_at_the_code_are_what_a_part_does_in_the_units_of_the_data(fitted_at_code, digits):
    fitted = fitted_at_code
    H = fitted.transform(digits[0])
    rows = np.tile(H.mean(axis=0), (2, 1))
    rows[:, 3] = np.quantile(H[:, 3], [0.05, 0.95])
    low, high = fitted.inverse_transform(rows)
    assert fitted.components_.shape == (10, 64)
    assert fitted.components_[3] == pytest.approx(high - low, abs=1e-4)


def test_one_seed_repeats_itself_and_another_does_not(digits):
    X = digits[0][:200]
    one, again, other = (DDNMF(**SMALL, random_state=seed).fit_transform(X) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.allclose(one, other)


def test_a_row_has_the_same_coefficients_alone_and_among_others(fitted, digits):
    X = digits[0]
    assert fitted.transform(X[5:6])[0] == pytest.approx(fitted.transform(X)[5], abs=1e-12)


def test_it_stands_in_a_pipeline_and_a_search_and_speaks_pandas(digits):
    X, labels = digits[0][:300], digits[1][:300]
    pipeline = make_pipeline(DDNMF(**SMALL, random_state=0), LogisticRegression())
    search = GridSearchCV(pipeline, {"ddnmf__n_components": [2, 3]}, cv=2).fit(X, labels)
    assert search.best_params_["ddnmf__n_components"] in (2, 3)
    frame = (
        DDNMF(**SMALL, random_state=0)
        .set_output(transform="pandas")
        .fit_transform(pd.DataFrame(X, columns=[f"pixel {k}" for k in range(64)]))
    )
    assert list(frame.columns) == ["ddnmf0", "ddnmf1", "ddnmf2"]


def test_it_is_cloned_and_pickled_with_its_settings_and_its_weights(fitted, digits):
    assert clone(fitted).get_params()["layers"] == (128, 64, 10)
    back = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(back.transform(digits[0][:5]), fitted.transform(digits[0][:5]))


def test_the_preset_of_parts_only_adds(digits):
    settings = {**SMALL, **PRESETS["parts"]}
    assert (DDNMF(**settings, random_state=0).fit(digits[0][:300]).components_ >= -1e-9).all()


@pytest.mark.parametrize(
    ("changes", "X", "message"),
    [
        ({}, np.array([[1.0, -1.0], [0.0, 2.0]]), "Negative values"),
        ({"beta": -1}, np.ones((4, 3)), "beta = -1"),
        (
            {"basis": "nonnegative"},
            np.ones((4, 3)),
            "basis = 'nonnegative': with nmf_at = 'pixels' should be 'paper'; use nmf_at",
        ),
        ({"noise_kind": "loud"}, np.ones((4, 3)), "noise_kind"),
        ({"optimizer": "sgd", "learning_rate": 10.0, "loss_reduction": "sum"}, np.arange(40.0).reshape(10, 4), "learning rate"),
    ],
)
def test_what_cannot_be_is_a_sentence(changes, X, message):
    with pytest.raises(ValueError, match=message):
        DDNMF(**{**SMALL, "epochs": 20, **changes}, random_state=0).fit(X)


def test_coefficients_of_another_width_and_shapes_that_do_not_fit_are_refused(fitted):
    with pytest.raises(ValueError, match=r"should be \(n, 10\)"):
        fitted.inverse_transform(np.ones((2, 3)))
    with pytest.raises(ValueError, match="should multiply to 64"):
        fitted.plot((3, 3))


def test_its_parts_are_drawn_in_one_call(fitted):
    import matplotlib

    matplotlib.use("agg")
    figure = fitted.plot((8, 8))
    assert [axis.get_title() for axis in figure.axes] == [f"part {k + 1}" for k in range(10)]
    assert fitted.plot() is not figure


def test_asking_for_it_loads_torch_and_nothing_else_does(loaded_by):
    assert "torch" not in loaded_by("ddnmf_core")
