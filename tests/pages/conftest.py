"""Pages ask for work; nobody does it here."""

import pytest

from dashboard.frame import warm_up
from ddnmf_core.engine import client as engine


@pytest.fixture(autouse=True)
def no_engine(monkeypatch):
    monkeypatch.setattr(engine, "ensure_started", lambda store: None)
    monkeypatch.setattr(warm_up, "warm_up", lambda: None)  # a thread that loads torch beneath the next test
