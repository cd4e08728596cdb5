"""Pixels and labels that are hardly meant so: refused or warned of in one line."""

import re

import numpy as np
import pytest
from shared.tiny_data import LABELS, NAMES, PIXELS, array_source

from tfadv.data.alike import check_alike, oddities
from tfadv.data.digits import digits
from tfadv.data.imagenet import imagenet
from tfadv.data.synthetic import synthetic
from tfadv.errors import UserError


def assert_refused(message, **changes):
    with pytest.raises(UserError, match=message) as caught:
        array_source(**changes)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (PIXELS / 255, "some: the largest pixel is .* from 0..1, multiply them by 255"),
        ((PIXELS / 255).astype(np.float32) * 0.5, "largest pixel is 0.[0-9]+, so these are no"),
        ((PIXELS / 255).astype(np.float16), "multiply them by 255"),
        ((PIXELS > 99).astype(np.uint8), "the largest pixel is 1, .*multiply them by 255"),
        ((PIXELS > 99).astype(np.int32), "the largest pixel is 1.0, .*multiply them by 255"),
        (PIXELS / 127.5 - 1, r"pixel -0.* from -1..1, take 127.5 \* \(images \+ 1\)"),
        ((PIXELS - PIXELS.mean()) / PIXELS.std(), "is not a finite number in 0..255"),
        (PIXELS.astype(np.int8), "pixel -.* is not a finite number in 0..255"),
        (PIXELS * 16.0, "pixel .* is not a finite number in 0..255"),
        (np.where(PIXELS > 250, np.nan, PIXELS), "pixel nan"),
        (PIXELS > 99, "must be numbers, but are bool"),
        (PIXELS.transpose(0, 3, 1, 2), r"channels come last here, take images.transpose\(0, 2, 3"),
        (PIXELS[..., 0], r"take images\[..., None\]"),
        (np.repeat(PIXELS[..., :1], 4, -1), r"without transparency, take images\[..., :3\]"),
        (PIXELS[..., :2], "channels = 2 takes them as they are"),
        (PIXELS.reshape(6, -1), r"must have shape \[N, H, W, 3\], but have \(6, 48\)"),
    ],
)
def test_pixels_of_another_range_or_shape_are_refused(images, message):
    assert_refused(message, images=images)


def test_the_first_wrong_pixel_and_all_of_them_are_counted_over_many_images():
    images = np.full((1500, 64, 64, 1), 9, np.float32)
    images[700, 3, 2], images[1400:] = np.nan, -2
    labels = np.arange(1500) % 3
    message = rf"pixel nan of example 700 .*\({1 + 100 * 64 * 64} such pixels\)$"
    assert_refused(message, images=images, labels=labels)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (PIXELS // 16, "some: the largest pixel is 15, of 255: .* multiply them by 17"),
        (PIXELS / 255 * 16, r"the largest pixel is (16|15\.\d+), of 255"),
        (PIXELS // 2, "the largest pixel is 127, of 255"),
        (PIXELS * 0, "some: every pixel is 0"),
        (np.where(np.arange(6)[:, None, None, None] > 3, PIXELS / 255, PIXELS), "2 of 6 images"),
    ],
)
def test_odd_pixels_are_warned_of(images, message):
    (warning,) = array_source(images=images).warnings
    assert re.search(message, warning), warning


def test_usual_pixels_are_not_warned_of():
    for images in (PIXELS, PIXELS.astype(float), PIXELS[..., :1], PIXELS * 0 + 255):
        assert array_source(images=images).warnings == ()
    for splits in (digits(), synthetic(8, 4, 32, 20), imagenet("/no/such/folder")):
        check_alike(splits)
        assert oddities(splits) == ()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.eye(3)[LABELS], r"but have \(6, 3\): take labels.argmax\(-1\)"),
        (LABELS[:, None], r"but have \(6, 1\): take labels\[:, 0\]"),
        (
            LABELS.astype(np.float32),
            r"must be integers, but are float32: take labels.astype\(int\)",
        ),
        (LABELS + 0.5, "must be integers, but are float64$"),
        (LABELS > 1, r"but are bool: take labels.astype\(int\)"),
        (np.array(NAMES)[LABELS], "must be integers, but are <U3"),
        (LABELS + 1, "label 3 of example 2 .*: they are counted from 1, so subtract 1"),
        (LABELS - 1, r"label -1 of example 0 is not in 0..2 \(2 such labels\)$"),
    ],
)
def test_wrong_labels_are_refused_with_the_remedy(labels, message):
    assert_refused(message, labels=labels)


def test_class_names_are_different_and_may_be_bytes():
    assert_refused("classes 0 and 2 are both called 'cat'", names=["cat", "dog", "cat"])
    as_bytes = array_source(names=np.array(NAMES, "S"))
    assert as_bytes.class_names == tuple(NAMES)
