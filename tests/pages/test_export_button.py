"""The Export button: what it offers, what it makes, and what it says when it cannot."""

import io
import zipfile

import pandas as pd
import pytest
from opening import open_page, text_of

from dashboard.session.run_export import READY_KEY
from ddnmf_core.config import RunConfig
from ddnmf_core.export import formats

RUN = RunConfig(dataset="digits", n_samples=300, layers=(16, 6), n_parts=4, epochs=1)


@pytest.fixture
def run(copy_of):
    return copy_of(RUN).entry(RUN)


def prepare(app, name):
    app.selectbox(key="export.format").set_value(name).run()
    return app.button(key="export.prepare").click().run()


def downloads(app):
    return {button.key for button in app.get("download_button")}


def test_a_file_and_a_folder_are_made_and_offered(run):
    app = prepare(open_page("home"), "parquet")
    assert not app.exception
    assert len(pd.read_parquet(io.BytesIO(app.session_state[READY_KEY].content))) == 600
    assert "export.download" in downloads(app)
    app = prepare(app, "safetensors")
    ready = app.session_state[READY_KEY]
    assert ready.name == f"ddnmf-{run.id}-safetensors.zip"
    assert any(name.endswith("README.md") for name in zipfile.ZipFile(io.BytesIO(ready.content)).namelist())


def test_the_file_of_another_format_is_not_offered_for_this_one(run):
    app = prepare(open_page("home"), "parquet")
    app.selectbox(key="export.format").set_value("csv").run()
    assert "export.download" not in downloads(app)


def test_what_is_not_installed_says_how_to_get_it(run, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda package: None)
    app = open_page("home")
    app.selectbox(key="export.format").set_value("mlflow").run()
    assert "pip install 'ddnmf[export]'" in text_of(app)
    assert "export.prepare" not in [button.key for button in app.button]


def test_no_room_for_the_file_is_a_sentence(run, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dashboard.session.run_export.export", full)
    app = prepare(open_page("home"), "csv")
    assert not app.exception
    assert "No space left on device" in app.error[0].value


def test_parts_offers_it_too(run):
    assert open_page("parts", run=run.id).selectbox(key="export.format").options
