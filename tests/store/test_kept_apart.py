"""What stands in the place of a file harms its own entry alone: nothing waits for it or is written or deleted behind it."""

import os
import shutil

import pytest
from stored import CONFIG, finish

from ddnmf_core.experiment.run_table import table_of_runs
from ddnmf_core.files import atomic
from ddnmf_core.files.atomic import CorruptFile, is_stale, temporary_name, write_bytes, write_document
from ddnmf_core.store import trash
from ddnmf_core.store.entry import CONFIG_FILE, HISTORY_FILE, LOCK_FILE, MANIFEST_FILE, MODEL_FILE, STATE_FILE, STOP_FILE
from ddnmf_core.store.run_names import RUN_NAME_FILE, run_title
from ddnmf_core.store.run_store import Store
from ddnmf_core.store.verify import verify

NO_FILES = {
    "folder": lambda path: (path.mkdir(), (path / "kept").write_text("kept")),
    "pipe": os.mkfifo,
    "link to nothing": lambda path: path.symlink_to(path.parent / "nowhere"),
    "link to itself": lambda path: path.symlink_to(path),
}


@pytest.fixture
def store(home):
    return Store(home)


@pytest.fixture
def run(store):
    return finish(store)


@pytest.fixture
def other(store):
    return finish(store, CONFIG.replace(seed=2))


@pytest.fixture
def elsewhere(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in ("000001.safetensors", "file"):
        (folder / name).write_text("somebody's own")
    return folder


def refuse(monkeypatch, *paths):
    """Let the system refuse these files, as another user's; root may read everything."""
    opened = atomic._open_without_waiting

    def open_or_refuse(path, flags):
        if str(path) in map(str, paths):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, flags)

    monkeypatch.setattr(atomic, "_open_without_waiting", open_or_refuse)


@pytest.mark.parametrize("name", [CONFIG_FILE, STATE_FILE, MANIFEST_FILE])
def test_a_run_that_may_not_be_read_stays_and_hides_no_other(store, run, other, name, monkeypatch):
    refuse(monkeypatch, run.folder / name)
    assert store.entries() == [other]
    (notice,) = store.notices()
    assert run.id in notice
    assert "permission is missing" in notice
    for repair in (False, True):
        result = verify(store, repair=repair)
        assert [(finding.grade, finding.place) for finding in result.findings] == [("unreadable", f"runs/{run.id}")]
        assert not result.whole
    monkeypatch.undo()
    monkeypatch.setenv("DDNMF_HOME", str(store.root))
    assert set(store.entries()) == {run, other}


def test_a_model_that_may_not_be_read_is_no_damage(store, run, monkeypatch):
    refuse(monkeypatch, run.folder / MODEL_FILE)
    assert store.entries() == [run]
    assert [finding.grade for finding in verify(store, repair=True).findings] == ["unreadable"]
    monkeypatch.undo()
    assert not run.problems()


def test_in_read_only_mode_an_odd_request_stays(store, run, monkeypatch):
    store.queue.mkdir()
    store.request_path(run).write_text("no request")
    monkeypatch.setenv("DDNMF_READ_ONLY", "1")
    assert store.requests() == []
    assert store.request_path(run).exists()
    monkeypatch.delenv("DDNMF_READ_ONLY")
    assert store.requests() == []
    assert not store.request_path(run).exists()


@pytest.mark.parametrize("kind", [*NO_FILES, "link to a file"])
@pytest.mark.parametrize("name", [LOCK_FILE, STOP_FILE])
def test_an_odd_lock_or_stop_holds_nobody(store, run, elsewhere, kind, name):
    if kind == "link to a file":
        (run.folder / name).symlink_to(elsewhere / "file")
    else:
        NO_FILES[kind](run.folder / name)
    assert not run.locked
    assert not run.stop_requested
    assert f"runs/{run.id}/{name}" in [finding.place for finding in verify(store).findings]
    with run.lock():
        assert run.locked
    run.request_stop()
    assert run.stop_requested
    run.clear_stop()
    assert not run.stop_requested


def test_a_manifest_that_leads_out_of_its_folder_is_damage(store, run, elsewhere):
    outside = elsewhere / "file"
    names = run._manifest() | {os.path.relpath(outside, run.folder): "0" * 64}
    write_document(run.folder / MANIFEST_FILE, names)
    with pytest.raises(CorruptFile, match="no name of a file in it"):
        run.names("")
    verify(store, repair=True)
    assert outside.read_text() == "somebody's own"


def test_nothing_is_written_or_deleted_behind_a_link(store, run, elsewhere):
    snapshots = run.folder / "snapshots"
    (snapshots / "000001.safetensors").unlink()
    snapshots.rmdir()
    snapshots.symlink_to(elsewhere)
    verify(store, repair=True)
    assert not run.problems()
    run.write_json("snapshots/000002.safetensors", [])
    assert sorted(path.name for path in elsewhere.iterdir()) == ["000001.safetensors", "file"]
    assert not snapshots.is_symlink()


