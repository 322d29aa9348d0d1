"""Trainings on a CPU leave the cores to pages and to what pages wait for."""

import os
import subprocess
import sys

import pytest

from ddnmf_core.engine import cluster
from ddnmf_core.engine.worker import tasks
from ddnmf_core.engine.worker.priority import NICE_VARIABLE

CODE = """
import os, threading
from ddnmf_core.engine.worker.priority import yield_to_pages
yield_to_pages()
yield_to_pages()
thread = threading.Thread(target=lambda: print(os.getpriority(os.PRIO_PROCESS, 0)))
thread.start()
"""


@pytest.mark.parametrize(("wanted", "level"), [("", 10), ("0", 0), ("19", 19), ("20", 10), ("-5", 10), ("x", 10)])
def test_workers_that_train_on_a_cpu_have_the_level_and_the_others_none(monkeypatch, wanted, level):
    monkeypatch.setenv("DDNMF_NICE", wanted)
    monkeypatch.setattr(cluster, "available_gpus", list)
    monkeypatch.delenv(NICE_VARIABLE, raising=False)
    levels = {name: spec["options"]["env"].get(NICE_VARIABLE) for name, spec in cluster._worker_specs(None).items()}
    assert levels.pop("analyse-0") is None
    assert set(levels.values()) == {str(level)}


def test_a_gpu_s_worker_keeps_its_priority(monkeypatch):
    monkeypatch.setattr(cluster, "available_gpus", lambda: ["0"])
    assert NICE_VARIABLE not in cluster._worker_specs(None)["train-0"]["options"]["env"]


def test_the_level_holds_for_the_threads_that_a_worker_starts():
    before = os.getpriority(os.PRIO_PROCESS, 0)
    level = min(19, before + 3)
    done = subprocess.run(
        [sys.executable, "-c", CODE], env={**os.environ, NICE_VARIABLE: str(level)}, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == level


def test_a_task_yields_before_it_works(monkeypatch, tmp_path):
    called = []
    monkeypatch.setattr(tasks, "yield_to_pages", lambda: called.append(True))
    assert tasks.perform(str(tmp_path), "runs", "0123456789abcdef") == "stopped"
    assert called
