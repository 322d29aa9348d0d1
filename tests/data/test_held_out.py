"""Samples held out from training: which they are, and that nothing of them reaches the model or its clusters."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from ddnmf_core.analysis.assignment import assign
from ddnmf_core.analysis.clustering import cluster
from ddnmf_core.analysis.metrics import scores
from ddnmf_core.cli.main import main_app
from ddnmf_core.config import CLUSTERERS, RunConfig
from ddnmf_core.data.dataset import DataError, Images
from ddnmf_core.data.held_out import held_out_mask
from ddnmf_core.experiment.plan import ExperimentItem
from ddnmf_core.experiment.run_table import HELD_OUT_COLUMNS, run_row
from ddnmf_core.experiment.scores import score_rows, scores_over_seeds
from ddnmf_core.model.trainer import Trainer
from ddnmf_core.store.archive_export import export_archive
from ddnmf_core.store.archive_import import import_archive
from ddnmf_core.store.finished_run import FinishedRun
from ddnmf_core.store.run_store import Store
from ddnmf_core.store.verify import verify

CONFIG = RunConfig(dataset="digits", layers=(32, 16, 6), n_parts=5, epochs=2, batch_size=128, test_share=0.25)


def test_each_class_has_its_share_and_a_larger_share_holds_out_more():
    labels = np.repeat([0, 1, 2], [400, 40, 4])
    small, large = held_out_mask(labels, 0.25), held_out_mask(labels, 0.5)
    assert np.bincount(labels[small]).tolist() == [100, 10, 1]
    assert np.bincount(labels[large]).tolist() == [200, 20, 2]
    assert not (small & ~large).any()
    assert not held_out_mask(labels, 0.0).any()
    assert small[:400].nonzero()[0].std() > 80  # spread over the class


@pytest.mark.parametrize(("n", "share", "said"), [(40, 0.01, "holds out none of 40"), (50, 0.9, "leaves 5 of 50")])
def test_a_share_of_nothing_or_of_nearly_everything_is_refused(n, share, said):
    with pytest.raises(DataError, match=said):
        held_out_mask(np.zeros(n, np.int64), share)


@pytest.mark.parametrize("changes", [{}, {"nmf_at": "pixels"}, {"model": "ae1"}])
def test_what_is_held_out_changes_no_weight(digits, changes):
    config = CONFIG.replace(**changes)
    chosen = held_out_mask(digits.labels, config.test_share)
    pixels = digits.pixels.copy()
    pixels[chosen] = 255 - pixels[chosen]
    others = Images("digits", pixels, digits.labels, digits.image_shape, digits.class_names)
    trained = []
    for images in (digits, others):
        trainer = Trainer(config, images, torch.device("cpu"))
        rows = []
        trainer.train(rows.append)
        trained.append((trainer.model.state_dict(), rows[-1]))
    (weights, row), (same, other) = trained
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    assert row["L_in"] == other["L_in"]
    error = "error" if config.model == "ae1" else "error_student"
    assert row[error] != other[error]  # the curve shows held-out images


@pytest.fixture(scope="module")
def run(made):
    return FinishedRun(made(CONFIG).entry(CONFIG))


def test_held_out_samples_are_assigned_to_the_clusters_of_the_others_and_scored_apart(run, digits):
    chosen = held_out_mask(digits.labels, 0.25)
    assert np.array_equal(run.held_out(), chosen)
    z = run.codes("z")
    for clusterer in CLUSTERERS:
        clusters = run.clusters("z", clusterer)
        assert np.array_equal(clusters[~chosen], cluster(z[~chosen], clusterer, 10, CONFIG.seed))
        assert np.array_equal(clusters[chosen], assign(clusterer, z[~chosen], clusters[~chosen], z[chosen]))
        for held_out, samples in ((False, ~chosen), (True, chosen)):
            (row,) = (
                row
                for row in run.scores(held_out=held_out)
                if (row.representation, row.clusterer, row.noisy) == ("z", clusterer, False)
            )
            assert row.values == scores(digits.labels[samples], clusters[samples])
    assert len(run.scores()) == len(run.scores(held_out=True)) == 12
    assert run.results()["acc/clean/z/gmm/held_out"] != run.results()["acc/clean/z/gmm"]


def test_a_run_without_a_share_has_no_held_out_scores(made):
    config = CONFIG.replace(test_share=0.0)
    run = FinishedRun(made(config).entry(config))
    assert run.scores(held_out=True) == []
    assert not run.held_out().any()
    assert set(run_row(run.entry)["held_out_scores"].values()) == {None}


def test_every_sample_says_its_split(run):
    column = run.images().columns[-1]
    assert (column.name, column.can_colour) == ("split", True)
    first = int(run.held_out().argmax())
    assert run.images().details_of(first) == ["split: held out"]
    assert run.images().details_of(int(run.held_out().argmin())) == ["split: training"]


def test_the_tables_of_runs_show_held_out_scores(run):
    row = run_row(run.entry)["held_out_scores"]
    assert list(row) == list(HELD_OUT_COLUMNS)
    assert row["ACC GMM, held out"] == run.results()["acc/clean/z/gmm/held_out"]
    listed = CliRunner().invoke(main_app, ["runs", "list", "--home", str(run.entry.root)])
    assert "ACC GMM, HELD OUT" in listed.stdout
    assert f"{row['ACC GMM, held out']:.3f}" in listed.stdout
    shown = json.loads(CliRunner().invoke(main_app, ["runs", "show", run.id, "--home", str(run.entry.root)]).stdout)
    assert sum(bool(score.get("held_out")) for score in shown["scores"]) == 12


def test_an_experiment_summarises_them_apart(run):
    rows = score_rows(Store(run.entry.root), [ExperimentItem({}, CONFIG, None)])
    table = scores_over_seeds(rows).set_index(["images", "clusterer"])
    assert set(table.index) == {(images, clusterer) for images in ("clean", "clean, held out") for clusterer in CLUSTERERS}
    assert table.loc[("clean, held out", "gmm"), "acc_mean"] == run.results()["acc/clean/z/gmm/held_out"]


def test_a_store_and_an_archive_with_held_out_scores_are_whole(run, tmp_path):
    assert verify(Store(run.entry.root)).whole
    archive, other = tmp_path / "runs.zip", Store(tmp_path / "other")
    export_archive([run.entry], archive)
    import_archive(other, archive)
    assert FinishedRun(other.get("runs", run.id)).scores(held_out=True) == run.scores(held_out=True)
