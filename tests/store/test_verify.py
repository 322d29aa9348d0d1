"""Verifying finds every damage and changes nothing; repairing keeps what is whole."""

import numpy as np
import pytest
from stored import CONFIG, DAMAGES, content, factorise, finish, flip, lose, made_of, shorten, train_a_little

from ddnmf_core.config import RunConfig
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.engine.worker import tasks
from ddnmf_core.files.atomic import temporary_name, write_document
from ddnmf_core.store import archive_export, trash
from ddnmf_core.store.archive_import import import_archive
from ddnmf_core.store.entry import CODES_FILE, MODEL_FILE, SCORES_FILE, State
from ddnmf_core.store.run_store import Store
from ddnmf_core.store.verify import verify

FILES = (
    "config.json",
    "state.json",
    "manifest.json",
    "history.jsonl",
    MODEL_FILE,
    CODES_FILE,
    "clusters.parquet",
    SCORES_FILE,
    "provenance.json",
    "snapshots/000001.safetensors",
    "part-names.json",
    "run-name.json",
)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def everything(store):
    return {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}


def grades(verdict):
    return [finding.grade for finding in verdict.findings]


def test_a_whole_store_is_called_whole(store):
    made_of(store, finish(store))
    factorise(store)
    train_a_little(store, CONFIG.replace(seed=2))
    store.request(CONFIG.replace(seed=3))
    verdict = verify(store)
    assert verdict.whole
    assert verdict.findings == []
    assert verdict.n_entries == 7


def test_an_empty_place_is_whole(store):
    assert verify(store, repair=True).findings == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_is_found_and_verifying_changes_nothing(store, damage):
    runs = [finish(store, CONFIG.replace(seed=seed)) for seed in range(len(FILES))]
    assert store.entries()  # whatever is remembered of them
    for run, name in zip(runs, FILES, strict=True):
        damage(run.folder / name)
    before = everything(store)
    verdict = verify(store)
    assert not verdict.whole
    assert {finding.place for finding in verdict.findings} == {f"runs/{run.id}" for run in runs}
    assert everything(store) == before


@pytest.mark.parametrize("name", FILES)
def test_after_a_repair_all_is_whole_and_nothing_that_was_whole_is_lost(store, name):
    damaged, other = finish(store), finish(store, CONFIG.replace(seed=2))
    told = content(other)
    flip(damaged.folder / name)
    assert verify(store, repair=True).whole
    assert verify(store).findings == []
    assert content(other) == told


@pytest.mark.parametrize("name", [CODES_FILE, "clusters.parquet", SCORES_FILE])
def test_a_run_whose_model_is_whole_is_asked_to_be_scored_again(store, name):
    run = finish(store)
    flip(run.folder / name)
    verify(store, repair=True)
    assert not run.finished
    assert run.has(MODEL_FILE)
    assert [request.entry for request in store.requests()] == [run]


@pytest.mark.parametrize("name", ["snapshots/000001.safetensors", "part-names.json"])
def test_what_a_run_can_do_without_is_dropped(store, name):
    run = finish(store)
    flip(run.folder / name)
    verify(store, repair=True)
    assert run.finished
    assert run.problems() == []
    assert store.requests() == []


def test_a_finished_run_with_a_damaged_state_is_finished(store):
    run = finish(store)
    flip(run.folder / "state.json")
    verify(store, repair=True)
    assert run.finished


@pytest.mark.parametrize("name", ["config.json", "manifest.json", MODEL_FILE, "history.jsonl", "provenance.json"])
def test_what_cannot_be_made_again_is_set_aside(store, name):
    run = finish(store)
    flip(run.folder / name)
    verify(store, repair=True)
    assert not run.exists
    assert run.id in store.notices()[0]


def test_a_damaged_map_is_set_aside_and_its_run_stays(store):
    run = finish(store)
    embedding, *others = made_of(store, run)
    flip(embedding.folder / "points.parquet")
    assert verify(store, repair=True).whole
    assert not embedding.exists
    assert all(entry.finished for entry in (run, *others))


def test_a_damaged_checkpoint_is_dropped_and_a_whole_one_kept(store):
    run = train_a_little(store)
    run.write_tensors("checkpoint-000000016.safetensors", run.read_tensors("checkpoint-000000008.safetensors"))
    flip(run.folder / "checkpoint-000000016.safetensors")
    (finding,) = verify(store, repair=True).findings
    assert "from its checkpoint" in finding.remedy
    assert run.names("checkpoint-") == ["checkpoint-000000008.safetensors"]
    flip(run.folder / "checkpoint-000000008.safetensors")
    (finding,) = verify(store, repair=True).findings
    assert "from the beginning" in finding.remedy
    assert run.names("checkpoint-") == []
    assert run.state.status == "stopped"


def test_without_its_history_an_unfinished_run_begins_anew(store):
    run = train_a_little(store)
    (run.folder / "history.jsonl").write_text("{\n")
    verify(store, repair=True)
    assert run.names("checkpoint-") == []
    assert run.history() == []


