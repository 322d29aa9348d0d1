"""What a worker does with an entry, in this process."""

import errno
import shutil

import numpy as np
import pytest

from ddnmf_core.analysis import embeddings
from ddnmf_core.analysis.baselines import transform
from ddnmf_core.analysis.embeddings import embed
from ddnmf_core.analysis.metrics import scores
from ddnmf_core.config import ClusteringConfig, EmbeddingConfig, InterpretationConfig, PixelNMFConfig, RunConfig
from ddnmf_core.engine.worker import analyse, tasks
from ddnmf_core.store.entry import (
    CLUSTERS_FILE,
    CODES_FILE,
    EARLY_FILE,
    FACTORS_FILE,
    MODEL_FILE,
    POINTS_FILE,
    PROVENANCE_FILE,
    SCORES_FILE,
    Entry,
)
from ddnmf_core.store.run_store import Store

CONFIG = RunConfig(dataset="digits", layers=(32, 16, 6), n_parts=5, epochs=3, batch_size=128)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def run(store, made):
    """CONFIG, trained, in this test's store."""
    shutil.copytree(made(CONFIG).root, store.root, dirs_exist_ok=True)
    return store.entry(CONFIG)


def perform(store, config):
    entry = store.create(config)
    return entry, tasks.perform(str(store.root), entry.kind, entry.id, "cpu")


def test_a_run_leaves_everything_that_a_page_needs(store):
    entry, status = perform(store, CONFIG)
    assert status == "finished"
    assert entry.problems() == []
    assert [row["epoch"] for row in entry.history() if row["kind"] == "epoch"] == [1, 2, 3]
    assert len(entry.names("snapshots/")) == 4  # before training, and after each epoch
    assert entry.names("checkpoint-") == []
    codes = entry.read_tensors(CODES_FILE)
    assert codes["clean/z"].shape == (1797, 6)
    assert codes["noisy/H"].shape == (1797, 5)
    assert entry.read_json(PROVENANCE_FILE)["precision"] == "medium"
    assert {"torch", "threads", "device"} <= set(entry.read_json(PROVENANCE_FILE))


def test_scores_belong_to_the_stored_clusters(store, run):
    from ddnmf_core.data.catalogue import load

    clusters, labels = run.read_table(CLUSTERS_FILE), load("digits").labels
    for row in run.read_json(SCORES_FILE):
        found = scores(labels, clusters[f"{row['input']}/{row['representation']}/{row['clusterer']}"])
        assert found == {name: row[name] for name in found}


def test_a_finished_run_is_not_trained_again(store, run):
    before = (run.folder / MODEL_FILE).stat().st_mtime_ns
    assert perform(store, CONFIG)[1] == "finished"
    assert (run.folder / MODEL_FILE).stat().st_mtime_ns == before


def test_a_run_stopped_and_resumed_ends_with_the_same_weights(store, made, monkeypatch):
    undisturbed = made(CONFIG).entry(CONFIG)
    entry = store.create(CONFIG)
    asked = iter([False] * 20 + [True] * 3)
    monkeypatch.setattr(type(entry), "stop_requested", property(lambda self: next(asked, False)))
    statuses = [tasks.perform(str(store.root), "runs", entry.id, "cpu") for _ in range(5)]
    assert statuses[0] == "stopped"
    assert statuses[-1] == "finished"
    expected, got = undisturbed.read_tensors(MODEL_FILE), entry.read_tensors(MODEL_FILE)
    assert all(np.array_equal(expected[name], got[name]) for name in expected)
    assert [row["L_in"] for row in entry.history() if row["kind"] == "epoch"] == [
        row["L_in"] for row in undisturbed.history() if row["kind"] == "epoch"
    ]


def test_a_diverging_run_ends_with_a_sentence_and_keeps_its_last_finite_checkpoint(store):
    entry, status = perform(store, CONFIG.replace(optimizer="sgd", learning_rate=10.0, loss_reduction="sum"))
    assert status == "diverged"
    assert "learning rate" in entry.state.message
    kept = entry.names("checkpoint-")
    assert ("checkpoint is kept" in entry.state.message) == bool(kept)
    assert all(np.isfinite(array).all() for name in kept for array in entry.read_tensors(name).values())


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (MemoryError("too big"), "Out of memory"),
        (
            FileNotFoundError(errno.ENOENT, "No such file", "data/x/pixels.safetensors"),
            "removed meanwhile: data/x/pixels.safetensors",
        ),
        (ValueError("n_samples = 99999: digits has 1,797 images"), "n_samples = 99999"),
        (FileNotFoundError("no name"), "Unexpected FileNotFoundError: no name"),
        (KeyError("surprise"), "Unexpected KeyError"),
    ],
)
def test_what_goes_wrong_becomes_a_sentence_in_the_state(store, monkeypatch, error, sentence):
    def fail(entry, device):
        raise error

    monkeypatch.setitem(tasks.TASKS, "runs", fail)
    entry, status = perform(store, CONFIG)
    assert status == "failed"
    assert sentence in entry.state.message


