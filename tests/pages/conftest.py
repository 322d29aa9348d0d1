"""Pages ask for work; nobody does it here."""

import pytest

from ddnmf_core import engine


@pytest.fixture(autouse=True)
def no_engine(monkeypatch):
    monkeypatch.setattr(engine, "ensure_started", lambda store: None)
