"""A short round of `python -m benchmarks faults`: real kills, real damage, nothing lost."""

import pytest

from benchmarks.faults import FAULTS, fixtures

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
    "F15": 40,
    "F16": 36,
    "F17": 6,
    "F18": 80,
}


@pytest.fixture(autouse=True)
def on_a_busy_machine(monkeypatch):
    """Other tests run beside these, so a try may take longer than where it is timed."""
    monkeypatch.setenv("DDNMF_THREADS", "1")
    monkeypatch.setattr(fixtures, "PATIENCE", 300.0)


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost(fault):
    count = FAULTS[fault](TRIES[fault])
    assert count.tries == TRIES[fault]
    assert count.lost == []