def test_a_run_on_too_many_images_fails_with_the_reason(store):
    entry, status = perform(store, CONFIG.replace(n_samples=50_000))
    assert status == "failed"
    assert "digits has 1,797 images" in entry.state.message


def test_an_entry_deleted_while_it_is_worked_on_is_no_error(store, monkeypatch):
    def delete(entry, device):
        shutil.rmtree(entry.folder)
        entry.set_state(entry.state)

    monkeypatch.setitem(tasks.TASKS, "runs", delete)
    assert perform(store, CONFIG)[1] == "stopped"


def test_a_damaged_run_is_set_aside_and_not_the_map_that_needs_it(store, run):
    (run.folder / CODES_FILE).write_bytes(b"damaged")
    entry, status = perform(store, EmbeddingConfig(run=run.id))
    assert status == "failed"
    assert "codes.safetensors is damaged" in entry.state.message
    assert not run.folder.exists()


def test_a_failure_just_before_the_model_is_written_can_be_resumed(store, monkeypatch):
    entry = store.create(CONFIG)
    write = type(entry).write_tensors

    def full(self, name, arrays):
        if name == MODEL_FILE:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, name, arrays)

    with monkeypatch.context() as patch:
        patch.setattr(type(entry), "write_tensors", full)
        assert perform(store, CONFIG)[1] == "failed"
    assert perform(store, CONFIG)[1] == "finished"
    assert entry.problems() == []


def test_only_one_worker_works_on_a_run(store):
    entry = store.create(CONFIG)
    with entry.lock():
        assert tasks.perform(str(store.root), "runs", entry.id) == "busy"


@pytest.mark.parametrize("method", ["t-sne", "umap", "pca"])
def test_a_map_has_a_point_for_each_sample_and_repeats_itself(store, run, method):
    config = EmbeddingConfig(run=run.id, method=method, n_points=150, representation="H")
    entry, status = perform(store, config)
    assert status == "finished"
    points = entry.read_table(POINTS_FILE)
    assert points.shape == (150, 3)
    assert np.isfinite(points[["x", "y"]]).all().all()
    from ddnmf_core.analysis.embeddings import embed

    again = embed(run.read_tensors(CODES_FILE)["clean/H"][points["sample"]], config)
    assert np.array_equal(again, points[["x", "y"]].to_numpy())


@pytest.mark.parametrize("method", ["t-sne", "umap"])
def test_a_map_stops_when_it_is_asked_to(store, method):
    from ddnmf_core.analysis.embeddings import EmbeddingStopped, embed

    codes = np.random.default_rng(0).random((200, 5), dtype=np.float32)
    reported = []
    with pytest.raises(EmbeddingStopped):
        embed(
            codes, EmbeddingConfig(run="0" * 16, method=method), lambda *told: reported.append(told), lambda: len(reported) >= 2
        )
    assert len(reported) == 2


def test_a_map_can_be_seen_while_it_is_made_and_leaves_nothing_else(store, run, monkeypatch):
    seen = []
    monkeypatch.setattr(analyse, "EARLY_MAP_INTERVAL_S", 0.0)
    remove = Entry.remove
    monkeypatch.setattr(Entry, "remove", lambda self, name: (seen.append(self.read_table(name)), remove(self, name)))
    entry, _ = perform(store, EmbeddingConfig(run=run.id, method="t-sne", n_points=100))
    early, points = seen[0], entry.read_table(POINTS_FILE)
    assert (early["sample"] == points["sample"]).all()
    assert np.abs(early[["x", "y"]] - points[["x", "y"]]).to_numpy().max() < 5  # the last look was just before the end
    assert not entry.has(EARLY_FILE)
    assert not (entry.folder / EARLY_FILE).exists()


def test_a_map_of_an_unfinished_run_says_what_is_missing(store):
    run = store.create(CONFIG)
    entry, status = perform(store, EmbeddingConfig(run=run.id))
    assert status == "failed"
    assert "train it first" in entry.state.message


def test_pixel_nmf_keeps_non_negative_factors(store):
    entry, status = perform(store, PixelNMFConfig(dataset="digits", n_parts=4))
    assert status == "finished"
    factors = entry.read_tensors(FACTORS_FILE)
    assert factors["bases"].shape == (4, 64)
    assert min(factors["bases"].min(), factors["H"].min()) >= 0
    assert 0.2 < factors["explained_variance"][0] < 1


# ------------------------------------------------------------------------------------- clusterings


def test_clusters_of_a_runs_codes_are_those_that_the_run_itself_has(store, run):
    for seen, noise_level in (("clean", 0.0), ("noisy", CONFIG.noise_level)):
        for clusterer in ("kmeans", "gmm"):
            entry, status = perform(
                store, ClusteringConfig.of(CONFIG, representation="H", noise_level=noise_level, clusterer=clusterer)
            )
            assert status == "finished"
            expected = run.read_table(CLUSTERS_FILE)[f"{seen}/H/{clusterer}"]
            assert entry.read_table(CLUSTERS_FILE)["cluster"].tolist() == expected.tolist()
            found = entry.read_json(SCORES_FILE)
            row = next(
                row
                for row in run.read_json(SCORES_FILE)
                if (row["input"], row["representation"], row["clusterer"]) == (seen, "H", clusterer)
            )
            assert {name: found[name] for name in ("acc", "nmi", "ari")} == {name: row[name] for name in ("acc", "nmi", "ari")}
            assert np.sum(found["contingency"]) == 1797
            assert -1 <= found["silhouette"] <= 1


