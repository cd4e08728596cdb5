"""Pixels of image files: as OpenCV reads them, or as Pillow does."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from PIL.ImageOps import exif_transpose
from shared.image_files import NOISE, animation, encoded, with_orientation
from shared.opencv import REFERENCE

from tfadv.data.image_files.decoding import decoded, turned_upright, unfit
from tfadv.data.image_files.headers import read_header

NAMES = sorted(name.removeprefix("file_") for name in REFERENCE if name.startswith("file_"))
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def header(data):
    return read_header(io.BytesIO(data))


def pixels(data, channels=3):
    """Returns the pixels of a file as sources have them."""
    return decoded(tf.constant(data), channels, tf.constant(header(data).kind)).numpy().astype(int)


def pillows(data, channels=3):
    image = np.array(Image.open(io.BytesIO(data)).convert(MODES[channels])).astype(int)
    return image.reshape([*image.shape[:2], channels])


@pytest.mark.parametrize("name", NAMES)
def test_pixels_are_those_of_opencv(name):
    data = REFERENCE[f"file_{name}"].tobytes()
    turn = header(data).orientation
    if name.startswith("lies_"):
        assert turn == int(name[-1])
    found = turned_upright(pixels(data), tf.constant(turn)).numpy()
    # Of four colours OpenCV makes three by shifts, TensorFlow by divisions.
    most = 1 if name == "cmyk" else 0
    assert np.abs(found - REFERENCE[f"read_{name}"]).max() <= most


def test_the_transform_is_not_tensorflows_own_choice():
    data = REFERENCE["file_all_colour"].tobytes()
    plain = tf.io.decode_image(data, 3).numpy().astype(int)
    assert np.abs(plain - REFERENCE["read_all_colour"]).max() > 1
    np.testing.assert_array_equal(pixels(data), REFERENCE["read_all_colour"])


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_pngs_are_read_without_transparency(mode):
    data = encoded(mode, "png")
    opaque = Image.fromarray(NOISE).convert(mode).convert("RGB")
    np.testing.assert_array_equal(pixels(data), np.array(opaque))


@pytest.mark.parametrize("options", [{}, {"lossless": True}])
@pytest.mark.parametrize(
    ("kind", "mode"),
    [("gif", "P"), ("bmp", "RGB"), ("bmp", "RGBA"), ("webp", "RGB"), ("webp", "RGBA")],
)
def test_rarer_kinds_are_read_as_pillow_does(kind, mode, options):
    data = encoded(mode, kind, **options)
    np.testing.assert_array_equal(pixels(data), pillows(data))
    assert np.abs(pixels(data, 1) - pillows(data, 1)).max() <= 1  # they round differently


def test_of_an_animation_it_is_the_first_picture():
    data = animation("gif")
    np.testing.assert_array_equal(pixels(data), pillows(data))


@pytest.mark.parametrize(
    ("channels", "mode"), [(1, "L"), (1, "RGB"), (2, "LA"), (4, "RGBA"), (4, "RGB"), (4, "L")]
)
def test_channels_are_kept_where_they_are_wanted(channels, mode):
    data = encoded(mode, "png")
    assert not unfit(header(data), channels)
    # Grey of colours is rounded otherwise.
    most = 1 if (channels, mode) == (1, "RGB") else 0
    assert np.abs(pixels(data, channels) - pillows(data, channels)).max() <= most


@pytest.mark.parametrize(
    ("channels", "kind", "mode", "message"),
    [
        (2, "png", "RGBA", "is a PNG of 4 channels, not a PNG of grey and alpha"),
        (4, "jpeg", "RGB", "is a JPEG: alpha is read of PNGs"),
        (4, "webp", "RGBA", "is a WebP: alpha is read of PNGs"),
        (1, "jpeg", "CMYK", "is a JPEG of four inks"),
    ],
)
def test_files_without_the_channels_are_told_from_their_header(channels, kind, mode, message):
    assert unfit(header(encoded(mode, kind)), channels).startswith(message)


def test_orientations_are_pillows():
    for number in range(1, 9):
        data = with_orientation(number)
        expected = np.array(exif_transpose(Image.open(io.BytesIO(data))))
        stored = np.array(Image.open(io.BytesIO(data)))
        np.testing.assert_array_equal(turned_upright(stored, tf.constant(number)), expected)
