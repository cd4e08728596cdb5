"""What image files say of themselves, which are refused, and how they lie."""

import io
import struct

import pytest
import tensorflow as tf
from shared.image_files import NOISE, animation, encoded, with_orientation

from tfadv.data.image_files.decoding import decoded
from tfadv.data.image_files.headers import (
    BMP,
    GIF,
    JPEG,
    PNG,
    WEBP,
    UnreadableImageError,
    read_header,
)

HEIGHT, WIDTH, _ = NOISE.shape


def header(data):
    return read_header(io.BytesIO(data))


def refused(data):
    with pytest.raises(UnreadableImageError) as error:
        header(data)
    return str(error.value)


def segment(marker, content):
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


@pytest.mark.parametrize(
    ("kind", "mode", "expected", "channels", "options"),
    [
        ("jpeg", "L", JPEG, 1, {}),
        ("jpeg", "RGB", JPEG, 3, {"progressive": True}),
        ("jpeg", "CMYK", JPEG, 4, {}),
        ("png", "1", PNG, 1, {}),
        ("png", "LA", PNG, 2, {}),
        ("png", "P", PNG, 3, {}),
        ("png", "RGBA", PNG, 4, {}),
        ("gif", "P", GIF, 3, {}),
        ("bmp", "RGB", BMP, 3, {}),
        ("bmp", "RGBA", BMP, 4, {}),
        ("webp", "RGB", WEBP, 3, {}),
        ("webp", "RGB", WEBP, 3, {"lossless": True}),
        ("webp", "RGBA", WEBP, 4, {"lossless": True}),
        ("webp", "RGBA", WEBP, 4, {}),
    ],
)
def test_kind_size_and_channels_are_those_that_were_written(
    kind, mode, expected, channels, options
):
    found = header(encoded(mode, kind, **options))
    assert found == (expected, HEIGHT, WIDTH, channels, 1)


def test_exif_is_found_where_others_put_it():
    """Behind a profile that is longer than what is read at once, and after filling."""
    plain = with_orientation(6)
    for between in (segment(0xE2, bytes(60_000)), segment(0xE1, b"http://x\0"), b"\xff\xff"):
        found = header(plain[:2] + between + plain[2:])
        assert found == (JPEG, HEIGHT, WIDTH, 3, 6)


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
def test_odd_exif_is_ignored(exif):
    plain = encoded("RGB", "jpeg")
    assert header(plain[:2] + segment(0xE1, b"Exif\0\0" + exif) + plain[2:]).orientation == 1


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_file_cut_short_anywhere_is_refused(kind):
    data = encoded("RGB", kind)
    for length in [4, 6, 30, *range(60, len(data), 37), len(data) - 1]:
        assert "was cut short" in refused(data[:length]), length
        with pytest.raises(tf.errors.InvalidArgumentError):  # it is no false alarm
            decoded(tf.constant(data[:length]))


@pytest.mark.parametrize("kind", ["gif", "bmp", "webp"])
def test_rarer_kinds_cut_short_are_refused(kind):
    data = encoded("RGB", kind)
    for length in (8, 15, 25, len(data) // 2, len(data) - 1):
        assert "was cut short" in refused(data[:length]), length


def test_a_thumbnails_end_is_not_the_pictures():
    thumbnail = encoded("RGB", "jpeg", NOISE[:4, :4])
    data = encoded("RGB", "jpeg")
    data = data[:2] + segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + thumbnail) + data[2:]
    for length in (len(thumbnail) + 20, len(data) - 10):
        assert "was cut short" in refused(data[:length])


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "bmp", "webp"])
def test_bytes_after_the_end_do_no_harm(kind):
    assert header(encoded("RGB", kind) + bytes(5000))[1:3] == (HEIGHT, WIDTH)


def test_what_is_no_image_is_refused():
    assert refused(b"") == "is empty"
    for data in (b"\xff\xd8", b"hello", encoded("RGB", "tiff"), b"%PDF-1.7"):
        assert refused(data) == "is no JPEG, PNG, GIF, BMP or WebP file"
    assert "without a picture" in refused(b"\xff\xd8\xff\xd9")
    assert refused(b"RIFF\x04\0\0\0WAVE") == "is a RIFF file, but no WebP"
    assert "is an animated WebP" in refused(animation("webp"))
    assert "8 bits a pixel" in refused(encoded("P", "bmp"))


@pytest.mark.parametrize(
    ("height", "width", "message"),
    [
        (0, 13, "has 13 x 0 pixels"),
        (14_000, 14_000, "has 14,000 x 14,000 pixels, more than the 89,478,485 that are decoded"),
        (1, 20_000, None),
    ],
)
def test_no_pixel_and_too_many_are_refused_without_decoding(height, width, message):
    data = encoded("RGB", "png")
    data = data[:16] + struct.pack(">II", width, height) + data[24:]
    if message:
        assert refused(data).startswith(message)
    else:
        assert header(data)[1:3] == (height, width)
