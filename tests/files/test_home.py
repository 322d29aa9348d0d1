"""A store of a newer version is left alone; one without a version is the first."""

from pathlib import Path

import pytest
from stored import CONFIG, flip

from ddnmf_core.files.atomic import write_document
from ddnmf_core.files.home import LAYOUT_FILE, LAYOUT_VERSION, NewerLayout, default_root, exposure, layout_version, make_home
from ddnmf_core.store.run_store import Store


def test_a_store_says_its_version_once_something_is_in_it(tmp_path):
    Store(tmp_path).create(CONFIG)
    assert layout_version(tmp_path) == LAYOUT_VERSION


def test_a_store_without_a_version_is_the_first(tmp_path):
    entry = Store(tmp_path).create(CONFIG)
    (tmp_path / LAYOUT_FILE).unlink()
    assert layout_version(tmp_path) == 1
    assert Store(tmp_path).entries() == [entry]


def test_a_newer_store_is_not_opened_and_a_sentence_says_so(tmp_path):
    write_document(tmp_path / LAYOUT_FILE, {"version": LAYOUT_VERSION + 1})
    with pytest.raises(NewerLayout, match=r"newer DDNMF Studio.*Update"):
        Store(tmp_path)


def test_a_damaged_version_does_not_lock_anybody_out(tmp_path):
    entry = Store(tmp_path).create(CONFIG)
    flip(tmp_path / LAYOUT_FILE)
    assert Store(tmp_path).entries() == [entry]


def test_a_store_made_here_is_private_and_one_that_others_may_open_is_told(tmp_path):
    assert exposure(tmp_path / "none") == ""
    make_home(tmp_path / "home")
    assert exposure(tmp_path / "home") == ""
    (tmp_path / "home").chmod(0o750)
    assert f"chmod 700 {tmp_path / 'home'}" in exposure(tmp_path / "home")


@pytest.mark.parametrize("given", ["~/runs", "~"])
def test_a_tilde_is_the_user_s_home(monkeypatch, given):
    monkeypatch.setenv("DDNMF_HOME", given)
    assert default_root() == Path(given).expanduser()
    assert "~" not in str(default_root())
