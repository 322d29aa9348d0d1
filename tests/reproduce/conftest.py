"""What several files of tests start from."""

import pytest
from tiny import TINY, do

from ddnmf_core.engine import client as engine
from ddnmf_core.reproduce import results
from ddnmf_core.reproduce.cells import target_cells
from ddnmf_core.reproduce.protocol import QUICK_PROTOCOL
from ddnmf_core.store.run_store import Store


@pytest.fixture(autouse=True)
def no_engine(monkeypatch):
    """The work is asked for; `do` does it here."""
    monkeypatch.setattr(engine, "ensure_started", lambda store: None)


@pytest.fixture(scope="session")
def two_seeds(tmp_path_factory):
    """A few rows of Table 1 for two seeds, on digits."""
    store = Store(tmp_path_factory.mktemp("two-seeds"))
    rows = ("K-means", "GMM", "NMF+GMM", "AE2+NMF+K-means", "DDNMF+K-means", "DDNMF+GMM", "DDNMF+UMAP+GMM")
    made_of = [cell for cell in target_cells("table1", TINY, (1, 2)) if cell.method in rows]
    do(store, made_of)
    return store, made_of


@pytest.fixture
def published(tmp_path):
    """A written Table 1 of the quick protocol with made-up numbers, for two seeds; and an empty store."""
    records = [
        {
            "dataset": cell.dataset,
            "method": cell.method,
            "seed": cell.seed,
            "id": cell.config.id,
            "run": None,
            "acc": 0.5,
            "nmi": 0.5,
            "ari": 0.5,
            "seconds": 1.0,
            "provenance": 0,
        }
        for cell in target_cells("table1", QUICK_PROTOCOL, [1, 2])
    ]
    results.Results(
        "table1",
        "ddnmf reproduce table1 --seeds 2 --quick",
        "2026-01-01",
        QUICK_PROTOCOL.describe(),
        [1, 2],
        0,
        [{"torch": "2"}],
        records,
    ).write(tmp_path)
    return tmp_path
