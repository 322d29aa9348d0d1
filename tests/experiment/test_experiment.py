"""A whole experiment from a file: what it asks for, what is there already, and its table."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ddnmf_core.cli import experiment as command
from ddnmf_core.cli.main import main_app
from ddnmf_core.config import ClusteringConfig, RunConfig
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.engine import client as engine
from ddnmf_core.engine.worker import tasks
from ddnmf_core.experiment import plan, scores
from ddnmf_core.export.formats import EXPORT_FORMATS
from ddnmf_core.store.run_store import Store

TEXT = """
seeds = [1, 2]
[run]
preset = "published"
dataset = "digits"
n_samples = 300
layers = [16, 6]
epochs = 1
[grid]
model = ["ddnmf", "ae1"]
[[clusterings]]
representation = "H"
clusterer = "gmm"
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "experiment.toml"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The store with everything that the file asks for, and its path."""
    path = tmp_path_factory.mktemp("experiment") / "experiment.toml"
    path.write_text(TEXT)
    store = Store(tmp_path_factory.mktemp("store"))
    for each in plan.experiment_items(plan.read_plan(path)):
        entry = store.create(each.config)
        assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished"
    return path, store


def ddnmf(*arguments):
    return CliRunner().invoke(main_app, ["experiment", *map(str, arguments)])


def test_a_file_asks_for_every_combination_with_every_seed(file):
    wanted = plan.experiment_items(plan.read_plan(file))
    runs = [each.config for each in wanted if isinstance(each.config, RunConfig)]
    assert [(run.model, run.seed) for run in runs] == [("ddnmf", 1), ("ae1", 1), ("ddnmf", 2), ("ae1", 2)]
    assert {(run.beta, run.schedule) for run in runs if run.model == "ddnmf"} == {(1.0, "constant")}  # of the preset
    made = [each.config for each in wanted if isinstance(each.config, ClusteringConfig)]
    assert [(each.run, each.representation) for each in made] == [(runs[0].id, "H"), (runs[2].id, "H")]  # AE1 has no H


def test_what_a_model_does_not_have_makes_no_second_run_of_it():
    asked = plan.Experiment(run={"model": "ae1"}, grid={"gamma": [0.1, 1.0]})
    assert len(plan.experiment_items(asked)) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seeds = [", "is not TOML"),
        ("[runs]", "runs: there is no such setting"),
        ("seeds = []", "at least 1 item"),
        ("seeds = [-1]", "seeds.0 = -1: should be greater than or equal to 0"),
        ("[run]\nseed = 3", r"seed: should be set by seeds = \[1, 2\]"),
        ("[run]\nspeed = 3", "speed: there is no such setting"),
        ('[run]\npreset = "magic"', "preset = 'magic': should be one of recommended, quick"),
        ("[grid]\nalpha = 1", "grid.alpha = 1: should be a valid list"),
        ("[grid]\nalpha = []", "at least 1 item"),
        ("[grid]\nalpha = [1, -1]", "alpha = -1"),
        ('[[clusterings]]\nrun = "0123456789abcdef"', r"run: cannot be set in \[\[clusterings\]\]"),
        ('[[clusterings]]\nclusterer = "magic"', "clusterer = 'magic'"),
        ("seeds = [" + ",".join(map(str, range(600))) + "]", "600 runs: should be at most 500"),
        ("#" * 1_000_001, "has more than 1,000,000 bytes"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence_and_starts_nothing(tmp_path, monkeypatch, text, sentence):
    monkeypatch.setattr(engine, "ensure_started", lambda store: pytest.fail("the engine was started"))
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    result = ddnmf(path, "--home", tmp_path / "store")
    assert result.exit_code == 2
    with pytest.raises(ValueError, match=sentence):
        plan.experiment_items(plan.read_plan(path))
    assert "Traceback" not in result.output


def test_what_the_store_has_is_found_and_not_done_again(done, monkeypatch, tmp_path):
    file, store = done
    monkeypatch.setattr(engine, "ensure_started", lambda store: pytest.fail("the engine was started"))
    result = ddnmf(file, "--home", store.root, "--json", "--out", tmp_path / "scores.csv")
    assert result.exit_code == 0, result.output
    assert "6 results, 6 already stored." in result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["failures"] == []
    assert len(found["results"]) == len(pd.read_csv(tmp_path / "scores.csv")) == 2 * (12 + 4)  # H by gmm is there anyway
    one = next(row for row in found["results"] if (row["model"], row["seed"], row["of"]) == ("ddnmf", 2, "H"))
    assert one["acc"] == pytest.approx(store.get("runs", one["run"]).read_json("scores.json")[2]["acc"], abs=1e-9)


def test_the_table_has_means_and_deviations_with_their_seeds(done):
    file, store = done
    rows = scores.score_rows(store, plan.experiment_items(plan.read_plan(file)))
    table = scores.scores_over_seeds(rows)
    assert table["seeds"].unique().tolist() == ["1 2"]
    line = table[(table["model"] == "ae1") & (table["clusterer"] == "gmm")].iloc[0]
    both = rows[(rows["model"] == "ae1") & (rows["clusterer"] == "gmm") & (rows["images"] == "clean")]["acc"]
    assert line["acc_mean"] == pytest.approx(both.mean())
    assert line["acc_std"] == pytest.approx(both.std(ddof=1))
    text = scores.scores_markdown(table)
    assert text.splitlines()[0] == "| model | images | of | transform | clusterer | seeds | ACC | NMI | ARI |"
    assert f"{both.mean():.3f} ± {both.std(ddof=1):.3f}" in text


def test_a_run_that_failed_is_named_and_the_others_are_still_shown(done, tmp_path, monkeypatch):
    store = done[1]
    more = tmp_path / "more.toml"
    more.write_text(TEXT.replace("[1, 2]", "[1, 2, 3]").replace('model = ["ddnmf", "ae1"]', 'model = ["ae1"]'))
    monkeypatch.setattr(engine, "submit", lambda store, config, device=None: store.create(config).end("diverged", "NaN."))
    result = ddnmf(more, "--home", store.root)
    assert result.exit_code == 1
    assert "diverged: NaN." in result.stderr
    assert "| ae1 | clean | z | none | kmeans | 1 2 |" in result.stdout


def test_a_dry_run_says_what_would_be_done(file, tmp_path):
    result = ddnmf(file, "--dry-run", "--home", tmp_path / "empty")
    assert result.exit_code == 0
    assert "6 results, 0 already stored; expected time for the others: " in result.stderr
    assert not (tmp_path / "empty").exists()


def test_ctrl_c_stops_what_is_under_way_and_says_that_it_goes_on(file, tmp_path, monkeypatch):
    def interrupted(work):
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "ensure_started", lambda store: None)
    monkeypatch.setattr("ddnmf_core.experiment.batch.WorkBatch.steps", interrupted)
    result = ddnmf(file, "--home", tmp_path / "store")
    assert result.exit_code == 130
    assert "Run the same command again to resume" in result.stderr
    assert all(entry.stop_requested for entry in Store(tmp_path / "store").entries())


def test_the_file_in_the_docs_is_one_and_every_format_stands_there(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()
    path = tmp_path / "docs.toml"
    path.write_text(text.split("```toml\n")[1].split("```")[0])
    assert (
        len(plan.experiment_items(plan.read_plan(path))) == 2 * 2 * 3 * 2
    )  # two axes of two values, three seeds, and clusters of each
    assert all(f"`{name}`" in text for name in EXPORT_FORMATS)


def test_clusterings_that_differ_in_their_transform_are_no_seeds_of_each_other(tmp_path):
    path = tmp_path / "experiment.toml"
    made = "".join(f'[[clusterings]]\nrepresentation = "z"\ntransform = "pca"\nn_components = {n}\n' for n in (2, 5))
    path.write_text(TEXT.split("[[clusterings]]")[0].replace("seeds = [1, 2]", "seeds = [1]") + made)
    store = Store(tmp_path / "store")
    for each in plan.experiment_items(plan.read_plan(path)):
        entry = store.create(each.config)
        assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished"
    table = scores.scores_over_seeds(scores.score_rows(store, plan.experiment_items(plan.read_plan(path))))
    assert set(table["seeds"]) == {"1"}
    assert sorted(table[table["transform"] == "pca"]["n_components"]) == [2, 2, 5, 5]
    assert "n_components" in scores.scores_markdown(table)


def test_data_without_labels_have_the_silhouette(tmp_path, monkeypatch):
    monkeypatch.setenv("DDNMF_HOME", str(tmp_path / "store"))
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((60, 5)))
    name = user_sets.add(tmp_path / "x.npy", "x.npy", ImportOptions())
    path = tmp_path / "experiment.toml"
    path.write_text(f'seeds = [1, 2]\n[run]\ndataset = "{name}"\nlayers = [16, 4]\nn_parts = 3\nepochs = 1\n')
    store = Store()
    for each in plan.experiment_items(plan.read_plan(path)):
        entry = store.create(each.config)
        assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished"
    found = ddnmf(path, "--home", store.root)
    assert found.exit_code == 0, found.output
    assert found.stdout.splitlines()[0].endswith("| seeds | silhouette |")


def test_a_device_that_there_is_not_is_said_before_anything_is_done(tmp_path, file):
    for arguments in (("--device", "gpu"), ()):
        file.write_text(TEXT if arguments else 'device = "gpu"' + TEXT)
        found = ddnmf(file, "--dry-run", "--home", tmp_path / "store", *arguments)
        assert found.exit_code == 2
        assert found.output.count("device = 'gpu'") == 1
        assert "'auto', 'cuda', 'mps' or 'cpu'" in found.output


def test_time_left_is_of_the_work_since_the_start(monkeypatch):
    """A resumed experiment begins at 80 %: what was done before says nothing of the pace."""

    class Work:
        def steps(self):
            yield 0.8, "4 of 5"
            yield 0.9, "4 of 5"
            yield 1.0, "5 of 5"

    clock = iter([0.0, 60.0])
    monkeypatch.setattr(command.time, "monotonic", lambda: next(clock))
    assert [text for _, text in command._steps(Work())] == ["4 of 5.", "4 of 5. About 60 s left.", "5 of 5."]