def test_what_a_worker_holds_is_left_to_it(store):
    run = finish(store)
    flip(run.folder / CODES_FILE)
    with run.lock():
        verdict = verify(store, repair=True)
    assert not verdict.whole
    assert "in use by a worker" in verdict.findings[0].remedy
    assert run.has(CODES_FILE)


def test_a_run_that_was_set_aside_for_what_can_be_made_again_is_taken_back(store):
    run = finish(store)
    flip(run.folder / CODES_FILE)
    store.set_aside(run, "codes.safetensors is damaged")
    assert grades(verify(store)) == ["set aside"]
    verify(store, repair=True)
    assert run.exists
    assert run.has(MODEL_FILE)
    assert store.notices() == []
    assert store.is_requested(run)
    assert verify(store).findings == []


def test_one_that_has_been_trained_again_meanwhile_keeps_its_place(store):
    run = finish(store)
    store.set_aside(run, "somebody thought so")
    again = train_a_little(store)
    verify(store, repair=True)
    assert again.state.status == "stopped"
    assert len(store.notices()) == 1


def test_what_a_kill_left_lying_about_is_removed_and_what_is_not_ours_is_left(store):
    run = finish(store)
    live = temporary_name(run.folder / MODEL_FILE)
    dead = live.with_name(live.name.rsplit("@", 1)[0] + "@999999999.tmp")
    unrecorded, foreign = run.folder / "checkpoint-000000099.safetensors", run.folder / "notes.txt"
    store.queue.mkdir()
    nowhere, unreadable = store.queue / "runs.0123456789abcdef", store.queue / f"runs.{run.id}"
    write_document(nowhere, {"device": "cpu", "asked": 1})
    for path in (live, dead, unrecorded, foreign, unreadable):
        path.write_text("x")
    verdict = verify(store)
    assert verdict.whole
    assert sorted(grades(verdict)) == ["foreign", "litter", "litter", "litter", "litter"]
    verify(store, repair=True)
    assert [path.exists() for path in (live, dead, unrecorded, foreign, nowhere, unreadable)] == [
        True,
        False,
        False,
        True,
        False,
        False,
    ]
    assert grades(verify(store)) == ["foreign"]


def test_a_damaged_version_of_the_layout_is_written_again(store):
    finish(store)
    flip(store.root / "layout.json")
    assert not verify(store).whole
    assert verify(store, repair=True).whole
    assert verify(store).findings == []


def test_a_kill_in_the_middle_of_a_repair_leaves_it_to_the_next_one(store, monkeypatch):
    run = finish(store)
    flip(run.folder / CODES_FILE)
    monkeypatch.setattr(Store, "request", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        verify(store, repair=True)
    monkeypatch.undo()
    assert run.state.status == "stopped"  # it says so, and can be resumed
    run.set_state(State("finished", 1.0))  # and were it not said, what is missing would be found
    assert not verify(store).whole


def test_a_repaired_run_is_scored_again_with_the_same_numbers(store):
    config = RunConfig(dataset="digits", n_samples=200, layers=(16, 4), n_parts=3, epochs=1, batch_size=64, precision="highest")
    run = store.create(config)
    assert tasks.perform(str(store.root), "runs", run.id, "cpu") == "finished"
    assert verify(store).findings == []
    archive_export.export_archive([run], store.root / "run.zip")  # what a worker leaves is what an archive may hold
    assert import_archive(Store(store.root / "other"), store.root / "run.zip").refused == {}
    scores, model = run.read_json(SCORES_FILE), (run.folder / MODEL_FILE).stat().st_mtime_ns
    flip(run.folder / CODES_FILE)
    lose(run.folder / SCORES_FILE)
    verify(store, repair=True)
    assert tasks.perform(str(store.root), "runs", run.id, "cpu") == "finished"
    assert run.read_json(SCORES_FILE) == scores
    assert (run.folder / MODEL_FILE).stat().st_mtime_ns == model  # not trained again
    assert verify(store).findings == []


def test_what_was_deleted_is_looked_at_too_and_is_no_damage_of_the_store(store):
    run = finish(store)
    trash.delete_entry(run)
    assert verify(store).findings == []
    flip(next((store.root / "deleted").glob(f"*{run.id}")) / MODEL_FILE)
    verdict = verify(store, repair=True)
    assert verdict.whole
    assert [(finding.grade, MODEL_FILE in finding.problem) for finding in verdict.findings] == [("deleted", True)]


@pytest.mark.parametrize(("name", "damage"), [("meta.json", shorten), ("arrays.safetensors", flip)])
def test_damage_of_the_user_s_own_data_is_found_and_left_to_the_user(home, tmp_path, name, damage):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((30, 4)))
    own = user_sets.add(tmp_path / "x.npy", "x.npy", ImportOptions())
    assert verify(Store()).whole
    damage(user_sets.folder(own) / name)
    (finding,) = verify(Store(), repair=True).findings
    assert (finding.place, finding.grade, finding.left) == (f"data/{own}", "damaged", True)
    assert "Remove it and add it again" in finding.problem
