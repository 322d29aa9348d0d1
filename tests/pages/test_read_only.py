"""A dashboard for looking: every page stands, and nothing in the store changes."""

import io

import pytest
from opening import TABS_OF_EXPLAIN, TABS_OF_PARTS, open_page, text_of
from stored import finish

from ddnmf_core.config import RunConfig
from ddnmf_core.engine import client as engine
from ddnmf_core.files.read_only import ReadOnlyError
from ddnmf_core.store import trash, user_data
from ddnmf_core.store.archive_import import import_archive
from ddnmf_core.store.part_names import rename_part
from ddnmf_core.store.run_store import Store
from ddnmf_core.store.verify import verify

PAGES = ["home", "train", "latent", *TABS_OF_PARTS, *TABS_OF_EXPLAIN, "noise", "sweep", "compare"]
RUN = RunConfig(dataset="digits", n_samples=300, layers=(16, 6), n_parts=4, epochs=1)


def content(store):
    return {path.relative_to(store.root): path.stat().st_mtime_ns for path in store.root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_stands_and_changes_nothing(copy_of, monkeypatch, page):
    store = copy_of(RUN)
    before = content(store)
    monkeypatch.setenv("DDNMF_READ_ONLY", "1")
    app = open_page(page, run=RUN.id)
    assert not app.exception
    assert "Read-only mode" in text_of(app)
    assert content(store) == before
    doing = ("start", "train", "delete", "remove", "resume", "compute", "again")
    assert not [button.key for button in app.button if any(word in str(button.key) for word in doing) and not button.disabled]


def test_whoever_asks_for_a_change_all_the_same_is_refused(home, monkeypatch):
    store = Store(home)
    run = finish(store)
    monkeypatch.setenv("DDNMF_READ_ONLY", "1")
    for change in (
        lambda: engine.submit(store, RUN),
        lambda: trash.delete_entry(run),
        run.request_stop,
        lambda: rename_part(run, 0, "x"),
        lambda: user_data.remove_data_set("own-0123456789abcdef"),
        lambda: import_archive(store, io.BytesIO()),
        lambda: trash.restore_deletion(trash.Deletion(1, ())),
        lambda: trash.remove_deletion(trash.Deletion(1, ())),
        lambda: verify(store, repair=True),
    ):
        with pytest.raises(ReadOnlyError, match="read-only mode"):
            change()
    assert not store.requests()
    monkeypatch.setenv("DDNMF_READ_ONLY", "0")
    assert engine.submit(store, RUN).exists
