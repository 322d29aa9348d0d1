"""A finished run applied to a file on the page Explain: results, what is said of them, and refusals."""

import io

import numpy as np
import pandas as pd
import pytest
from opening import open_page, text_of
from stored import trained

from dashboard.explain.new_data import _csv
from ddnmf_core.config import RunConfig
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.interpret.apply import apply_run
from ddnmf_core.store.run_store import Store

TINY = {"layers": (16, 4), "n_parts": 3, "epochs": 2, "batch_size": 32}
COLUMNS = ["a", "b", "c", "d", "e"]


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.random((120, 3)) @ rng.random((3, 5)), columns=COLUMNS)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, frame):
    """A DDNMF and an autoencoder on a table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDNMF_HOME", str(tmp_path_factory.mktemp("applied") / "home"))
        name = user_sets.add(io.BytesIO(frame.to_csv(index=False).encode()), "t.csv", ImportOptions())
        config = RunConfig(dataset=name, **TINY)
        yield [trained(Store(), config), trained(Store(), config.replace(model="ae1"))]


@pytest.fixture(autouse=True)
def home_of_runs(runs, monkeypatch):
    monkeypatch.setenv("DDNMF_HOME", str(runs[0].root))


def upload(frame, run, name="new.csv"):
    app = open_page("explain?explain=new", run=run.id)
    assert not app.exception
    content = frame if isinstance(frame, bytes) else frame.to_csv(index=False).encode()
    return app.file_uploader(key="explain.new.file").upload(name, content, "text/csv").run()


def results(app):
    return next(table.value for table in app.dataframe if "error" in table.value)


def test_a_file_gives_what_the_command_gives(runs, frame):
    new = frame[:40].assign(kind=["x", "y"] * 20, note="text")
    app = upload(new, runs[0])
    assert not app.exception
    wanted = apply_run(
        Store().run(runs[0].id),
        io.BytesIO(new.to_csv(index=False).encode()),
        "new.csv",
        ImportOptions(labels="kind", leave_out=("note",)),
        "H",
        "gmm",
    ).frame
    app.selectbox(key="explain.new.representation").set_value("H").run()
    app.selectbox(key="explain.new.clusterer").set_value("gmm").run()
    (labels,) = [box for box in app.selectbox if (box.key or "").startswith("explain.new.labels")]
    labels.set_value("kind").run()
    pd.testing.assert_frame_equal(results(app), wanted, check_dtype=False)
    assert "Left out, not in the data set of the run: note." in text_of(app)
    assert "**40 samples**" in text_of(app)
    assert "explain.new.download" in {button.key for button in app.get("download_button")}
    assert "differ from the training data" not in text_of(app)


def test_samples_of_another_kind_are_warned_of(runs, frame):
    assert "differ from the training data" in text_of(upload(frame[:40] * 5, runs[0]))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a,b,c,d\n1,2,3,4\n2,2,3,4\n", "There is no column 'e', on which the run was trained"),
        (b"a,b,c,d,e\n1,2,3,4,-5\n2,2,3,4,5\n", "One value is negative, and the data set had none"),
        (b"\x00\x01nonsense", "There are no samples in it: check that it is the right file"),
        (b"", "This is not a table that can be read"),
    ],
)
def test_a_file_that_does_not_suit_is_a_sentence(runs, content, sentence):
    app = upload(content, runs[0])
    assert not app.exception
    assert sentence in app.warning[-1].value.replace("\\", "")
    assert not [table for table in app.dataframe if "error" in table.value]


def test_an_autoencoder_can_be_applied_too(runs, frame):
    app = upload(frame[:30], runs[1])
    assert not app.exception
    assert list(results(app)) == ["sample", "cluster", "error", "z_1", "z_2", "z_3", "z_4"]


def test_the_file_of_results_is_safe_for_a_spreadsheet():
    assert _csv(pd.DataFrame({"sample": ["=1+1"], "error": [-0.5]})) == "sample,error\n'=1+1,-0.5\n"
