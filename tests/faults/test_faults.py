"""A short round of `python -m benchmarks faults`: real kills, real damage, nothing lost."""

import pytest

from benchmarks.faults import FAULTS

TRIES = {
    "F1": 1,
    "F2": 4,
    "F3": 1,
    "F4": 1,
    "F5": 2,
    "F6": 1,
    "F7": 28,
    "F8": 1,
    "F9": 2,
    "F10": 1,
    "F11": 1,
    "F12": 2,
    "F13": 20,
    "F14": 66,
}


@pytest.fixture(autouse=True)
def one_thread_a_run(monkeypatch):
    monkeypatch.setenv("DDNMF_THREADS", "1")


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost(fault):
    count = FAULTS[fault](TRIES[fault])
    assert count.tries == TRIES[fault]
    assert count.lost == []
