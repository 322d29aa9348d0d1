"""The user's own data sets travel with their runs when it is asked for, and are checked on the way in."""

import json
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save
from stored import CONFIG, finish

from ddnmf_core.data import catalogue
from ddnmf_core.data.user import user_sets
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.files.atomic import document, read_document, sha256, write_document
from ddnmf_core.store import archive_export
from ddnmf_core.store.archive_import import BadArchive, import_archive
from ddnmf_core.store.run_store import Store

PIXELS = np.random.default_rng(1).integers(0, 255, (30, 4, 5)).astype(np.uint8)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Trained on a set of the user's own."""
    monkeypatch.setenv("DDNMF_HOME", str(tmp_path / "store"))
    np.save(tmp_path / "mine.npy", PIXELS)
    name = user_sets.add(tmp_path / "mine.npy", "mine.npy", ImportOptions(title="Mine"))
    return finish(Store(tmp_path / "store"), CONFIG.replace(dataset=name, n_samples=None))


@pytest.fixture
def elsewhere(tmp_path):
    return Store(tmp_path / "elsewhere")


@pytest.fixture
def packed(run, tmp_path):
    archive_export.export_archive([run], tmp_path / "with.zip", with_data=True)
    return tmp_path / "with.zip"


def members_of(path):
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def forged(path, members):
    with zipfile.ZipFile(path, "w") as target:
        for name, value in members.items():
            target.writestr(name, value)
    return path


def test_a_set_is_there_after_the_archive_was_taken_in(run, packed, elsewhere, monkeypatch):
    imported = import_archive(elsewhere, packed)
    assert (imported.data, imported.refused) == ([run.config.dataset], {})
    monkeypatch.setenv("DDNMF_HOME", str(elsewhere.root))
    images = catalogue.load(run.config.dataset)
    assert np.array_equal(images.pixels, PIXELS.reshape(30, -1))
    assert catalogue.short_name(run.config.dataset) == "Mine"
    assert import_archive(elsewhere, packed).data == []


def test_names_of_samples_go_with_the_set(run, elsewhere, tmp_path, monkeypatch):
    names = [f"{number}.png" for number in range(30)]
    path = user_sets.folder(run.config.dataset) / user_sets.META_FILE
    write_document(path, read_document(path) | {"sample_names": names})
    archive_export.export_archive([run], tmp_path / "named.zip", with_data=True)
    assert import_archive(elsewhere, tmp_path / "named.zip").refused == {}
    monkeypatch.setenv("DDNMF_HOME", str(elsewhere.root))
    assert catalogue.load(run.config.dataset).sample_names == tuple(names)


def test_without_being_asked_for_it_stays_at_home_and_is_named(run, tmp_path):
    exported = archive_export.export_archive([run], tmp_path / "without.zip")
    assert (exported.data, exported.without_data) == ([], [run.config.dataset])
    members = members_of(tmp_path / "without.zip")
    assert not any(name.startswith("data/") for name in members)
    assert json.loads(members[archive_export.ARCHIVE_HEADER])["version"] == 1  # so that an older program reads it


def test_the_same_set_makes_the_same_bytes(run, packed, tmp_path):
    archive_export.export_archive([run], tmp_path / "again.zip", with_data=True)
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()


def test_a_damaged_set_is_not_packed(run, tmp_path):
    path = user_sets.folder(run.config.dataset) / user_sets.ARRAYS_FILE
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(catalogue.DataError, match="damaged"):
        archive_export.export_archive([run], tmp_path / "a.zip", with_data=True)
    assert not (tmp_path / "a.zip").exists()


def with_arrays(members, folder, arrays, **meta):
    """Somebody made description, name and digests fit."""
    content = save(arrays)
    about = json.loads(members[f"{folder}/meta.json"])
    about.pop("sha256")
    about |= {"arrays": sha256(content), **meta}
    place = f"data/{user_sets.dataset_name(about)}"
    kept = {name: value for name, value in members.items() if not name.startswith("data/")}
    return {**kept, f"{place}/meta.json": document(about), f"{place}/arrays.safetensors": content}


FITTING = PIXELS.reshape(30, -1)


@pytest.mark.parametrize(
    ("arrays", "meta", "reason"),
    [
        ({"pixels": FITTING[:, :-1]}, {}, "shape"),
        ({"pixels": FITTING.astype(np.float32)}, {}, "between 0 and 1"),
        ({"pixels": np.full((30, 20), np.nan, np.float32)}, {}, "between 0 and 1"),
        ({"pixels": FITTING.astype(np.int64)}, {}, "int64"),
        ({"pixels": FITTING, "extra": FITTING}, {}, "extra"),
        ({"pixels": FITTING, "labels": np.full(30, 7, np.int64)}, {"class_names": ["a", "b"]}, "classes"),
        ({"pixels": FITTING}, {"image_shape": "4 x 5"}, "does not describe"),
        ({"pixels": FITTING}, {"done": {}}, "does not describe"),
        ({"pixels": np.zeros((30, 0), np.uint8)}, {"image_shape": None}, "either pictures or a table"),
        ({"pixels": FITTING}, {"feature_names": ["a"] * 20}, "either pictures or a table"),
        ({"pixels": np.zeros((30, 1), np.uint8)}, {"image_shape": [1, 1]}, "shape"),
        ({"pixels": FITTING}, {"title": "x" * 999}, "does not describe"),
    ],
)
def test_a_set_that_is_not_what_it_says_is_refused_and_the_run_is_taken(packed, run, elsewhere, tmp_path, arrays, meta, reason):
    members = with_arrays(members_of(packed), f"data/{run.config.dataset}", arrays, **meta)
    imported = import_archive(elsewhere, forged(tmp_path / "forged.zip", members))
    assert imported.data == []
    assert [reason in sentence for sentence in imported.refused.values()] == [True]
    assert len(imported.imported) == 1
    assert list((elsewhere.root / "data").iterdir()) == []


def test_bytes_that_changed_on_the_way_are_refused(packed, run, elsewhere, tmp_path):
    members = members_of(packed)
    name = f"data/{run.config.dataset}/arrays.safetensors"
    members[name] = members[name][:-1] + bytes([members[name][-1] ^ 1])
    assert (
        "damaged" in import_archive(elsewhere, forged(tmp_path / "forged.zip", members)).refused[f"data/{run.config.dataset}"]
    )


def test_a_title_from_outside_is_words_and_not_markup(packed, run, elsewhere, tmp_path, monkeypatch):
    members = with_arrays(
        members_of(packed), f"data/{run.config.dataset}", {"pixels": FITTING}, title="![x](http://a.b) <b>Mine</b>"
    )
    (name,) = import_archive(elsewhere, forged(tmp_path / "forged.zip", members)).data
    monkeypatch.setenv("DDNMF_HOME", str(elsewhere.root))
    assert not set("![]()<>") & set(catalogue.short_name(name))
    assert "Mine" in catalogue.short_name(name)


@pytest.mark.parametrize("name", ["data/own-0123456789abcdef/../x", "data/mnist/meta.json", "data/own-0123456789abcdef/a.npy"])
def test_other_names_under_data_refuse_the_archive(packed, elsewhere, tmp_path, name):
    with pytest.raises(BadArchive, match="not a file of a run"):
        import_archive(elsewhere, forged(tmp_path / "forged.zip", members_of(packed) | {name: b"x"}))
