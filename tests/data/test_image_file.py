"""JPEG and PNG files: pixels as OpenCV reads them, how they lie, and what was cut short."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from PIL.ImageOps import exif_transpose
from shared.opencv import REFERENCE

from tfadv.data.image_file import UnreadableImageError, decoded, orientation, turned_upright

NAMES = sorted(name.removeprefix("file_") for name in REFERENCE if name.startswith("file_"))
NOISE = np.random.default_rng(0).integers(0, 256, (9, 13, 3), np.uint8)


def upright(file):
    """Returns the pixels of a file as the folder's source has them."""
    return turned_upright(decoded(tf.io.read_file(str(file))), tf.constant(orientation(str(file))))


def encoded(array, kind, **options):
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_pixels_are_those_of_opencv(tmp_path, name):
    file = tmp_path / "a.jpg"
    file.write_bytes(REFERENCE[f"file_{name}"].tobytes())
    # Of four colours OpenCV makes three by shifts, TensorFlow by divisions.
    most = 1 if name == "cmyk" else 0
    found = upright(file).numpy().astype(int)
    assert np.abs(found - REFERENCE[f"read_{name}"]).max() <= most
    if name.startswith("lies_"):
        assert orientation(str(file)) == int(name[-1])


def test_the_transform_is_not_tensorflows_own_choice():
    data = REFERENCE["file_all_colour"].tobytes()
    plain = tf.io.decode_image(data, 3).numpy().astype(int)
    assert np.abs(plain - REFERENCE["read_all_colour"]).max() > 1
    np.testing.assert_array_equal(decoded(data), REFERENCE["read_all_colour"])


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_pngs_are_read_without_transparency(tmp_path, mode):
    image = Image.fromarray(NOISE).convert(mode)
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(upright(tmp_path / "a.png"), np.array(image.convert("RGB")))


def test_orientations_are_pillows():
    for number in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = number
        file = io.BytesIO(encoded(NOISE, "jpeg", exif=exif))
        expected = np.array(exif_transpose(Image.open(file)))
        stored = np.array(Image.open(file))
        np.testing.assert_array_equal(turned_upright(stored, tf.constant(number)), expected)


def segment(marker, content):
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


def with_orientation(number):
    exif = Image.Exif()
    exif[0x0112] = number
    return encoded(NOISE, "jpeg", exif=exif)


def test_exif_is_found_where_others_put_it(tmp_path):
    """Behind a profile that is longer than what is read at once, and after filling."""
    file = tmp_path / "a.jpg"
    plain = with_orientation(6)
    for between in (segment(0xE2, bytes(60_000)), segment(0xE1, b"http://x\0"), b"\xff\xff"):
        file.write_bytes(plain[:2] + between + plain[2:])
        assert orientation(str(file)) == 6
        assert upright(file).shape == (13, 9, 3)


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\x7f",
        b"XX*\0\x08\0\0\0\x01\0",
        b"II*\0\x08\0\0\0\xff\xff",
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0",
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x00\0\0\0",
    ],
)
def test_odd_exif_is_ignored(tmp_path, exif):
    plain = encoded(NOISE, "jpeg")
    file = tmp_path / "a.jpg"
    file.write_bytes(plain[:2] + segment(0xE1, b"Exif\0\0" + exif) + plain[2:])
    assert orientation(str(file)) == 1


def refused(tmp_path, data):
    file = tmp_path / "a.jpg"
    file.write_bytes(data)
    with pytest.raises(UnreadableImageError) as error:
        orientation(str(file))
    return str(error.value)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_file_cut_short_anywhere_is_refused(tmp_path, kind):
    data = encoded(NOISE, kind)
    for length in [4, 6, 30, *range(60, len(data), 37), len(data) - 1]:
        assert "was cut short" in refused(tmp_path, data[:length]), length
        with pytest.raises(tf.errors.InvalidArgumentError):  # it is no false alarm
            decoded(data[:length])


def test_a_thumbnails_end_is_not_the_pictures(tmp_path):
    thumbnail = encoded(NOISE[:4, :4], "jpeg")
    data = encoded(NOISE, "jpeg")
    data = data[:2] + segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + thumbnail) + data[2:]
    for length in (len(thumbnail) + 20, len(data) - 10):
        assert "was cut short" in refused(tmp_path, data[:length])


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_bytes_after_the_end_do_no_harm(tmp_path, kind):
    file = tmp_path / "a.jpg"
    file.write_bytes(encoded(NOISE, kind) + bytes(5000))
    assert orientation(str(file)) == 1
    assert upright(file).shape == NOISE.shape


def test_what_is_no_image_is_refused(tmp_path):
    for data in (b"", b"GIF89a", b"\xff\xd8"):
        assert "neither a JPEG nor a PNG" in refused(tmp_path, data)
    assert "without a picture" in refused(tmp_path, b"\xff\xd8\xff\xd9")
    with pytest.raises(UnreadableImageError, match="can't be read: No such file"):
        orientation(str(tmp_path / "none.jpg"))
