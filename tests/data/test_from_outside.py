"""Whatever comes from outside, Hypothesis tries it: it is taken or refused in a sentence, and nothing else ever happens."""

import gzip
import io
import os
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as s
from PIL import Image

from dashboard.session import links
from ddnmf_core.config import RunConfig
from ddnmf_core.data.dataset import DataError
from ddnmf_core.data.idx import verified_content
from ddnmf_core.data.single_image import fit_to_shape, read_picture
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.store.entry import CONFIG_TYPES, UnknownEntry
from ddnmf_core.store.run_store import Store

LONGEST = 1000  # letters of a sentence


@pytest.fixture(autouse=True, scope="module")
def denormal_numbers():
    """A training in the same process flushes them to 0 for speed; Hypothesis draws them."""
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)


few = settings(
    max_examples=int(os.environ.get("DDNMF_STORIES", 60)),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
json_values = s.recursive(
    s.none() | s.booleans() | s.integers() | s.floats() | s.text(max_size=20),
    lambda inner: s.lists(inner, max_size=4) | s.dictionaries(s.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def tried(kind, work, *arguments, **named):
    """What comes of it, or None where it was refused in a sentence. Any other exception is a failure."""
    try:
        return work(*arguments, **named)
    except kind as error:
        said = str(error)
    assert 0 < len(said) < LONGEST
    assert "Traceback" not in said
    return None


# ------------------------------------------------------------------------------------- configurations


@few
@given(s.dictionaries(s.sampled_from(sorted(RunConfig.model_fields)) | s.text(max_size=10), json_values, max_size=2))
def test_a_configuration_is_one_that_comes_back_or_is_refused(fields):
    config = tried(ValueError, RunConfig, **fields)
    assert config is None or RunConfig(**config.model_dump(mode="json")) == config


# ------------------------------------------------------------------------------------------------ files


def array():
    buffer = io.BytesIO()
    np.save(buffer, np.arange(30 * 4, dtype=np.float32).reshape(30, 4))
    return buffer.getvalue()


def arrays():
    buffer = io.BytesIO()
    np.savez(buffer, x=np.arange(30 * 4.0).reshape(30, 4), y=np.arange(30) % 2)
    return buffer.getvalue()


def picture(kind="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(np.arange(36, dtype=np.uint8).reshape(6, 6)).save(buffer, kind)
    return buffer.getvalue()


def pictures():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for number in range(24):
            target.writestr(f"{number % 2}/{number}.png", picture())
    return buffer.getvalue()


def parquet():
    buffer = io.BytesIO()
    pd.DataFrame({"a": range(30), "b": range(30)}).to_parquet(buffer)
    return buffer.getvalue()


WHOLE = {
    "x.npy": array(),
    "x.npz": arrays(),
    "x.zip": pictures(),
    "x.parquet": parquet(),
    "x.csv": b"a,b\n" + b"1,2\n" * 30,
    "x.tsv": b"a\tb\n" + b"1\t2\n" * 30,
}
changes = s.lists(s.tuples(s.floats(0, 1, exclude_max=True), s.integers(0, 255)), min_size=1, max_size=8)


@s.composite
def damaged(draw, whole):
    """A whole file with some bytes changed, cut, or doubled; or any bytes at all."""
    content = bytearray(whole)
    for place, value in draw(changes):
        content[int(place * len(content))] = value
    start, end = sorted((draw(s.integers(0, len(content))), draw(s.integers(0, len(content)))))
    return draw(
        s.sampled_from(
            [bytes(content), bytes(content[:end]), bytes(content[:end] + content[start:]), draw(s.binary(max_size=300))]
        )
    )


@pytest.mark.parametrize("name", WHOLE)
def test_a_damaged_file_is_read_or_refused(name):
    user_sets.read_source(io.BytesIO(WHOLE[name]), name, ImportOptions(size=4))  # as it is it can be read

    @few
    @given(damaged(WHOLE[name]))
    def told(content):
        prepared = tried(DataError, read_and_prepared, content)
        assert prepared is None or len(prepared.pixels) >= 20

    def read_and_prepared(content):
        options = ImportOptions(size=4)
        return user_sets.prepare(user_sets.read_source(io.BytesIO(content), name, options), name, options)

    told()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM"])
def test_a_damaged_picture_is_read_or_refused(kind):
    @few
    @given(damaged(picture(kind)))
    def told(content):
        gray = tried(ValueError, read_picture, content)
        if gray is not None:
            row = fit_to_shape(gray, (8, 8))
            assert row.shape == (64,)
            assert 0 <= row.min() <= row.max() <= 1

    told()


@few
@given(content=damaged(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3]), mtime=0)))
def test_an_idx_file_that_is_not_the_published_one_is_never_read(tmp_path, content):
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(DataError) as refused:
        verified_content("mnist", "t10k-labels-idx1-ubyte", path)
    assert "Delete it and download it again" in str(refused.value)


# ------------------------------------------------------------------------------------------------ links


@few
@given(said=s.text(max_size=300))
def test_an_id_that_is_none_is_answered_and_leads_nowhere_else(tmp_path, said):
    store = Store(tmp_path / "store")
    (tmp_path / "runs").mkdir(exist_ok=True)
    for kind in CONFIG_TYPES:
        with pytest.raises(UnknownEntry):
            store.get(kind, said)


@few
@given(said=s.text(max_size=60) | s.none(), before=s.text(max_size=20) | s.none(), chosen=s.sampled_from(["raised", "alone"]))
def test_whatever_a_link_says_the_choice_is_one_of_the_options(monkeypatch, said, before, chosen):
    monkeypatch.setattr(st, "query_params", {} if said is None else {"view": said})
    monkeypatch.setattr(st, "session_state", {"link.open": True} | ({} if before is None else {"view": before}))
    options = ["raised", "alone", "swing"]

    def widget(label, options, key, **details):
        assert st.session_state[key] in options
        return chosen

    assert links.linked_choice(widget, "View", options, "view") == chosen
    assert st.query_params == {"view": chosen}
