"""What is installed is whole: the wheel has the pages, what they show, and a command that starts them."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from ddnmf_core.cli.dashboard import streamlit_settings

ROOT = Path(__file__).parents[2]
FOLDERS = {"ddnmf_core": "ddnmf_core", "dashboard": "ddnmf_core/app/dashboard", "pages": "ddnmf_core/app/pages"}  # in a wheel
NOT_SHIPPED = ("__pycache__",)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of what a package is made of."""
    folder = tmp_path_factory.mktemp("source")
    for name in (*FOLDERS, "results", ".streamlit", "tests", "benchmarks", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(*NOT_SHIPPED, "_build", "examples"))
    for path in (path for path in ROOT.iterdir() if path.is_file()):
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    return built(source, tmp_path_factory.mktemp("wheel"))


def built(source, out):
    """A wheel, by the tools that are installed, without a network."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "--no-index",
            "--no-build-isolation",
            "--disable-pip-version-check",
            "-w",
            str(out),
            str(source),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (found,) = out.glob("*.whl")
    return found


def members(wheel):
    with zipfile.ZipFile(wheel) as packed:
        return {name for name in packed.namelist() if ".dist-info/" not in name}


def test_the_wheel_has_every_file_of_the_three_folders_and_the_published_tables(wheel):
    expected = {
        f"{in_wheel}/{path.relative_to(ROOT / folder)}"
        for folder, in_wheel in FOLDERS.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not set(NOT_SHIPPED) & set(path.parts) and path.suffix != ".pyc"
    }
    published = {f"ddnmf_core/published/{path.name}" for path in (ROOT / "results").glob("*.json")}
    assert members(wheel) == expected | published | {"ddnmf_core/app/settings/config.toml"}
    assert "ddnmf_core/py.typed" in members(wheel)


def test_the_sdist_builds_the_same_wheel_and_has_the_tests(source, wheel, tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from setuptools.build_meta import build_sdist; print(build_sdist(sys.argv[1]))",
            str(tmp_path),
        ],
        cwd=source,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (packed,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"tests/conftest.py", "benchmarks/__main__.py", "docs/states.svg", "Makefile", "requirements.lock"} <= names
    assert members(built(packed, tmp_path)) == members(wheel)


def run_python(code, site, home, *before):
    """Run code with the installed wheel in `site` and folders before it on the path, outside of the source tree."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*before, site))), "DDNMF_HOME": str(home)}
    environment["DDNMF_READ_ONLY"] = "1"  # no engine is started
    return subprocess.run([sys.executable, "-c", code], env=environment, cwd=home, capture_output=True, text=True)


@pytest.fixture
def site(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")
    return tmp_path / "site"


def test_the_wheel_has_all_that_the_command_needs(site, tmp_path):
    code = (
        "from ddnmf_core.cli.dashboard import APP_FILE, streamlit_settings;"
        "from ddnmf_core.reproduce.results import published_folder;"
        "print(APP_FILE, APP_FILE.exists(), len(list(published_folder().glob('*.json'))), len(streamlit_settings()))"
    )
    done = run_python(code, site, tmp_path)
    n_published = len(list((ROOT / "results").glob("*.json")))
    assert done.stdout.split() == [
        str(site / "ddnmf_core" / "app" / "dashboard" / "app.py"),
        "True",
        str(n_published),
        str(len(streamlit_settings())),
    ], done.stderr
    done = run_python("from ddnmf_core.cli import app; app(['dashboard', '--help'], prog_name='ddnmf')", site, tmp_path)
    assert "Serve the dashboard" in done.stdout, done.stderr


def test_a_page_of_the_wheel_is_drawn_beside_another_project_s_dashboard_and_pages(site, tmp_path):
    for name in ("dashboard", "pages"):
        (tmp_path / "other" / name).mkdir(parents=True)
        (tmp_path / "other" / name / "__init__.py").write_text("raise RuntimeError('the other project')")
    code = """
import importlib.util
from streamlit.testing.v1 import AppTest
from ddnmf_core.cli.dashboard import APP_FILE

spec = importlib.util.spec_from_file_location("app", APP_FILE)
spec.loader.exec_module(importlib.util.module_from_spec(spec))
home = AppTest.from_file(APP_FILE.with_name("main.py"), default_timeout=120).run()
print([error.message for error in home.exception], [title.value for title in home.title])
"""
    done = run_python(code, site, tmp_path, tmp_path / "other")
    assert done.stdout.splitlines()[-1:] == ["[] ['DDNMF Studio']"], done.stderr


def test_the_dashboard_command_listens_on_this_machine_alone_unless_told_otherwise(monkeypatch, tmp_path):
    from typer.testing import CliRunner

    from ddnmf_core.cli.main import main_app

    started = []
    monkeypatch.setattr(os, "execv", lambda program, command: started.append(command))
    CliRunner().invoke(main_app, ["dashboard"])
    CliRunner().invoke(main_app, ["dashboard", "--address", "0.0.0.0", "--port", "9000", "--home", str(tmp_path / "store")])
    assert all(command[4] == str(ROOT / "dashboard" / "app.py") for command in started)
    told = [[option for option in command if option.startswith(("--server.address", "--server.port"))] for command in started]
    assert told == [["--server.address=127.0.0.1", "--server.port=8501"], ["--server.address=0.0.0.0", "--server.port=9000"]]
    assert {
        "--browser.gatherUsageStats=false",
        "--server.enableXsrfProtection=true",
        "--logger.hideWelcomeMessage=true",
        '--theme.headingFontSizes=["2.75rem", "1.75rem", "1.375rem"]',
    } <= set(started[0])
    assert os.environ["DDNMF_HOME"] == str(tmp_path / "store")


def test_the_container_runs_as_nobody_in_particular_and_asks_for_a_token():
    lines = (ROOT / "Containerfile").read_text().splitlines()
    assert any(line.startswith("USER ") and line != "USER root" for line in lines)
    assert '"--address", "0.0.0.0"' in lines[-1]  # beyond loopback, so that access.py asks for the token
