"""Commands that the operating system refuses: one sentence with the way out, no traceback, nothing half-written left."""

import builtins
import errno
import io
import os
import resource
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from stored import CONFIG
from typer.testing import CliRunner

from ddnmf_core.cli.main import main_app
from ddnmf_core.engine import client as engine
from ddnmf_core.export.formats import EXPORT_FORMATS
from ddnmf_core.store.run_store import Store

ROOT = Path(__file__).parents[2]
REFUSALS = {
    errno.ENOSPC: "Free some space",
    errno.EROFS: "Choose another folder",
    errno.EMFILE: "Raise the limit",
    errno.EACCES: "Grant it, or choose another folder",
}
PLAN = '[run]\ndataset = "digits"\nlayers = [16, 4]\nn_parts = 3\nepochs = 1\n'
INTO_THE_STORE = {  # command to the folder that refuses
    "train": ["train", "--dataset", "digits", "--detach"],
    "data add": ["data", "add", "{tmp}/images.npy"],
    "runs import": ["runs", "import", "{tmp}/there.zip"],
    "runs rename": ["runs", "rename", "{run}", "another"],
}
INTO_A_FOLDER = {
    "export csv": ["export", "{run}", "--to", "csv", "--out", "{out}/rows.csv"],
    "export safetensors": ["export", "{run}", "--to", "safetensors", "--out", "{out}/model"],
    "report": ["runs", "report", "{run}", "--out", "{out}/report.html"],
    "runs export": ["runs", "export", "--all", "--out", "{out}/all.zip"],
    "experiment": ["experiment", "{tmp}/plan.toml", "--out", "{out}/rows.csv"],
    "reproduce table1": ["reproduce", "table1", "--gather", "--out", "{out}"],
    "reproduce figure3": ["reproduce", "figure3", "--gather", "--out", "{out}"],
}


@pytest.fixture
def store(copy_of, tmp_path, monkeypatch):
    store = copy_of(CONFIG)
    monkeypatch.setattr(engine, "ensure_started", lambda store: None)
    (tmp_path / "out").mkdir()
    for target in ("table1", "figure3"):
        shutil.copy(ROOT / "results" / f"{target}.json", tmp_path / "out")
    (tmp_path / "plan.toml").write_text(PLAN)
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 255, (60, 36)).astype(np.uint8))
    assert command(["runs", "export", "--all", "--out", f"{tmp_path}/there.zip"]).exit_code == 0
    return store


def command(arguments):
    return CliRunner().invoke(main_app, arguments)


def fill(arguments, tmp_path, run):
    return [text.format(tmp=tmp_path, out=tmp_path / "out", run=run) for text in arguments]


@contextmanager
def refusing(folder, number):
    """Let every opening for writing and every new folder below a folder fail."""

    def guard(function, writes):
        def call(path, *arguments, **options):
            if isinstance(path, str | os.PathLike) and Path(path).is_relative_to(folder) and writes(*arguments, **options):
                raise OSError(number, os.strerror(number), str(path))
            return function(path, *arguments, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        opened = guard(io.open, lambda mode="r", *_, **__: set(mode) & set("wax+"))
        patch.setattr(builtins, "open", opened)
        patch.setattr(io, "open", opened)
        patch.setattr(os, "open", guard(os.open, lambda flags, *_, **__: flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)))
        patch.setattr(os, "mkdir", guard(os.mkdir, lambda *_, **__: True))
        yield


def files_below(folder):
    return sorted(str(path) for path in folder.rglob("*") if path.name not in ("lock", "queue") and "layout" not in path.name)


def refused(done, way_out):
    assert done.exit_code == 2, (done.stdout, done.stderr, done.exception)
    assert isinstance(done.exception, SystemExit)
    sentence = done.stderr.splitlines()[-1]
    assert sentence.startswith("ddnmf: ")
    assert way_out in sentence
    assert "Errno" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", REFUSALS, ids=errno.errorcode.get)
@pytest.mark.parametrize("name", INTO_A_FOLDER)
def test_a_folder_that_takes_nothing(store, tmp_path, name, number):
    (run,) = store.entries()
    before = files_below(tmp_path)
    with refusing(tmp_path / "out", number):
        done = command(fill(INTO_A_FOLDER[name], tmp_path, run.id))
    refused(done, REFUSALS[number])
    assert files_below(tmp_path) == before


@pytest.mark.parametrize("number", REFUSALS, ids=errno.errorcode.get)
@pytest.mark.parametrize("name", INTO_THE_STORE)
def test_a_store_that_takes_nothing(store, tmp_path, name, number):
    (run,) = store.entries()
    if name == "runs import":
        shutil.rmtree(run.folder)
    before = files_below(tmp_path)
    with refusing(store.root, number):
        done = command(fill(INTO_THE_STORE[name], tmp_path, run.id))
    refused(done, "" if name == "data add" else REFUSALS[number])
    assert files_below(tmp_path) == before
    assert Store(store.root).notices() == []


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")  # a traceback of a writer's thread
@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_an_export_that_the_disk_has_no_room_for(store, tmp_path, monkeypatch, name):
    """For real: no file may grow beyond some bytes, whoever writes it."""
    if EXPORT_FORMATS[name].missing():
        pytest.skip(f"needs {EXPORT_FORMATS[name].needs}")
    (run,) = store.entries()
    before, limits = files_below(tmp_path), resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # Python 3.11 keeps modules that it has cut off
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limits[1]))
    try:
        done = command(["export", run.id, "--to", name, "--out", f"{tmp_path}/out/file"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    refused(done, "space")
    assert files_below(tmp_path) == before
