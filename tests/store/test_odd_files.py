"""One odd file in the store stops nobody, hides nothing and destroys nothing."""

import json
import os
import subprocess

import pytest
from typer.testing import CliRunner

from ddnmf_core.cli.main import main_app
from ddnmf_core.config import ClusteringConfig, EmbeddingConfig, InterpretationConfig, PixelNMFConfig, RunConfig, config_hash
from ddnmf_core.engine.client import EngineInfo, info_path
from ddnmf_core.engine.coordinator import Coordinator
from ddnmf_core.files.atomic import NewerFile, read_document, write_document
from ddnmf_core.store.entry import CONFIG_FILE, MANIFEST_FILE, PROVENANCE_FILE, STATE_FILE, Entry
from ddnmf_core.store.run_store import Store
from ddnmf_core.store.verify import verify

GOOD, OTHER = RunConfig(dataset="digits", epochs=1), RunConfig(dataset="digits", epochs=2)
SEALED = ("fewer fields", "wrong types")  # whole documents of something else
DEEP = b"[" * 200_000
ODD = {
    "bytes": lambda path: path.write_bytes(os.urandom(100)),
    "empty": lambda path: path.write_bytes(b""),
    "deep": lambda path: path.write_bytes(DEEP),
    "list": lambda path: path.write_text("[1, 2]"),
    "null": lambda path: path.write_text("null"),
    "number": lambda path: path.write_text("1e999"),
    "fewer fields": lambda path: write_document(path, {"device": "cpu"}),
    "wrong types": lambda path: write_document(path, {"device": 3, "asked": "now", "status": [], "progress": {}}),
    "huge": lambda path: _sparse(path, 2**40),
    "folder": lambda path: path.mkdir(),
    "full folder": lambda path: (path.mkdir(), (path / "a").touch()),
    "pipe": os.mkfifo,
    "link to nothing": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "link to a folder": lambda path: path.symlink_to("/tmp"),
}


def _sparse(path, size):
    with path.open("wb") as file:
        file.truncate(size)


def put(kind, path):
    path.unlink(missing_ok=True)
    ODD[kind](path)


@pytest.fixture
def store(home):
    store = Store(home)
    store.request(GOOD)
    store.request(OTHER)
    return store


def ids(requests_or_entries):
    return {getattr(each, "entry", each).id for each in requests_or_entries}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_request_is_dropped_and_the_others_stay(store, kind):
    bad = store.entry(GOOD)
    put(kind, store.request_path(bad))
    assert ids(store.requests()) == {OTHER.id}
    assert ids(store.entries()) == {GOOD.id, OTHER.id}
    store.request(GOOD)  # it can be asked for again
    assert ids(store.requests()) == {GOOD.id, OTHER.id}


NO_TICKETS = ("runs.", "runs", ".", "runs.xyz", "runs.../../runs", "cats.0123456789abcdef", "runs.0123456789ABCDEF")


@pytest.mark.parametrize("name", NO_TICKETS)
def test_a_request_without_an_id_touches_nothing(store, name):
    """`queue/runs.` once moved the whole folder of the runs away."""
    path = store.queue / name.replace("/", "-")
    if name != ".":
        write_document(path, {"device": "cpu", "asked": 1})
    assert ids(store.requests()) == {GOOD.id, OTHER.id}
    store.set_aside(Entry(store.root, "runs", name.partition(".")[2]), "nobody knows")
    assert ids(store.entries()) == {GOOD.id, OTHER.id}
    assert not list((store.root / "set-aside").glob("*"))
    if name != ".":
        assert [(f.place, f.grade) for f in verify(store).findings] == [(f"queue/{path.name}", "foreign")]


@pytest.mark.parametrize("file", [CONFIG_FILE, STATE_FILE, MANIFEST_FILE])
@pytest.mark.parametrize("kind", [kind for kind in ODD if kind not in SEALED])
def test_an_odd_file_hides_its_own_run_alone(store, kind, file):
    bad = store.entry(GOOD)
    put(kind, bad.folder / file)
    assert not verify(store).whole
    listed = ids(store.entries())
    assert OTHER.id in listed
    assert GOOD.id not in listed
    assert len(list((store.root / "set-aside").glob("*"))) == 1
    assert store.notices()


