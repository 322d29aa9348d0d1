"""Parameters of the estimator: refused before training in its own names, scales, stops, what is left out, what is kept."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.datasets import load_digits

from ddnmf_core import DDNMF
from ddnmf_core.model.trainer import Trainer

SMALL = {"layers": (16, 4), "n_components": 3, "epochs": 3, "precision": "highest", "device": "cpu", "random_state": 0}


@pytest.fixture(scope="module")
def X():
    return load_digits().data[:200]


@pytest.fixture
def unequal():
    rng = np.random.default_rng(0)
    table = rng.random((200, 3)) @ rng.random((3, 6))
    table[:, 5] *= 1e6
    return table


# -------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        ("n_components", 0, "n_components = 0"),
        ("n_components", -2, "n_components = -2"),
        ("n_components", 2.5, "n_components = 2.5"),
        ("n_components", True, "n_components = True"),
        ("n_components", None, "n_components = None"),
        ("layers", 5, r"layers = 5: should be a sequence of widths, such as \(64, 10\)"),
        ("layers", None, "layers = None"),
        ("layers", (), "layers"),
        ("layers", (16, 0), r"layers.1 = 0"),
        ("layers", (16, "wide"), "layers.1 = 'wide'"),
        ("n_clusters", -3, "n_clusters = -3"),
        ("n_clusters", 0, "n_clusters = 0"),
        ("n_clusters", 201, "n_clusters = 201: should be at most 200, the number of rows"),
        ("clusterer", "dbscan", "clusterer = 'dbscan'"),
        ("scale", "log", "scale = 'log'"),
        ("tol", -0.1, "tol = -0.1"),
        ("tol", float("nan"), "tol = nan"),
        ("n_iter_no_change", 0, "n_iter_no_change = 0"),
        ("validation_fraction", 1.0, "validation_fraction = 1.0"),
        ("verbose", -1, "verbose = -1"),
        ("callback", "print", "callback = 'print'"),
        ("device", "tpu", "device = 'tpu'"),
        ("epochs", 0, "epochs = 0"),
        ("epochs", None, "epochs = None"),
        ("batch_size", 0, "batch_size = 0"),
        ("learning_rate", 0, "learning_rate = 0"),
        ("learning_rate", float("inf"), "learning_rate = inf"),
        ("noise_kind", "loud", "noise_kind = 'loud'"),
        ("noise_kind", "displacement", "rows of a table cannot be displaced"),
        ("noise_level", 2, "noise_level = 2"),
        ("precision", "low", "precision = 'low'"),
        ("optimizer", None, "optimizer = None"),
    ],
)
def test_a_parameter_that_cannot_be_is_refused_before_training_in_its_own_name(parameter, value, message, X, monkeypatch):
    monkeypatch.setattr(Trainer, "train", lambda *_: pytest.fail("training began"))
    with pytest.raises(ValueError, match=message) as error:
        DDNMF(**{**SMALL, parameter: value}).fit(X)
    assert "n_parts" not in str(error.value)


@pytest.mark.parametrize("value", [np.int64(2), 2, "4", (8, 4), [8, 4], np.array([8, 4])])
def test_numbers_of_numpy_and_any_sequence_of_widths_are_taken(value, X):
    name = "n_components" if isinstance(value, int | np.integer) else "layers"
    assert DDNMF(**{**SMALL, name: value, "epochs": 1}).fit(X).components_.shape == (2 if name == "n_components" else 3, 64)


def test_too_few_rows_to_leave_one_out_are_said():
    with pytest.raises(ValueError, match=r"validation_fraction = 0.5: 2 rows are too few to leave one out; use 0"):
        DDNMF(**SMALL, validation_fraction=0.5).fit(np.ones((2, 3)))


# ---------------------------------------------------------------------------------------- scales


def explained(model, X):
    return 1 - ((X - model.inverse_transform(model.transform(X))) ** 2).mean(axis=0) / X.var(axis=0)


@pytest.mark.parametrize("scale", ["feature", "maximum", "range"])
def test_each_column_counts_alike_where_it_is_scaled_by_itself(scale, unequal):
    settings = {**SMALL, "layers": (32, 8), "epochs": 60, "batch_size": 20}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = DDNMF(**settings, scale=scale).fit(unequal)
    assert explained(model, unequal).min() > 0.2  # of scaling by set: about -1e7
    assert model.scale_.shape == model.offset_.shape == (6,)
    assert (model.offset_ == (unequal.min(axis=0) if scale == "range" else 0)).all()


def test_the_results_do_not_depend_on_units_where_columns_are_scaled(unequal):
    units = np.array([1, 2, 4, 8, 1024, 2.0**-20])
    one, other = (DDNMF(**SMALL, scale="range").fit(table) for table in (unequal, unequal * units))
    assert other.transform(unequal * units) == pytest.approx(one.transform(unequal), abs=1e-6)
    assert other.components_ == pytest.approx(one.components_ * units, rel=1e-4)


def test_columns_of_unequal_scale_are_warned_of_with_the_way_out(unequal):
    with pytest.warns(UserWarning, match=r"by a factor of 4,\d{3},\d{3} .*scale='feature' .*scale='range'"):
        model = DDNMF(**SMALL).fit(unequal)
    assert model.scale_ == unequal.max()
    assert model.offset_ == 0
    small = unequal.copy()
    small[:, 5] /= 1e9
    with pytest.warns(UserWarning, match="differ in scale"):
        DDNMF(**SMALL).fit(small)


def test_pictures_and_tables_of_one_unit_are_not_warned_of(X):
    border = X * 15
    border[0, 0] = 1  # a pixel at the border that is seldom on
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DDNMF(**SMALL).fit(border)


@pytest.mark.parametrize("scale", ["set", "feature", "range"])
def test_a_constant_column_is_rebuilt_and_does_not_disturb_new_rows(scale, X):
    table = np.column_stack([X[:, 20:26], np.full(200, 7.0), np.zeros(200)])
    model = DDNMF(**SMALL, scale=scale).fit(table)
    assert np.isfinite(model.components_).all()
    if scale == "range":
        assert (model.inverse_transform(model.transform(table))[:, 6:] == [7, 0]).all()
        new = table.copy()
        new[:, 6] = 1e9
        assert np.array_equal(model.transform(new), model.transform(table))


# -------------------------------------------------------------------------- progress and stopping


def test_a_callback_sees_every_epoch_and_can_stop(X):
    seen = []
    model = DDNMF(**{**SMALL, "epochs": 20}, callback=lambda row: seen.append(row["epoch"]) or len(seen) == 4).fit(X)
    assert seen == [1, 2, 3, 4]
    assert model.n_iter_ == len(model.history_) == 4
    assert DDNMF(**SMALL, callback=seen.append).fit(X).n_iter_ == 3


def test_training_stops_when_the_error_no_longer_falls(X):
    settings = {**SMALL, "epochs": 30, "n_iter_no_change": 2}
    stopped = DDNMF(**settings, tol=0.5).fit(X)
    errors = [row["error_student"] for row in stopped.history_]
    assert stopped.n_iter_ == len(errors) < 30
    assert min(errors[-2:]) >= 0.5 * min(errors[:-2])
    assert DDNMF(**settings).fit(X).n_iter_ == 30


def test_rows_are_left_out_of_the_training_and_scored(X):
    model = DDNMF(**SMALL, validation_fraction=0.25).fit(X)
    changed = X.copy()
    held_out = np.sort(np.random.default_rng(model.config_.seed).permutation(200)[:50])
    changed[held_out] = X[held_out][:, ::-1]
    assert np.array_equal(DDNMF(**SMALL, validation_fraction=0.25).fit(changed).transform(X), model.transform(X))
    assert model.validation_score_ == pytest.approx(model.score(X[held_out]))
    final = model.history_[-1]["error_validation"]
    assert final * X.max() ** 2 == pytest.approx(-model.validation_score_, rel=1e-3)
    assert len(model.labels_) == 200
    assert not hasattr(DDNMF(**SMALL).fit(X), "validation_score_")


def test_lines_are_printed_when_asked_for(X, capsys):
    DDNMF(**SMALL).fit(X)
    assert capsys.readouterr().out == ""
    DDNMF(**SMALL, verbose=2).fit(X)
    assert capsys.readouterr().out.startswith("epoch 2 of 3: L_in ")
    DDNMF(**SMALL, verbose=True).fit(X)
    assert capsys.readouterr().out.count("\n") == 3


# ---------------------------------------------------------------------------------- kinds of data


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_matrix", "coo_array", "csc_array"])
def test_sparse_data_give_what_dense_ones_give(kind, X):
    sparse = getattr(scipy.sparse, kind)(X)
    dense = DDNMF(**SMALL).fit(X)
    model = DDNMF(**SMALL).fit(sparse)
    assert np.array_equal(model.transform(sparse), dense.transform(X))
    assert np.array_equal(model.labels_, dense.labels_)
    assert model.score(sparse) == dense.score(X)
    with pytest.raises(ValueError, match="Negative values"):
        DDNMF(**SMALL).fit(-sparse)


def test_float32_stays_float32(X):
    model = DDNMF(**SMALL).fit(X.astype(np.float32))
    H = model.transform(X.astype(np.float32))
    assert H.dtype == model.encode(X.astype(np.float32)).dtype == model.inverse_transform(H).dtype == np.float32
    assert model.transform(X).dtype == model.inverse_transform(H.astype(np.float64)).dtype == np.float64
    assert np.allclose(H, model.transform(X), atol=1e-6)


def test_decoding_a_frame_leaves_it_alone(X):
    model = DDNMF(**SMALL).fit(X)
    frame = pd.DataFrame(model.transform(X))
    before = frame.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch warns of an array that it may not write to
        rows = model.inverse_transform(frame)
    rows[:] = 0
    pd.testing.assert_frame_equal(frame, before)
    assert model.inverse_transform(frame).any()


def test_a_plot_leaves_no_figure_open(X):
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    plt.close("all")
    figure = DDNMF(**SMALL).fit(X).plot((8, 8))
    assert plt.get_fignums() == []
    assert len(figure.axes) == 3
