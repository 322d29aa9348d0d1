"""The form for pictures and arrays: each choice is seen in the preview before anything is stored."""

import io
import zipfile

import numpy as np
import pytest
from opening import open_page, text_of
from PIL import Image

from ddnmf_core.data import catalogue
from ddnmf_core.data.user import user_sets

N = 24


def picture(number, **kept):
    buffer = io.BytesIO()
    values = np.random.default_rng(number).integers(0, 255, (8, 8), np.uint8)
    Image.fromarray(values).save(buffer, "TIFF", **kept)
    return buffer.getvalue()


@pytest.fixture
def form(home, tmp_path):
    """The form with a zip file of pictures: folders of equal names, stacks, a table of classes, one damaged file."""
    page = Image.fromarray(np.random.default_rng(99).integers(0, 255, (8, 8), np.uint8))
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for number in range(N):
            place = ("Greek/a", "Greek/b", "Latin/a", "Latin/b")[number % 4]
            archive.writestr(f"{place}/s{number % 3}_{number}.tif", picture(number, save_all=True, append_images=[page]))
        archive.writestr("kinds.csv", "file,kind\n" + "".join(f"s{k % 3}_{k}.tif,kind {k % 5}\n" for k in range(N)))
    return opened(tmp_path / "x.zip")


def opened(path):
    app = open_page("train")
    app.segmented_control(key="train.own.from").set_value("path").run()
    app.text_input(key="train.own.path").input(str(path)).run()
    assert not app.exception
    return app


def test_classes_are_chosen_by_folder_level_name_or_table(form):
    assert "4 classes: Greek/a (6), Greek/b (6), Latin/a (6), Latin/b (6)" in text_of(form)
    classes = form.selectbox(key="train.own.classes")
    classes.select("level").run()
    assert "2 classes: Greek (12), Latin (12)" in text_of(form)
    form.number_input(key="train.own.level").set_value(-1).run()
    assert "2 classes: a (12), b (12)" in text_of(form)
    form.selectbox(key="train.own.classes").select("names").run()
    form.text_input(key="train.own.pattern").input(r"s(\d)_").run()
    assert "3 classes: 0 (8), 1 (8), 2 (8)" in text_of(form)
    form.text_input(key="train.own.pattern").input("s").run()
    assert "should have one group in parentheses" in text_of(form)
    form.selectbox(key="train.own.classes").select("table").run()
    form.text_input(key="train.own.class_table").input("kinds.csv").run()
    assert "5 classes: kind 0 (5)" in text_of(form)
    form.selectbox(key="train.own.classes").select("none").run()
    assert "no labels" in text_of(form)
    assert not form.exception
    assert user_sets.names() == []


def test_pages_are_counted_or_made_samples_and_names_go_with_the_set(form):
    assert "24 pages left out" in text_of(form)
    form.toggle(key="train.own.pages").set_value(True).run()
    assert "48 images" in text_of(form)
    form.button(key="train.own.add").click().run()
    (name,) = user_sets.names()
    assert catalogue.load(name).name_of(1) == "Greek/a/s0_0.tif, page 2"


def test_damaged_pictures_are_listed_until_they_are_left_out(home, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for number in range(N):
            archive.writestr(f"{number}.tif", picture(number)[: 60 if number in (3, 7) else None])
    app = opened(tmp_path / "x.zip")
    assert "2 of 24 pictures cannot be read (3.tif, 7.tif)" in text_of(app)
    app.toggle(key="train.own.skip").set_value(True).run()
    assert "2 damaged pictures left out (3.tif, 7.tif)" in text_of(app)
    assert "train.own.add" in [button.key for button in app.button]


def test_arrays_are_proposed_by_name_and_can_be_chosen(home, tmp_path):
    x = np.random.default_rng(0).integers(0, 255, (50, 8, 8), np.uint8)
    np.savez(tmp_path / "x.npz", x_test=x[:20], y_test=np.arange(20) % 2, x_train=x, y_train=np.arange(50) % 3)
    app = opened(tmp_path / "x.npz")
    assert "50 images, 3 classes" in text_of(app).replace("*", "")
    identity = next(box.key for box in app.selectbox if box.key and box.key.startswith("train.own.x."))
    app.selectbox(key=identity).select("x_test").run()
    assert "20 images, 2 classes" in text_of(app).replace("*", "")


def test_the_value_of_white_is_chosen_for_pictures_of_more_than_8_bits(home, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((N, 4, 4)) * 4095)
    app = opened(tmp_path / "x.npy")
    app.number_input(key="train.own.white").set_value(8190.0).run()
    assert "by the maximum of the set (8,190)" in text_of(app)
    app.button(key="train.own.add").click().run()
    assert catalogue.load(user_sets.names()[0]).pixels.max() == pytest.approx(127, abs=2)


def test_a_set_of_samples_that_are_all_alike_is_warned_of(home, tmp_path):
    np.save(tmp_path / "x.npy", np.full((N, 4, 4), 7, np.uint8))
    app = opened(tmp_path / "x.npy")
    assert "All samples are the same" in text_of(app)
