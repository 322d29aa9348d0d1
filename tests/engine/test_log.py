"""The engine's log: its level, its lines, and the tracebacks of tasks that fail."""

import re

import pytest

from ddnmf_core.config import RunConfig
from ddnmf_core.engine.log import configure_logging, entry_log, logger
from ddnmf_core.engine.worker import tasks
from ddnmf_core.store.run_store import Store

CONFIG = RunConfig(dataset="digits", n_samples=300, layers=(16, 6), n_parts=4)


@pytest.fixture(autouse=True)
def unconfigured():
    """The logger as a new process has it."""
    before = logger.handlers, logger.level, logger.propagate
    logger.handlers = []
    yield
    logger.handlers, logger.propagate = before[0], before[2]
    logger.setLevel(before[1])


def log_at(monkeypatch, level):
    """Lines of one debug message, one info message and one warning at a value of DDNMF_LOG."""
    monkeypatch.setenv("DDNMF_LOG", level)
    configure_logging()
    for log in (logger.debug, logger.info, logger.warning):
        log("hello")


@pytest.mark.parametrize(
    ("level", "lines"),
    [("DEBUG", ["DEBUG", "INFO", "WARNING"]), ("", ["INFO", "WARNING"]), ("warning", ["WARNING"]), ("ERROR", [])],
)
def test_the_environment_sets_the_level(monkeypatch, capsys, level, lines):
    log_at(monkeypatch, level)
    assert re.findall(r"(\w+) engine: hello", capsys.readouterr().err) == lines


def test_a_wrong_level_is_info_with_a_warning(monkeypatch, capsys):
    log_at(monkeypatch, "loud")
    configure_logging()
    log = capsys.readouterr().err
    assert log.count("WARNING engine: DDNMF_LOG = 'loud': should be one of DEBUG") == 1
    assert re.findall(r"(\w+) engine: hello", log) == ["INFO", "WARNING"]


def test_a_line_has_time_level_and_entry(tmp_path, capsys):
    configure_logging()
    entry_log(Store(tmp_path).entry(CONFIG)).info("hello")
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d INFO runs/{CONFIG.id}: hello\n", capsys.readouterr().err)


def test_a_task_that_fails_leaves_its_traceback_with_its_run(tmp_path, monkeypatch, capsys):
    def divide(entry, device):
        return 1 / 0

    monkeypatch.setitem(tasks.TASKS, "runs", divide)
    entry = Store(tmp_path).create(CONFIG)
    assert tasks.perform(str(tmp_path), "runs", entry.id, "cpu") == "failed"
    log = capsys.readouterr().err
    assert f"ERROR runs/{entry.id}: " in log
    assert f'File "{__file__}"' in log
    assert "in divide" in log
    assert "ZeroDivisionError: division by zero" in log
    assert entry.state.message == "Unexpected ZeroDivisionError: division by zero"


def test_a_stack_that_fails_leaves_its_traceback(tmp_path, monkeypatch, capsys):
    def fail(entries, device):
        raise RuntimeError("the stack does not work")

    monkeypatch.setattr(tasks, "train_runs", fail)
    monkeypatch.setitem(tasks.TASKS, "runs", lambda entry, device: entry.end("finished", ""))
    entry = Store(tmp_path).create(CONFIG)
    assert tasks.perform_together(str(tmp_path), [entry.id], "cpu") == {entry.id: "finished"}
    log = capsys.readouterr().err
    assert f"ERROR runs/{entry.id}: " in log
    assert "RuntimeError: the stack does not work" in log
