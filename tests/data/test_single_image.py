"""Pictures from outside: read as data, turned dark, cut out and centred; what is none is refused in a sentence."""

import io

import numpy as np
import pytest
from PIL import Image

from ddnmf_core.data import image_files
from ddnmf_core.data.single_image import fit_to_shape, read_picture


def as_file(values, kind="PNG", mode=None):
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(values, np.uint8), mode).save(buffer, kind)
    return buffer.getvalue()


def square(ground, figure):
    values = np.full((40, 60), ground, np.uint8)
    values[5:15, 30:35] = figure
    return values


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_a_bright_figure_stays_and_a_dark_one_is_turned_bright(kind):
    bright, dark = read_picture(as_file(square(0, 255), kind)), read_picture(as_file(square(255, 0), kind))
    assert bright.shape == (40, 60)
    assert (bright == dark).all()
    assert (bright[10, 32], bright[0, 0]) == (1, 0)


def test_transparent_ground_counts_as_paper():
    rgba = np.zeros((20, 20, 4), np.uint8)
    rgba[8:12, 8:12, 3] = 255  # black ink on nothing
    assert read_picture(as_file(rgba))[10, 10] == 1
    assert read_picture(as_file(rgba))[0, 0] == 0


def test_a_photograph_that_lies_on_its_side_is_set_up():
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[image_files.EXIF_ORIENTATION] = 6
    Image.fromarray(square(0, 255)).save(buffer, "PNG", exif=exif)
    assert np.argwhere(read_picture(buffer.getvalue()) == 1).min(axis=0).tolist() == [30, 25]  # turned to the right


def test_sixteen_bits_are_scaled_down_not_cut():
    buffer = io.BytesIO()
    Image.fromarray(square(0, 128).astype(np.uint16) * 257).save(buffer, "PNG")
    assert read_picture(buffer.getvalue())[10, 32] == pytest.approx(128 / 255)


@pytest.mark.parametrize("content", [b"", b"no picture", as_file(square(0, 255))[:60]])
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(ValueError, match="not a picture that can be read"):
        read_picture(content)


def test_a_picture_that_is_too_large_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(image_files, "MAX_PIXELS", 100)
    with pytest.raises(ValueError, match="60 x 40 pixels: at most 100"):
        read_picture(as_file(square(0, 255)))


def test_a_figure_is_cut_out_scaled_and_put_with_its_mass_into_the_middle():
    row = fit_to_shape(read_picture(as_file(square(0, 255))), (28, 28)).reshape(28, 28)
    lit = np.argwhere(row > 0.5)
    assert (lit.max(axis=0) - lit.min(axis=0) + 1).tolist() == [20, 10]  # the longer side fills 20 of 28
    centre = (row[..., None] * np.indices((28, 28)).transpose(1, 2, 0)).sum(axis=(0, 1)) / row.sum()
    assert centre == pytest.approx([14, 14], abs=0.5)


def test_without_centring_the_whole_picture_is_squeezed_into_the_frame():
    row = fit_to_shape(read_picture(as_file(square(0, 255))), (8, 8), centre=False).reshape(8, 8)
    assert np.unravel_index(row.argmax(), row.shape) in [(1, 4), (2, 4)]  # rows 5 to 15 of 40, columns 30 to 35 of 60
    assert row.max() > 0.5
    assert row[6].max() < 0.1


def test_an_empty_picture_is_an_empty_row():
    assert fit_to_shape(np.zeros((50, 50), np.float32), (28, 28)).max() == 0


def test_a_digit_of_the_data_set_stays_nearly_what_it_is():
    from ddnmf_core.data import catalogue

    digits = catalogue.load("mnist-10k", 100).scaled()
    alike = [np.corrcoef(digit, fit_to_shape(digit.reshape(28, 28), (28, 28)))[0, 1] for digit in digits]
    assert np.median(alike) > 0.95
