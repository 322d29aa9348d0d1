"""Names of samples: files with their pages are kept beside a set, outside of its id, carried by archives and exported."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ddnmf_core.config import RunConfig
from ddnmf_core.data import catalogue
from ddnmf_core.data.user import user_sets, validation
from ddnmf_core.data.user.source import ImportOptions
from ddnmf_core.engine.worker import tasks
from ddnmf_core.export import csv, parquet
from ddnmf_core.files.atomic import read_document, write_document
from ddnmf_core.store.run_store import Store

N = 24


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    for number in range(N):
        (folder / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        values = np.random.default_rng(number).integers(0, 255, (4, 4), np.uint8)
        Image.fromarray(values).save(folder / "ab"[number % 2] / f"{number}.png")
    return folder


def add(path):
    return user_sets.add(path, path.name, ImportOptions(size=4))


def test_a_sample_is_called_by_its_file(pictures):
    images = catalogue.load(add(pictures))
    assert images.sample_names[:3] == ("a/0.png", "a/2.png", "a/4.png")
    assert images.title_of(13) == "sample 13, b, b/3.png"
    assert images.tile_caption(13, "0.5") == "13\nb\n0.5\n3.png"
    few = catalogue.load(images.name, 5)
    first = np.flatnonzero((images.pixels == few.pixels[0]).all(axis=1))[0]
    assert few.name_of(0) == images.name_of(first)
    assert catalogue.load("digits", 5).title_of(0) == f"sample 0, {catalogue.load('digits', 5).class_of(0)}"


def test_names_are_no_part_of_the_id_and_come_to_an_old_set_when_it_is_added_again(pictures):
    name = add(pictures)
    path = user_sets.folder(name) / user_sets.META_FILE
    write_document(path, {key: value for key, value in read_document(path).items() if key != "sample_names"})
    assert user_sets.find_problem(name) == ""
    assert catalogue.load(name).sample_names is None
    assert catalogue.load(name).title_of(0) == "sample 0, a"
    assert add(pictures) == name
    assert catalogue.load(name).name_of(0) == "a/0.png"
    (pictures / "a" / "0.png").rename(pictures / "a" / "00.png")
    assert add(pictures) == name
    assert catalogue.load(name).name_of(0) == "a/0.png"  # a stored set stays as it is


def test_imported_names_are_as_many_as_samples_and_short(pictures):
    name = add(pictures)
    folder = user_sets.folder(name)
    files = {user_sets.META_FILE, user_sets.ARRAYS_FILE}
    validation.check_data_set(folder, name, files)
    about = read_document(folder / user_sets.META_FILE)
    for names in (about["sample_names"][1:], [7] * N, ["x" * 1000] * N):
        write_document(folder / user_sets.META_FILE, about | {"sample_names": names})
        with pytest.raises(ValueError, match=r"names 23 of 24 samples|does not describe"):
            validation.check_data_set(folder, name, files)


def test_long_and_unprintable_names_are_cut_to_one_line(tmp_path):
    frames = [Image.fromarray(np.full((4, 4), 5 * number, np.uint8)) for number in range(N)]
    buffer, name = io.BytesIO(), f"a\n{'b' * 300}.tif"
    frames[0].save(buffer, "TIFF", save_all=True, append_images=frames[1:])
    raw = user_sets.read_source(buffer, name, ImportOptions(size=4))
    images = catalogue.load(user_sets.add_read(raw, name, ImportOptions(size=4)))
    assert max(map(len, images.sample_names)) == 120
    assert images.name_of(23).endswith("b.tif, page 24")
    assert "\n" not in images.name_of(0)


def test_exports_of_codes_have_the_names(pictures, tmp_path):
    store = Store()
    config = RunConfig(dataset=add(pictures), layers=(8, 4), n_parts=3, epochs=1, batch_size=8)
    entry = store.create(config)
    assert tasks.perform(str(store.root), entry.kind, entry.id, "cpu") == "finished", entry.state
    run = store.run(entry.id)
    for module, read, file in ((csv, pd.read_csv, "x.csv"), (parquet, pd.read_parquet, "x.parquet")):
        module.write(run, tmp_path / file, lambda share, message: None)
        assert read(tmp_path / file)["name"].tolist() == [*catalogue.load(config.dataset).sample_names] * 2