def test_a_file_in_the_place_of_the_snapshots_is_damage_that_is_repaired(store, run):
    shutil.rmtree(run.folder / "snapshots")
    (run.folder / "snapshots").write_text("no folder")
    assert not verify(store).whole
    assert verify(store, repair=True).whole
    assert not run.problems()


def test_a_linked_entry_is_set_aside_without_a_file_in_the_folder_behind_it(store, run, elsewhere):
    home = elsewhere / "run"
    run.folder.rename(home)
    run.folder.symlink_to(home)
    assert store.entries() == [run]
    (home / STATE_FILE).write_text("no state")
    before = sorted(home.iterdir())
    assert store.entries() == []
    assert "damaged and set aside: state.json is damaged" in store.notices()[0]
    assert sorted(home.iterdir()) == before


@pytest.mark.parametrize("pid", ["9" * 30, "²", "-1", ""])
def test_the_name_of_a_temporary_file_can_hold_any_process(tmp_path, pid):
    tmp = temporary_name(tmp_path / "x")
    assert is_stale(tmp.with_name(tmp.name.replace(f"@{os.getpid()}.", f"@{pid}."))) == (pid == "9" * 30)


def test_a_stale_link_is_removed_without_what_it_leads_to(store, run, elsewhere):
    tmp = temporary_name(store.root / "x")
    link = tmp.with_name(tmp.name.replace(f"@{os.getpid()}.", f"@{'9' * 30}."))
    link.symlink_to(elsewhere)
    assert store.remove_stale_files() == 1
    assert not link.is_symlink()
    assert (elsewhere / "file").exists()


@pytest.mark.parametrize("kind", NO_FILES)
def test_a_notice_needs_no_reason(store, run, kind):
    store.set_aside(run, "a trial")
    (why,) = store.root.glob("set-aside/*/why.txt")
    why.unlink()
    NO_FILES[kind](why)
    assert "unknown reason" in store.notices()[0]


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("name", ["queue", "deleted", "set-aside"])
def test_what_stands_in_the_place_of_a_folder_is_moved_beside_it(store, run, other, kind, name):
    if kind != "folder":
        NO_FILES[kind](store.root / name)
    store.request(CONFIG.replace(seed=3))
    assert [request.entry.config.seed for request in store.requests()] == [3]
    trash.delete_entry(other)
    store.set_aside(run, "a trial")
    assert len(store.notices()) == 1
    assert len(trash.deletions(store)) == 1


def test_a_folder_in_the_place_of_a_file_is_moved_beside_it(tmp_path):
    (tmp_path / "state.json" / "below").mkdir(parents=True)
    write_bytes(tmp_path / "state.json", b"{}")
    assert (tmp_path / "state.json").read_bytes() == b"{}"
    (moved,) = tmp_path.glob("state.json.odd-*")
    assert (moved / "below").is_dir()


@pytest.mark.parametrize("name", ["no text", "damaged", "folder", "number"])
def test_an_odd_name_of_a_run_hides_no_list(store, run, other, name):
    if name in ("no text", "number"):
        run.write_json(RUN_NAME_FILE, {"no text": [1], "number": {"name": 3}}[name])
    else:
        (run.folder / RUN_NAME_FILE).unlink()
        NO_FILES["folder"](run.folder / RUN_NAME_FILE) if name == "folder" else write_bytes(run.folder / RUN_NAME_FILE, b"x")
    assert run.id[:6] in run_title(run)
    assert {row["run"] for row in table_of_runs(store.entries())} == {run.id, other.id}


@pytest.mark.parametrize("file", ["scores.json", "provenance.json"])
@pytest.mark.parametrize("value", [[], {}, 3, None, [1], [{}], "x"])
def test_results_of_unknown_content_hide_no_list(store, run, other, file, value):
    run.write_json(file, value)
    assert {row["run"] for row in table_of_runs(store.entries())} == {run.id, other.id}


@pytest.mark.parametrize("line", ["3", "null", "[]", '{"kind": 1}', '{"kind": "epoch", "step": "x", "epoch": 1, "seconds": 1}'])
def test_a_line_that_is_no_row_is_damage(run, line):
    run.rewind_history(0)
    (run.folder / HISTORY_FILE).write_text(f"{line}\n")
    with pytest.raises(CorruptFile, match="not a row"):
        run.history()


@pytest.mark.parametrize("kind", NO_FILES)
def test_a_history_is_appended_to_a_file_alone(run, kind):
    run.rewind_history(0)
    (run.folder / HISTORY_FILE).unlink()
    NO_FILES[kind](run.folder / HISTORY_FILE)
    with pytest.raises(CorruptFile, match="not a file"):
        run.append_history({"kind": "epoch", "step": 1})
    assert not (run.folder / "nowhere").exists()


def test_all_that_is_set_aside_is_named(store, run):
    (run.folder / CONFIG_FILE).write_text("no settings")
    assert store.entries() == []
    (store.root / "set-aside" / "my notes").touch()
    assert [finding.place for finding in verify(store).findings] == ["set-aside/my notes"]
    assert run.id in store.notices()[0]
