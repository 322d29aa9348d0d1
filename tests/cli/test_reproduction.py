"""`ddnmf reproduce all` on an engine of its own, with small models."""

import json
import re

import pytest
from tiny import SMALL_QUICK, reproduce

from ddnmf_core.cli import reproduce as command
from ddnmf_core.engine import client as engine
from ddnmf_core.store.run_store import Store


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    """Everything, on a few of the bundled images: the store, the folder of results, the command, its first outcome."""
    home, out = tmp_path_factory.mktemp("reproduce"), tmp_path_factory.mktemp("out")
    arguments = ("all", "--quick", "--seeds", 1, "--epochs", 1, "--samples", 300, "--out", out, "--home", home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDNMF_THREADS", "1")
        patch.setattr(command, "QUICK_PROTOCOL", SMALL_QUICK)
        yield home, out, arguments, reproduce(*arguments)
    engine.stop(Store(home))


def test_the_quick_reproduction_makes_every_artefact(reproduced):
    _, out, _, result = reproduced
    assert result.exit_code == 0, result.stderr[-2000:]
    tables = {
        f"{name}.{suffix}"
        for name in ("table1", "table2", "table3", "selection", "parts")
        for suffix in ("json", "csv", "tex", "md")
    }
    figures = {f"figure{number}.{suffix}" for number in (2, 3) for suffix in ("json", "csv", "png", "pdf")}
    assert {path.name for path in out.iterdir()} == tables | figures
    for name in ("table1", "table2", "table3", "figure2", "figure3", "selection", "parts"):
        content = json.loads((out / f"{name}.json").read_text())
        assert content["n_seeds"] == 1
        assert content["n_missing"] == 0
        assert content["command"] == f"ddnmf reproduce {name} --seeds 1 --quick --epochs 1 --samples 300"
        assert content["protocol"]["statements"]
        assert content["provenance"][0]["torch"]
    assert (out / "figure3.png").read_bytes()[:4] == b"\x89PNG"


def test_a_second_reproduction_finds_everything_and_writes_the_same(reproduced):
    _, out, arguments, first = reproduced
    before = {path.name: path.read_bytes() for path in out.glob("*.json")}
    again = reproduce(*arguments)
    assert again.exit_code == 0
    n_cells = re.search(r"(\d+) cells, 0 already stored", first.stderr).group(1)
    assert f"{n_cells} cells, {n_cells} already stored." in again.stderr
    assert {path.name: path.read_bytes() for path in out.glob("*.json")} == before


def test_a_check_computes_a_cell_again_and_finds_a_forged_one(reproduced, tmp_path):
    _, out, *_ = reproduced
    arguments = ("table1", "--check", "--method", "AE2+K-means", "--seed", 1)
    assert "identical" in reproduce(*arguments, "--out", out).stdout
    forged = json.loads((out / "table1.json").read_text())
    next(cell for cell in forged["cells"] if cell["method"] == "AE2+K-means")["acc"] += 0.2
    (tmp_path / "table1.json").write_text(json.dumps(forged))
    result = reproduce(*arguments, "--out", tmp_path)
    assert result.exit_code == 1
    assert "does NOT agree" in result.stdout
