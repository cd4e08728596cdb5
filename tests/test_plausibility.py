"""Images, labels and classes that are hardly meant so: refused or warned of in one line."""

import re

import numpy as np
import pytest

from tfadv.data import ArraySource, Splits
from tfadv.data.alike import check_alike, oddities
from tfadv.data.digits import digits
from tfadv.data.imagenet import imagenet
from tfadv.data.npz import npz
from tfadv.data.synthetic import synthetic
from tfadv.errors import UserError

NAMES = ["cat", "dog", "owl"]
RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (6, 4, 4, 3), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def source(name="some", images=PIXELS, labels=LABELS, names=NAMES):
    return ArraySource(name, images, labels, names)


def others(count=6, **changes):
    """Returns a source of images that no other one has."""
    images = RANDOM.integers(0, 256, (count, 4, 4, 3), np.uint8)
    return source(**{"name": "others", "images": images, "labels": LABELS[:count]} | changes)


def assert_refused(told, **changes):
    with pytest.raises(UserError, match=told) as caught:
        source(**changes)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("images", "told"),
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
        (PIXELS.reshape(6, -1), r"must have shape \[N, H, W, 3\], but have \(6, 48\)"),
    ],
)
def test_pixels_of_another_range_or_shape_are_refused(images, told):
    assert_refused(told, images=images)


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (PIXELS // 16, "some: the largest pixel is 15, of 255: .* multiply them by 17"),
        (PIXELS / 255 * 16, r"the largest pixel is (16|15\.\d+), of 255"),
        (PIXELS // 2, "the largest pixel is 127, of 255"),
        (PIXELS * 0, "some: every pixel is 0"),
        (np.where(np.arange(6)[:, None, None, None] > 3, PIXELS / 255, PIXELS), "2 of 6 images"),
    ],
)
def test_odd_pixels_are_warned_of(images, told):
    (warning,) = source(images=images).warnings
    assert re.search(told, warning), warning


def test_usual_pixels_are_not():
    for images in (PIXELS, PIXELS.astype(float), PIXELS[..., :1], PIXELS * 0 + 255):
        assert source(images=images).warnings == ()
    for splits in (digits(), synthetic(8, 4, 32, 20), imagenet("/no/such/folder")):
        check_alike(splits)
        assert oddities(splits) == ()


@pytest.mark.parametrize(
    ("labels", "told"),
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
def test_wrong_labels_are_refused_with_the_remedy(labels, told):
    assert_refused(told, labels=labels)


def test_class_names_are_different_and_may_be_bytes():
    assert_refused("classes 0 and 2 are both called 'cat'", names=["cat", "dog", "cat"])
    as_bytes = source(names=np.array(NAMES, "S"))
    assert as_bytes.class_names == tuple(NAMES)


def alike(train=None, test=None):
    splits = Splits(source() if train is None else train, others() if test is None else test)
    check_alike(splits)
    return oddities(splits)


def test_splits_of_other_classes_or_sizes_are_refused():
    assert alike() == ()
    for test, told in (
        (others(names=NAMES[::-1]), "class 0 is 'cat' in some and 'owl' in others: the same names"),
        (others(names=["cat", "dog", "bat"]), "class 2 is 'owl' in some and 'bat' in others$"),
        (others(names=[*NAMES, "bat"]), "some has 3 classes, others 4"),
        (
            others(images=PIXELS[:, :3]),
            r"image_shape of some is \(4, 4, 3\), of others \(3, 4, 3\)",
        ),
    ):
        with pytest.raises(UserError, match=told):
            alike(test=test)
    with pytest.raises(UserError, match="some: every image is of class 'dog'"):
        alike(source(labels=LABELS * 0 + 1))
    with pytest.raises(UserError, match="some: every image is of class 'cat'"):
        one = {"labels": LABELS * 0, "names": ["cat"]}
        alike(source(**one), others(**one))


def test_classes_without_images_are_warned_of():
    named = {"names": [f"class {number}" for number in range(100)]}
    gap = np.array([0, 1, 99, 0, 1, 99])
    found = alike(source(labels=gap, **named), others(labels=LABELS, **named))
    assert found == (
        "some: no image of 97 of the 100 classes: class 2, class 3, class 4, …",
        "others: 2 images are of classes that training never sees",
        "others: no image of 1 of the 100 classes: class 99",
    )


def test_images_that_are_in_both_are_warned_of():
    half = np.concatenate([PIXELS[:2].astype(np.float32), others(4)._images])
    (found,) = alike(test=others(images=half))
    assert found == "others: 2 of 6 images are in some too, pixel by pixel"
    (found,) = alike(test=source("again"))
    assert found == "again: 6 of 6 images are in some too, pixel by pixel"


def write(path, **arrays):
    np.savez(path, **{"image": PIXELS, "label": LABELS} | arrays)
    return str(path)


def test_npz_files_name_their_own_classes(tmp_path):
    names = np.array(NAMES)
    named = write(tmp_path / "named.npz", label_names=names)
    unnamed = write(tmp_path / "unnamed.npz")
    reversed_names = write(tmp_path / "reversed.npz", label_names=names[::-1])
    with pytest.raises(UserError, match="'cat' in npz.train and 'owl' in npz.test: the same names"):
        check_alike(npz(named, reversed_names))
    for train, test in ((named, unnamed), (unnamed, named)):
        splits = npz(train, test)
        assert splits.train.class_names == splits.test.class_names == tuple(NAMES)
    numbered = npz(unnamed, unnamed)
    assert numbered.train.class_names == ("0", "1", "2")
    beyond = write(tmp_path / "beyond.npz", label=LABELS + 1)
    with pytest.raises(UserError, match="npz.test: label 3 of example 2 is not in 0..2"):
        npz(unnamed, beyond)
    for labels, told in (
        (LABELS * 0, "npz.train: every image is of class '0'"),
        (LABELS * 10**9, "labels go up to 2000000000, but there are 6 images and no class names"),
    ):
        wrong = write(tmp_path / "wrong.npz", label=labels)
        with pytest.raises(UserError, match=told):
            check_alike(npz(wrong, wrong))
    matrix = write(tmp_path / "matrix.npz", label_names=np.array([NAMES]))
    with pytest.raises(UserError, match=r"'label_names' must have shape \[K\], but has \(1, 3\)"):
        npz(matrix, matrix)


@pytest.mark.parametrize("seed", [-1, 2**31, 2**40, True])
def test_seeds_that_would_alias_or_fail_are_refused(seed):
    for make, parameter in ((synthetic, "seed"), (digits, "split_seed")):
        rule = f"{make.__name__}.{parameter} must be a whole number in 0..2³¹-1, got"
        with pytest.raises(UserError, match=rule):
            make(**{parameter: seed})