def test_a_request_of_a_newer_version_is_read(store):
    write_document(store.request_path(store.entry(GOOD)), {"device": "cpu", "asked": 5, "priority": 3})
    assert ids(store.requests()) == {GOOD.id, OTHER.id}
    (request,) = (each for each in store.requests() if each.entry.id == GOOD.id)
    assert (request.device, request.asked) == ("cpu", 5)
    assert store.is_current(request)


@pytest.mark.parametrize("what", ["setting", "value", "state", "status", "type"])
def test_a_run_of_a_newer_version_stays_where_it_is(store, what):
    fields = {**GOOD.model_dump(mode="json"), **({"telepathy": 1} if what == "setting" else {"schedule": "cosine"})}
    entry = store.entry(GOOD)
    states = {"state": {"status": "finished", "mood": "good"}, "status": {"status": "dreaming"}, "type": {"progress": "half"}}
    if what in states:
        write_document(entry.folder / STATE_FILE, states[what])
    else:
        folder = entry.folder.rename(entry.folder.with_name(config_hash(fields)))
        (folder / CONFIG_FILE).write_text(json.dumps(fields))
        entry = Entry(store.root, "runs", folder.name)
    before = sorted(path.name for path in entry.folder.iterdir())
    assert ids(store.entries()) == {OTHER.id}
    assert [notice for notice in store.notices() if "made by a newer version" in notice and entry.id in notice]
    for repair in (False, True):
        assert [(f.grade, f.place) for f in verify(store, repair=repair).findings if f.grade == "newer"] == [
            ("newer", f"runs/{entry.id}")
        ]
    assert verify(store).whole
    assert sorted(path.name for path in entry.folder.iterdir()) == before


@pytest.mark.parametrize(
    ("config", "unread"),
    [
        (ClusteringConfig.of(GOOD), {"n_components": {"newer": 0.5}}),
        (EmbeddingConfig(run=GOOD.id), {"n_neighbors": 10**6}),
        (GOOD.replace(model="ae1"), {"beta": "free"}),
        (GOOD.replace(nmf_at="pixels"), {"basis": "orthogonal"}),
    ],
    ids=["clustering", "embedding", "autoencoder", "pixels"],
)
def test_a_newer_value_of_a_setting_that_is_switched_off_is_newer(store, config, unread):
    fields = {**config.model_dump(mode="json"), **unread}
    entry = Entry(store.root, store.entry(config).kind, config_hash(fields))
    entry.folder.mkdir(parents=True)
    (entry.folder / CONFIG_FILE).write_text(json.dumps(fields))
    write_document(entry.folder / STATE_FILE, {"status": "finished"})
    with pytest.raises(NewerFile, match=next(iter(unread))):
        _ = entry.config
    assert [notice for notice in store.notices() if "made by a newer version" in notice and entry.id in notice]
    assert [(f.grade, f.place) for f in verify(store).findings if f.grade == "newer"] == [("newer", f"{entry.kind}/{entry.id}")]


@pytest.mark.parametrize(
    "config",
    [GOOD, ClusteringConfig.of(GOOD), EmbeddingConfig(run=GOOD.id), InterpretationConfig.of(GOOD), PixelNMFConfig()],
    ids=lambda config: type(config).__name__,
)
def test_any_setting_may_hold_what_a_newer_version_writes(store, config):
    fields = config.settings()
    for name in fields:
        newer = {**fields, name: {"newer": 0.5}}
        entry = Entry(store.root, store.entry(config).kind, config_hash(newer))
        entry.folder.mkdir(parents=True)
        (entry.folder / CONFIG_FILE).write_text(json.dumps(newer))
        with pytest.raises(NewerFile, match=name):
            _ = entry.config


