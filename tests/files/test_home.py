"""A store of a newer version is left alone; one without a version is the first."""

import pytest
from stored import CONFIG, flip

from ddnmf_core.files.atomic import write_document
from ddnmf_core.files.home import LAYOUT_FILE, LAYOUT_VERSION, NewerLayout, layout_version
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
