"""Imports point one way: pages -> dashboard -> core. What every page loads is light."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = {"ddnmf_core": {"streamlit", "plotly", "dashboard", "pages"}, "dashboard": {"pages"}}
LIGHT = ("config", "store.entry", "store.run_store", "files.atomic", "engine.client", "model.diagnosis", "engine.estimate",
         "data.catalogue", "store.trash", "store.archive_export", "store.archive_import")   # imported by pages
HEAVY = {"torch", "torchvision", "sklearn", "distributed", "umap", "openTSNE", "pandas"}


def imports(path, top_level_only=False):
    """Names of imported top-level packages."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_nothing_is_imported_against_the_direction(package):
    found = {path.name: FORBIDDEN[package] & set(imports(path)) for path in (ROOT / package).rglob("*.py")}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("module", LIGHT)
def test_what_every_page_loads_is_light(module, loaded_by):
    assert loaded_by(f"ddnmf_core.{module}") & HEAVY == set()


def test_only_the_file_of_the_workers_imports_dask():
    users = {path.name for path in (ROOT / "ddnmf_core").rglob("*.py") if {"dask", "distributed"} & set(imports(path))}
    assert users == {"cluster.py"}


def test_no_pickle_is_ever_loaded():
    for path in [*(ROOT / "ddnmf_core").rglob("*.py"), *(ROOT / "dashboard").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]:
        text = path.read_text()
        assert not {"pickle", "joblib", "cloudpickle"} & set(imports(path))
        assert "torch.load(" not in text
        assert "allow_pickle=True" not in text


def test_the_server_listens_on_this_machine_alone_and_sends_nothing():
    import tomllib
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"
    assert config["browser"]["gatherUsageStats"] is False