@pytest.mark.parametrize("of", ["setting", "state", "manifest"])
def test_a_run_of_a_newer_version_is_neither_read_nor_changed_by_commands(store, of):
    fields = {**GOOD.model_dump(mode="json"), **({"telepathy": 1} if of == "setting" else {})}
    entry = store.entry(GOOD)
    entry.write_json(PROVENANCE_FILE, {"ddnmf": "9.3.0"})
    if of == "setting":
        folder = entry.folder.rename(entry.folder.with_name(config_hash(fields)))
        (folder / CONFIG_FILE).write_text(json.dumps(fields))
        entry = Entry(store.root, "runs", folder.name)
    else:
        content = {"status": "finished", "mood": "good"} if of == "state" else {PROVENANCE_FILE: {"sha256": "0"}}
        write_document(entry.folder / {"state": STATE_FILE, "manifest": MANIFEST_FILE}[of], content)
    before = {path.name: path.read_bytes() for path in entry.folder.iterdir()}
    version = "" if of == "manifest" else "9.3.0"
    commands = (["show"], ["stop"], ["rename", "mine"], ["delete", "--yes"], ["report", "--out", str(store.root / "x.html")])
    for name, *rest in commands:
        done = CliRunner().invoke(main_app, ["runs", name, entry.id, *rest, "--home", str(store.root)])
        assert done.exit_code == 2, name
        assert f"made by a newer version of DDNMF Studio ({version}" in done.stderr
    assert {path.name: path.read_bytes() for path in entry.folder.iterdir()} == before
    listed = CliRunner().invoke(main_app, ["runs", "list", "--json", "--home", str(store.root)])
    assert entry.id in listed.stderr
    with pytest.raises(NewerFile):
        store.run(entry.id)


def test_what_is_no_entry_is_left_alone_and_told(store):
    (store.root / "runs" / "my notes").mkdir()
    (store.root / "runs" / "0123456789abcdef").touch()
    assert ids(store.entries()) == {GOOD.id, OTHER.id}
    assert {f.place for f in verify(store).findings if f.grade == "foreign"} == {"runs/my notes", "runs/0123456789abcdef"}


def test_a_folder_of_runs_that_an_older_version_moved_is_brought_back(store):
    aside = store.root / "set-aside" / "runs--1700000000"
    aside.parent.mkdir()
    (store.root / "runs").rename(aside)
    assert store.entries() == []
    assert {f.grade for f in verify(store).findings} >= {"set aside"}
    verify(store, repair=True)
    assert ids(store.entries()) == {GOOD.id, OTHER.id}


def test_the_engine_goes_on_after_an_error_that_nobody_expected(store, monkeypatch, caplog):
    class Engine:
        _log_and_continue = Coordinator._log_and_continue

    monkeypatch.setattr("ddnmf_core.engine.coordinator.time.sleep", lambda seconds: None)
    with Engine()._log_and_continue():
        raise ZeroDivisionError("by chance")
    assert "Traceback" in caplog.text
    assert "by chance" in caplog.text


def test_the_engine_writes_again_what_is_known_of_it(store):
    class Engine:
        _keep_info = Coordinator._keep_info
        info = EngineInfo(123, "tls://127.0.0.1:1", 1, 1, "x")

    engine = Engine()
    engine.store = store
    info_path(store).mkdir()
    engine._keep_info()
    assert read_document(info_path(store))["pid"] == 123


def test_reading_a_pipe_does_not_wait(home):
    """In a process of its own, which a wait would not let end."""
    code = (
        "import os, sys; from pathlib import Path; from ddnmf_core.files.atomic import read_document\n"
        "os.mkfifo(sys.argv[1])\n"
        "read_document(Path(sys.argv[1]))"
    )
    home.mkdir()
    done = subprocess.run(
        [os.sys.executable, "-c", code, str(home / "pipe")], capture_output=True, text=True, timeout=60, check=False
    )
    assert "is not a file" in done.stderr
