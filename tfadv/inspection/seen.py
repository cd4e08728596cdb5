"""What is seen of one image when it is decoded."""

import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfadv.data.image_files.decoding import COLOURS, USUAL, decoded
from tfadv.data.image_files.headers import (
    BMP,
    GIF,
    JPEG,
    KINDS,
    PNG,
    WEBP,
    Header,
    UnreadableImageError,
    read_header,
)
from tfadv.data.tensorflow_errors import first_line
from tfadv.inspection.miniature import SIDE, miniature
from tfadv.inspection.remarks import Remarks

UNREADABLE, DAMAGED, ODD = "unreadable", "damaged", "odd"
PIXELS = 255  # the kind of images that are no files
_SUFFIXES = {".png": PNG, ".gif": GIF, ".bmp": BMP, ".webp": WEBP}
_SUFFIXES |= dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), JPEG)
# What libjpeg says where it has to invent pixels; its other remarks cost none.
_INVENTED = re.compile(r"premature end|bad Huffman|bad arithmetic|instead of RST", re.IGNORECASE)
# Decoders paint this where a file has no more pixels.
_GREY, _GREY_ROWS = 128, 8
_ELONGATED = 10  # the longer side by the shorter one
_TINY = 8


class Finding(NamedTuple):
    """Something wrong or unusual about an image; `reason` completes "the file …"."""

    kind: str
    reason: str


class Seen(NamedTuple):
    """What was seen of one image; zeros where it can't be read.

    Attributes:
        size: of its file or array, in bytes.
        contents: SHA-256 of these bytes.
        pixels: a digest of the decoded pixels and their shape.
        height, width: in pixels, as they are stored.
        channels: likewise; 4 of a JPEG are inks.
        kind: of the file, as in a `Header`, or `PIXELS`.
        orientation: EXIF's, 1..8.
        brightest: the largest value of a pixel, in 0..255.
        miniature: uint8 [8, 8]; see `tfadv.inspection.miniature`.
        findings: what is wrong with it.
    """

    size: int
    contents: bytes = bytes(32)
    pixels: bytes = bytes(16)
    height: int = 0
    width: int = 0
    channels: int = 0
    kind: int = PIXELS
    orientation: int = 0
    brightest: int = 0
    miniature: np.ndarray = np.zeros((SIDE, SIDE), np.uint8)
    findings: tuple[Finding, ...] = ()


def see_file(data: bytes, name: str, remarks: Remarks) -> Seen:
    """Looks at an image file.

    Args:
        data: its bytes.
        name: of the file, for its suffix.
        remarks: hears what decoders complain of; nothing else may write meanwhile.
    """
    seen = Seen(len(data), hashlib.sha256(data).digest())
    try:
        header = read_header(io.BytesIO(data))
        pixels = _decode(data, header, remarks)
    except UnreadableImageError as error:
        return seen._replace(findings=(Finding(UNREADABLE, str(error)),))
    except tf.errors.OpError as error:
        reason = f"can't be decoded: {first_line(error)}"
        return seen._replace(findings=(Finding(UNREADABLE, reason),))
    findings = [
        Finding(DAMAGED, f"is damaged, and decoders make up a part of its pixels: {remark}")
        if _INVENTED.search(remark)
        else Finding(ODD, f"decodes, but may be damaged: {remark}")
        for remark in remarks.taken()
    ]
    findings += [Finding(ODD, reason) for reason in _oddities_of_file(data, name, header)]
    findings += [Finding(ODD, reason) for reason in _oddities_of_pixels(pixels)]
    return _with_pixels(seen, pixels)._replace(
        height=header.height,
        width=header.width,
        channels=header.channels,
        kind=header.kind,
        orientation=header.orientation,
        findings=tuple(findings),
    )


def see_pixels(pixels: np.ndarray, contents: bytes) -> Seen:
    """Looks at an image that is no file.

    Args:
        pixels: [h, w, C] in 0..255.
        contents: its bytes as they are stored.
    """
    seen = Seen(len(contents), hashlib.sha256(contents).digest())
    height, width, channels = pixels.shape
    findings = tuple(Finding(ODD, reason) for reason in _oddities_of_pixels(pixels))
    return _with_pixels(seen, pixels)._replace(
        height=height, width=width, channels=channels, orientation=1, findings=findings
    )


def _decode(data: bytes, header: Header, remarks: Remarks) -> np.ndarray:
    kind = None if header.kind in USUAL else tf.constant(header.kind)
    with remarks.listening():
        return decoded(tf.constant(data), COLOURS, kind).numpy()


def _with_pixels(seen: Seen, pixels: np.ndarray) -> Seen:
    digest = hashlib.sha256(f"{pixels.dtype.str} {pixels.shape} ".encode())
    digest.update(np.ascontiguousarray(pixels))
    return seen._replace(
        pixels=digest.digest()[:16],
        brightest=int(pixels.max()),
        miniature=miniature(np.broadcast_to(pixels[..., :COLOURS], (*pixels.shape[:2], COLOURS))),
    )


def _oddities_of_file(data: bytes, name: str, header: Header) -> Iterator[str]:
    kind = KINDS[header.kind]
    suffix = PurePath(name).suffix
    if _SUFFIXES.get(suffix.lower(), header.kind) != header.kind:
        yield f"is a {kind}, although it is called {suffix}"
    if header.kind == JPEG and header.channels == 4:
        yield "is of four inks (CMYK), which are converted without a colour profile"
    if header.kind == GIF and data.count(b"\0!\xf9\x04") > 1:
        yield "is an animation, of which the first picture is read"
    if header.kind == PNG:
        if b"acTL" in data[: data.find(b"IDAT")]:
            yield "is an animation, of which the first picture is read"
        if data[24] == 16:
            yield "has 16 bits a channel, of which the upper 8 are read"


def _oddities_of_pixels(pixels: np.ndarray) -> Iterator[str]:
    height, width, _ = pixels.shape
    shorter, longer = sorted((height, width))
    if longer >= _ELONGATED * shorter:
        yield f"is elongated: {width:,} x {height:,} pixels"
    elif shorter < _TINY:
        yield f"is tiny: {width:,} x {height:,} pixels"
    if (pixels[0] == pixels[0, 0]).all() and (pixels == pixels[0, 0]).all():
        yield "is of one colour"
        return
    grey = np.abs(pixels[-_GREY_ROWS:].astype(np.int16) - _GREY).max() <= 1
    if grey and height > _GREY_ROWS:
        rows = (np.abs(pixels.astype(np.int16) - _GREY) <= 1).all((1, 2))
        count = int(np.argmin(rows[::-1]))
        yield f"is plain grey in the lower {count:,} of {height:,} rows, as if it had been cut"