def test_another_noise_than_the_runs_own_makes_other_codes(store, run):
    scores_of = [
        perform(store, ClusteringConfig.of(CONFIG, noise_level=level))[0].read_json(SCORES_FILE) for level in (0.4, 0.41, 1.0)
    ]
    assert scores_of[0]["contingency"] != scores_of[1]["contingency"]
    assert scores_of[2]["nmi"] < scores_of[0]["nmi"]


def test_pixels_are_clustered_without_any_run(store):
    accuracies = {
        transform: perform(store, ClusteringConfig(dataset="digits", transform=transform))[0].read_json(SCORES_FILE)["acc"]
        for transform in ("none", "unit_length", "unit_nmf", "pca", "umap")
    }
    assert accuracies["none"] > 0.7  # K-means on the 8x8 digits
    assert accuracies["umap"] > accuracies["none"]  # a manifold helps
    assert 0.3 < accuracies["unit_nmf"] != accuracies["pca"]


def test_coefficients_of_an_nmf_are_those_of_bases_of_unit_length():
    h = np.array([1.0, 2.0, 5.0], np.float32)
    x = np.outer(h, [0.6, 0.0, 0.8]).astype(np.float32)  # one part, of length 1
    coefficients = transform(x, ClusteringConfig(dataset="digits", transform="unit_nmf", n_components=1))
    assert coefficients[:, 0] == pytest.approx(h, rel=1e-4)


def test_rows_of_unit_length_keep_their_directions():
    x = np.array([[3.0, -4.0], [0.3, -0.4], [0.0, 0.0]], np.float32)
    scaled = transform(x, ClusteringConfig(dataset="digits", transform="unit_length"))
    assert scaled == pytest.approx(np.array([[0.6, -0.8], [0.6, -0.8], [0, 0]]))


def test_an_nmf_of_negative_codes_is_refused_with_the_way_out(store, run):
    entry, status = perform(store, ClusteringConfig.of(CONFIG, transform="unit_nmf"))
    assert status == "failed"
    assert "negative values" in entry.state.message
    assert "ReLU bottleneck" in entry.state.message


def test_clusters_of_an_unfinished_run_say_so(store):
    store.create(CONFIG)
    entry, status = perform(store, ClusteringConfig.of(CONFIG))
    assert status == "failed"
    assert f"run {CONFIG.id} is not finished" in entry.state.message


def test_clusters_of_a_run_that_is_not_there_say_so(store):
    entry, status = perform(store, ClusteringConfig(dataset="digits", run="0123456789abcdef", representation="z"))
    assert status == "failed"
    assert entry.state.message.startswith("No run '0123456789abcdef'")


@pytest.mark.parametrize(
    "codes",
    [
        np.random.default_rng(0).random((120, 1), np.float32),
        np.random.default_rng(0).random((120, 1), np.float32) * np.ones((1, 3), np.float32),
    ],
)
def test_codes_that_lie_on_a_line_have_a_map(codes):
    points = embed(codes, EmbeddingConfig(run="0" * 16, method="t-sne"))
    assert points.shape == (120, 2)
    assert np.isfinite(points).all()
    assert points.std() > 0


@pytest.mark.parametrize(("share", "fill"), [(0.007, True), (1e-3, True), (0.0, False)])
def test_a_map_starts_from_principal_components_where_there_are_two(share, fill):
    scale = np.array([1.0, *[share] * 9], np.float32)
    codes = np.random.default_rng(0).standard_normal((70_000, 10)).astype(np.float32) * scale
    assert embeddings._has_rank_two(codes) == fill


def test_a_map_without_numbers_is_a_sentence(monkeypatch):
    monkeypatch.setattr(embeddings, "_pca", lambda codes, *others: np.full((len(codes), 2), np.nan))
    with pytest.raises(ValueError, match="the pca map has coordinates that are not finite"):
        embed(np.ones((120, 3), np.float32), EmbeddingConfig(run="0" * 16, method="pca"))


@pytest.mark.parametrize("method", ["t-sne", "umap", "pca"])
def test_codes_that_are_all_the_same_have_a_map_of_numbers(method):
    assert np.isfinite(embed(np.ones((120, 3), np.float32), EmbeddingConfig(run="0" * 16, method=method))).all()


def test_a_run_with_one_part_is_interpreted(store):
    run, _ = perform(store, CONFIG.replace(n_parts=1))
    entry, status = perform(store, InterpretationConfig.of(run.config))
    assert status == "finished", entry.state.message
    assert "hoyer_H" not in entry.read_json(SCORES_FILE)
