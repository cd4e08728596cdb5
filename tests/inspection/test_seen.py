"""What is seen of one file: its header, its pixels, and what is wrong with them."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image
from shared.image_files import NOISE, animation, encoded, with_orientation
from shared.image_sets import smooth

from tfadv.data.image_files.headers import GIF, JPEG, PNG
from tfadv.inspection.remarks import Remarks
from tfadv.inspection.seen import DAMAGED, ODD, PIXELS, UNREADABLE, see_file, see_pixels

PICTURE = smooth(0, 96, 128)
NOISY = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)


@pytest.fixture
def remarks():
    with Remarks() as opened:
        yield opened


def kinds_and_reasons(seen):
    return [(found.kind, found.reason) for found in seen.findings]


def test_a_sound_file_is_described_and_nothing_is_said(remarks, capfd):
    data = encoded("RGB", "jpeg", PICTURE, quality=95)
    seen = see_file(data, "a.jpg", remarks)
    assert (seen.size, seen.contents) == (len(data), hashlib.sha256(data).digest())
    assert (seen.height, seen.width, seen.channels, seen.kind) == (96, 128, 3, JPEG)
    assert (seen.orientation, seen.findings) == (1, ())
    assert seen.brightest == np.asarray(Image.open(io.BytesIO(data))).max()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("number", [1, 3, 6])
def test_orientation_is_exifs(number, remarks):
    assert see_file(with_orientation(number), "a.jpg", remarks).orientation == number


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"<html>404</html>", "is no JPEG, PNG, GIF, BMP or WebP file"),
        (encoded("RGB", "tiff"), "is no JPEG, PNG, GIF, BMP or WebP file"),
        (encoded("RGB", "jpeg")[:-40], "was cut short: fetch it again, or remove it"),
        (encoded("RGB", "png")[:-40], "was cut short: fetch it again, or remove it"),
    ],
)
def test_unreadable_files_say_why(data, reason, remarks):
    seen = see_file(data, "a.jpg", remarks)
    assert kinds_and_reasons(seen) == [(UNREADABLE, reason)]
    assert (seen.size, seen.height, seen.width) == (len(data), 0, 0)


def test_a_png_whose_pixels_are_damaged_cant_be_decoded(remarks):
    data = bytearray(encoded("RGB", "png"))
    data[len(data) // 2] ^= 0xFF
    (found,) = see_file(bytes(data), "a.png", remarks).findings
    assert found.kind == UNREADABLE and found.reason.startswith("can't be decoded: ")


def without_a_half(data):
    return data[: len(data) // 2] + b"\xff\xd9"


def with_a_hole(data):
    middle = len(data) // 2
    return data[:middle] + data[middle + 300 :]


@pytest.mark.parametrize("damage", [without_a_half, with_a_hole])
@pytest.mark.parametrize("progressive", [False, True])
def test_pixels_that_libjpeg_makes_up_are_damage(damage, progressive, remarks, capfd):
    data = damage(encoded("RGB", "jpeg", NOISY, progressive=progressive))
    Image.open(io.BytesIO(data)).load()  # Pillow doesn't mind
    seen = see_file(data, "a.jpg", remarks)
    reasons = [reason for kind, reason in kinds_and_reasons(seen) if kind == DAMAGED]
    assert len(reasons) == 1 and "make up" in reasons[0] and "Corrupt JPEG data" in reasons[0]
    assert seen.height == 96
    assert capfd.readouterr().err == ""
    assert see_file(encoded("RGB", "jpeg"), "b.jpg", remarks).findings == ()  # not its neighbour


def test_damage_that_shortens_what_is_decoded_is_only_a_remark(remarks):
    """Zeros are short codes: the picture is full before its data are used up."""
    data = bytearray(encoded("RGB", "jpeg", NOISY))
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(200)
    ((kind, reason),) = kinds_and_reasons(see_file(bytes(data), "a.jpg", remarks))
    assert kind == ODD and reason.startswith("decodes, but may be damaged")


def test_bytes_that_libjpeg_skips_cost_no_pixel(remarks):
    data = encoded("RGB", "jpeg", PICTURE)
    seen = see_file(data[:-2] + b"\0" * 9 + data[-2:], "a.jpg", remarks)
    clean = see_file(data, "a.jpg", remarks)
    assert seen.pixels == clean.pixels and clean.findings == ()
    ((kind, reason),) = kinds_and_reasons(seen)
    assert kind == ODD and "extraneous bytes" in reason


def half_grey():
    pixels = PICTURE.copy()
    pixels[40:] = 128
    return pixels


def deep_png():
    file = io.BytesIO()
    Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20) * 100).save(file, "png")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (encoded("RGB", "png"), "a.JPEG", "is a PNG, although it is called .JPEG"),
        (encoded("CMYK", "jpeg"), "a.jpg", "is of four inks (CMYK), which are converted"),
        (animation("gif"), "a.gif", "is an animation, of which the first picture is read"),
        (animation("png"), "a.png", "is an animation, of which the first picture is read"),
        (deep_png(), "a.png", "has 16 bits a channel"),
        (encoded("RGB", "png", NOISE[:1, :13]), "a.png", "is elongated: 13 x 1 pixels"),
        (encoded("RGB", "png", NOISE[:5, :6]), "a.png", "is tiny: 6 x 5 pixels"),
        (encoded("RGB", "png", np.zeros((9, 9, 3), np.uint8)), "a.png", "is of one colour"),
        (encoded("RGB", "png", half_grey()), "a.png", "is plain grey in the lower 56 of 96 rows"),
        (encoded("RGB", "jpeg", half_grey()), "a.jpg", "is plain grey in the lower"),
    ],
)
def test_unusual_files_are_told(data, name, reason, remarks):
    ((kind, found),) = kinds_and_reasons(see_file(data, name, remarks))
    assert kind == ODD and found.startswith(reason)


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (encoded("RGB", "gif"), "a.gif", GIF),
        (encoded("L", "jpeg"), "a.jfif", JPEG),
        (encoded("RGBA", "png"), "A.PNG", PNG),
    ],
)
def test_usual_files_are_not(data, name, kind, remarks):
    seen = see_file(data, name, remarks)
    assert (seen.kind, seen.findings) == (kind, ())


def test_the_same_pixels_are_the_same_in_whatever_file(remarks):
    png, bmp = (see_file(encoded("RGB", k, PICTURE), f"a.{k}", remarks) for k in ("png", "bmp"))
    assert png.pixels == bmp.pixels and png.contents != bmp.contents
    other = PICTURE.copy()
    other[5, 5, 1] ^= 1
    assert see_file(encoded("RGB", "png", other), "a.png", remarks).pixels != png.pixels


def test_pixels_that_are_no_file():
    seen = see_pixels(PICTURE, PICTURE.tobytes())
    assert (seen.size, seen.kind, seen.brightest) == (PICTURE.size, PIXELS, PICTURE.max())
    assert (seen.height, seen.width, seen.channels, seen.orientation) == (96, 128, 3, 1)
    assert seen.contents == hashlib.sha256(PICTURE.tobytes()).digest() and not seen.findings
