"""Imports point one way: the core's packages by their level, pages to dashboard to core. What every page loads is light."""

import ast
from collections import Counter, defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE, DASHBOARD, PAGES = ROOT / "ddnmf_core", ROOT / "dashboard", ROOT / "pages"
# A package of the core imports only what has a lower level; type hints count.
LEVELS = {
    "config": 1,
    "seeds": 1,
    "progress": 1,
    "files": 1,
    "data": 2,
    "labels": 2,
    "model": 3,
    "display": 3,
    "store": 4,
    "analysis": 5,
    "interpret": 6,
    "estimator": 6,
    "engine": 7,
    "reproduce": 7,
    "export": 7,
    "experiment": 8,
    "cli": 9,
    "__init__": 10,
    "__main__": 10,
}
SHARED = {"figures": 1, "components": 2, "session": 3, "frame": 4}  # of the dashboard: what any page's folder may import
OWN_FOLDER = {
    "latent": "latent",
    "home": "home",
    "train": "train",
    "parts": "parts",
    "explain": "explain",
    "noise": "noise",
    "sweep": "sweep",
    "compare": "compare",
}  # page to the folder that belongs to it
MAX_FILES = 15  # in a folder
LIGHT = (
    "config",
    "store.entry",
    "store.run_store",
    "files.atomic",
    "engine.client",
    "model.diagnosis",
    "engine.estimate",
    "data.catalogue",
    "store.trash",
    "store.archive_export",
    "store.archive_import",
)  # imported by pages
HEAVY = {"torch", "torchvision", "sklearn", "distributed", "umap", "openTSNE", "pandas"}


def modules(path):
    """Dotted names that a file imports, at any depth."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def defined(path):
    """Names that a file defines at its top level."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}


def packages(path):
    """Names of the top-level packages that a file imports."""
    return {name.partition(".")[0] for name in modules(path)}


def members(path, package):
    """What a file imports of a package: the names right below it."""
    return {name.split(".")[1] for name in modules(path) if name.startswith(f"{package}.")}


def own(path, root):
    return path.relative_to(root).parts[0].removesuffix(".py")


def test_a_package_of_the_core_imports_lower_levels_alone():
    wrong = [
        f"{path.relative_to(ROOT)} -> {name}"
        for path in CORE.rglob("*.py")
        for name in members(path, "ddnmf_core")
        if name in LEVELS and name != own(path, CORE) and LEVELS[name] >= LEVELS[own(path, CORE)]
    ]
    assert wrong == []
    assert {own(path, CORE) for path in CORE.rglob("*.py")} == set(LEVELS)


def test_files_of_a_package_import_each_other_without_a_circle():
    def files(path):
        names = {part for name in modules(path) for part in (name, name.rpartition(".")[0]) if part.startswith("ddnmf_core.")}
        return {CORE / Path(*name.split(".")[1:]).with_suffix(".py") for name in names}

    graph = {path: files(path) for path in CORE.rglob("*.py")}
    done = set()

    def visit(path, above):
        assert path not in above, f"a circle: {[each.name for each in above]} -> {path.name}"
        if path not in done:
            for other in graph[path] & graph.keys() - {path}:
                visit(other, [*above, path])
            done.add(path)

    for path in graph:
        visit(path, [])


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        (CORE, {"streamlit", "plotly", "dashboard", "pages", "benchmarks"}),
        (DASHBOARD, {"pages", "benchmarks"}),
        (PAGES, {"benchmarks"}),
    ],
)
def test_nothing_is_imported_against_the_direction(folder, forbidden):
    found = {path.name: forbidden & packages(path) for path in folder.rglob("*.py")}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_a_page_imports_its_own_folder_and_what_is_shared():
    for path in PAGES.glob("*.py"):
        assert members(path, "dashboard") <= {*SHARED, OWN_FOLDER[path.stem]}, path
    for folder in OWN_FOLDER.values():
        for path in (DASHBOARD / folder).glob("*.py"):
            assert members(path, "dashboard") <= {*SHARED, folder}, path


def test_shared_folders_of_the_dashboard_import_lower_ones_alone():
    for folder, level in SHARED.items():
        for path in (DASHBOARD / folder).glob("*.py"):
            assert {name for name in members(path, "dashboard") - {folder} if SHARED.get(name, 9) >= level} == set(), path


def test_figures_know_no_streamlit_but_for_saving():
    users = {path.name for path in (DASHBOARD / "figures").glob("*.py") if "streamlit" in packages(path)}
    assert users <= {"saving.py"}


@pytest.mark.parametrize("module", LIGHT)
def test_what_every_page_loads_is_light(module, loaded_by):
    assert loaded_by(f"ddnmf_core.{module}") & HEAVY == set()


def test_only_one_file_imports_dask():
    users = {
        path.relative_to(ROOT).as_posix()
        for folder in (CORE, DASHBOARD, PAGES)
        for path in folder.rglob("*.py")
        if {"dask", "distributed"} & packages(path)
    }
    assert users == {"ddnmf_core/engine/cluster.py"}


def test_no_folder_of_the_product_is_crowded():
    counts = Counter(
        path.parent
        for folder in (CORE, DASHBOARD, ROOT / "benchmarks")
        for path in folder.rglob("*.py")
        if path.name != "__init__.py"
    )
    assert {folder: n for folder, n in counts.items() if n > MAX_FILES} == {}


def test_no_public_name_of_a_module_has_two_meanings():
    """`write` is what every export format has; `load` of data and of an exported model are both published."""
    places = defaultdict(list)
    for path in [*CORE.rglob("*.py"), *DASHBOARD.rglob("*.py")]:
        for name in defined(path):
            places[name].append(path.relative_to(ROOT).as_posix())
    several = {name: found for name, found in places.items() if len(found) > 1 and not name.startswith("_")}
    assert {name: found for name, found in several.items() if name not in ("write", "load")} == {}


def comprehensions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp)]


def names(tree, context):
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def confused_names(function):
    """Variables of one comprehension that another one in the same function reads from outside: up to Python 3.12.3 an
    UnboundLocalError (CPython issue 118513)."""
    inlined = comprehensions(function)
    variables = set().union(*(names(generator.target, ast.Store) for node in inlined for generator in node.generators))
    arguments = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    inside = {id(node) for comprehension in inlined for node in ast.walk(comprehension)}
    outside = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and id(node) not in inside}
    found = set()
    for node in inlined:
        around = [other for other in inlined if any(each is node for each in ast.walk(other))]
        bound = set().union(*(names(other, ast.Store) for other in around))
        found |= (names(node, ast.Load) - bound) & variables
    return found - arguments - outside


def test_no_comprehension_shadows_what_another_one_reads():
    confused = ast.parse("def f(): return [g for g in ()], [g(k) for k in ()]").body[0]
    assert confused_names(confused) == {"g"}
    found = {
        (path.name, name)
        for folder in (CORE, DASHBOARD, PAGES, ROOT / "benchmarks")
        for path in folder.rglob("*.py")
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for name in confused_names(function)
    }
    assert found == set()


def test_no_pickle_is_ever_loaded():
    for path in [*CORE.rglob("*.py"), *DASHBOARD.rglob("*.py"), *PAGES.rglob("*.py")]:
        text = path.read_text()
        assert not {"pickle", "joblib", "cloudpickle"} & packages(path)
        assert "torch.load(" not in text
        assert "allow_pickle=True" not in text


def test_the_server_listens_on_this_machine_alone_and_sends_nothing():
    import tomllib

    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert config["server"]["address"] == "127.0.0.1"
    assert config["browser"]["gatherUsageStats"] is False
