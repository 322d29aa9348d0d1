"""The parts of a trained run, measured by a worker: complete, true to their definitions, and better than chance."""

import numpy as np
import pytest
import torch

from ddnmf_core.config import InterpretationConfig, RunConfig
from ddnmf_core.engine.worker import tasks
from ddnmf_core.interpret.factorisation import Factorisation
from ddnmf_core.store import trash
from ddnmf_core.store.entry import CODES_FILE, INTERPRETATION_FILE, PARTS_FILE, SCORES_FILE
from ddnmf_core.store.run_store import Store

RUN = RunConfig(
    dataset="digits",
    layers=(64, 32, 6),
    n_parts=6,
    epochs=30,
    noise_level=0.2,
    batch_size=64,
    output_activation="linear",
    gamma=0.1,
)


def perform(store, config):
    entry = store.create(config)
    return entry, tasks.perform(str(store.root), entry.kind, entry.id, "cpu")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("interpretation"))
    assert perform(store, RUN)[1] == "finished"
    entry, status = perform(store, InterpretationConfig.of(RUN, n_pictures=40))
    assert status == "finished", entry.state
    return store, entry


def test_every_part_has_a_row_and_importance_is_a_share(done):
    table = done[1].read_table(PARTS_FILE)
    assert table["part"].tolist() == list(range(6))
    assert table["importance"].sum() == pytest.approx(1)
    assert table["purity"].between(0.1, 1).all()
    assert (table["partner"] != table["part"]).all()


def test_pictures_are_shared_out_completely_and_by_an_order_that_beats_chance(done):
    scores = done[1].read_json(SCORES_FILE)
    assert scores["completeness_error"] < 1e-4
    assert scores["deletion_auc"] < scores["deletion_random_auc"]
    assert scores["insertion_auc"] > scores["insertion_random_auc"]
    assert 0 < scores["explained_variance"] < 1


def test_taking_parts_out_moves_samples_and_noise_weakens_parts(done):
    arrays = done[1].read_tensors(INTERPRETATION_FILE)
    assert arrays["causal"].shape == (6, 10)
    assert 0 < arrays["causal"].max() <= 1
    assert arrays["survival"].shape == (8, 6)
    assert arrays["survival"][0].mean() > arrays["survival"][-1].mean()


def test_the_swing_of_a_part_is_the_picture_at_its_high_quantile_minus_that_at_its_low_one(done):
    import torch

    from ddnmf_core.store.finished_run import load_model

    store, entry = done
    H = store.get("runs", RUN.id).read_tensors(CODES_FILE)["clean/H"]
    rows = np.tile(H.mean(axis=0), (2, 1))
    rows[:, 2] = np.quantile(H[:, 2], [0.05, 0.95])
    with torch.no_grad():
        low, high = load_model(store.get("runs", RUN.id)).student.decode(torch.from_numpy(rows)).numpy()
    assert entry.read_tensors(INTERPRETATION_FILE)["swings"][2] == pytest.approx(high - low, abs=1e-5)


def test_an_autoencoder_has_no_parts_to_measure(done):
    autoencoder = RUN.replace(model="ae1", epochs=1)
    assert perform(done[0], autoencoder)[1] == "finished"
    entry, status = perform(done[0], InterpretationConfig.of(autoencoder))
    assert status == "failed"
    assert "has no parts" in entry.state.message


@pytest.mark.parametrize(("factors", "n_parts"), [("units", None), ("code_nmf", 5)])
def test_what_stands_beside_the_parts_of_a_model_is_measured_alike(done, factors, n_parts):
    autoencoder = RUN.replace(model="ae1", epochs=15, bottleneck_activation="relu")
    assert perform(done[0], autoencoder)[1] == "finished"
    entry, status = perform(done[0], InterpretationConfig.of(autoencoder, factors=factors, n_parts=n_parts, n_pictures=10))
    assert status == "finished", entry.state
    ours, theirs = done[1].read_json(SCORES_FILE), entry.read_json(SCORES_FILE)
    assert ours.keys() - theirs.keys() == {"saturated_share"}
    assert len(entry.read_table(PARTS_FILE)) == (n_parts or 6)
    assert theirs["completeness_error"] < 1e-3


def test_a_principal_component_adds_and_explains_what_scikit_learn_says_it_does(done):
    from sklearn.decomposition import PCA

    from ddnmf_core.data.catalogue import load

    entry, status = perform(done[0], InterpretationConfig(dataset="digits", factors="pca", n_parts=4, n_pictures=10))
    assert status == "finished", entry.state
    scores, x = entry.read_json(SCORES_FILE), load("digits").scaled()
    assert scores["explained_variance"] == pytest.approx(PCA(4).fit(x).explained_variance_ratio_.sum(), abs=1e-4)
    assert scores["additivity_gap"] == pytest.approx(0, abs=1e-4)  # a linear decoder
    assert scores["constant_parts"] == 0


def test_an_nmf_of_the_pixels_only_adds(done):
    entry, status = perform(done[0], InterpretationConfig(dataset="digits", factors="nmf", n_parts=4, n_pictures=10))
    assert status == "finished", entry.state
    assert entry.read_json(SCORES_FILE)["cancellation"] == 0
    assert (entry.read_tensors(INTERPRETATION_FILE)["swings"] >= 0).all()


@pytest.mark.parametrize(
    "fields",
    [
        {"factors": "parts"},
        {"factors": "nmf"},
        {"factors": "nmf", "run": "0" * 16, "n_parts": 3},
        {"factors": "units", "run": "0" * 16, "n_parts": 3},
    ],
)
def test_factors_that_do_not_fit_what_they_are_of_are_refused(fields):
    with pytest.raises(ValueError, match="factors = "):
        InterpretationConfig(**fields)


def test_a_run_of_other_images_is_refused_with_their_number(done):
    entry, status = perform(done[0], InterpretationConfig.of(RUN, n_samples=300))
    assert status == "failed"
    assert f"run {RUN.id} was trained on all images of digits, not on 300 images of digits" in entry.state.message


def test_it_stops_when_asked_and_goes_with_its_run(done, tmp_path):
    store = Store(tmp_path)
    run = RUN.replace(epochs=1)
    perform(store, run)
    entry = store.create(InterpretationConfig.of(run, n_pictures=20))
    entry.request_stop()
    assert tasks.perform(str(store.root), entry.kind, entry.id) == "stopped"
    trash.delete_entry(store.get("runs", run.id))
    assert not entry.exists


def test_images_that_are_all_alike_have_no_variance_to_explain():
    alike = np.full((3, 4), 0.5, np.float32)
    factors = Factorisation(np.zeros((3, 2), np.float32), lambda H: torch.zeros(len(H), 4))
    assert factors.explained_variance(alike) == 0
    assert factors.explained_variance(np.eye(3, 4, dtype=np.float32)) < 0
