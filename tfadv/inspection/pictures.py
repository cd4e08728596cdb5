"""Small pictures of images, within a page."""

import base64
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from tfadv.data import Source
from tfadv.inspection.duplicates import Duplicates, Place
from tfadv.inspection.survey import Survey

SIDE, SMALL = 96, 64  # in pixels, of the longer side; small where there are many
_QUALITY = 80
# Of so many images in all there are pictures, of each class at most so many and at least one.
_IN_SHEET, _OF_CLASS = 480, 6
PAIRS = 24  # of duplicates
DAMAGED = 24


def picture(source: Source, number: int, longer: int = SIDE) -> str:
    """Returns an image as the data URI of a small JPEG; ``""`` where it can't be read now.

    Args:
        source: of the image.
        number: its own.
        longer: its longer side in pixels, if it isn't smaller anyway.
    """
    try:
        pixels, _ = source.fetch_original(tf.constant(number, tf.int64))
    except tf.errors.OpError:
        return ""
    pixels = pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., :1]
    if max(pixels.shape[:2]) > longer:
        scale = longer / max(pixels.shape[:2])
        size = [max(1, round(side * scale)) for side in pixels.shape[:2]]
        pixels = tf.image.resize(pixels, size, "area")
    data = tf.io.encode_jpeg(tf.cast(tf.round(pixels), tf.uint8), quality=_QUALITY).numpy()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")


def sheet(surveys: Sequence[Survey]) -> Iterator[tuple[str, list[tuple[str, list[str]]]]]:
    """Yields each class's name and, by split, pictures of some of its images.

    They are evenly spaced among those that can be read.
    """
    names = surveys[0].source.class_names
    each = max(1, min(_OF_CLASS, _IN_SHEET // (len(names) * len(surveys))))
    longer = SIDE if each > 1 else SMALL
    by_class = [_numbers_by_class(one) for one in surveys]
    for label, name in enumerate(names):
        rows = []
        for one, numbers in zip(surveys, by_class, strict=True):
            of_class = numbers[label]
            count = min(each, len(of_class))
            chosen = of_class[np.arange(count) * len(of_class) // max(count, 1)]
            shown = [picture(one.source, int(number), longer) for number in chosen]
            rows.append((one.split, [uri for uri in shown if uri]))
        yield name, rows


def of_duplicates(
    surveys: Sequence[Survey], duplicates: Duplicates
) -> tuple[list[list[tuple[Place, str]]], list[list[tuple[Place, str]]]]:
    """Returns the first exact and near duplicates with their pictures, across splits first."""

    def shown(groups: Sequence[Sequence[Place]]) -> list[list[tuple[Place, str]]]:
        groups = sorted(groups, key=lambda group: len({place.split for place in group}) == 1)
        return [
            [(place, picture(surveys[place.split].source, place.number)) for place in group[:2]]
            for group in groups[:PAIRS]
        ]

    return shown(duplicates.exact), shown([(p.first, p.second) for p in duplicates.near])


def _numbers_by_class(one: Survey) -> list[np.ndarray]:
    """Returns the numbers of the images of each class that can be read."""
    numbers = np.flatnonzero(one.readable)
    labels = one.source.labels[numbers]
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=one.source.classes))
    return np.split(numbers[order], ends[:-1])
