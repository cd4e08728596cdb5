"""Training and test images that do not go together: refused or warned of in one line."""

import numpy as np
import pytest
from shared.tiny_data import LABELS, NAMES, PIXELS, array_source

from tfadv.data import Splits
from tfadv.data.alike import check_alike, oddities
from tfadv.errors import UserError


def others(count=6, **changes):
    """Returns a source of images that no other one has."""
    images = np.random.default_rng(1).integers(0, 256, (count, 4, 4, 3), np.uint8)
    return array_source(**{"name": "others", "images": images, "labels": LABELS[:count]} | changes)


def alike(train=None, test=None):
    splits = Splits(array_source() if train is None else train, others() if test is None else test)
    check_alike(splits)
    return oddities(splits)


def test_splits_of_other_classes_or_sizes_are_refused():
    assert alike() == ()
    for test, message in (
        (others(names=NAMES[::-1]), "class 0 is 'cat' in some and 'owl' in others: the same names"),
        (others(names=["cat", "dog", "bat"]), "class 2 is 'owl' in some and 'bat' in others$"),
        (others(names=[*NAMES, "bat"]), "some has 3 classes, others 4"),
        (
            others(images=PIXELS[:, :3]),
            r"image_shape of some is \(4, 4, 3\), of others \(3, 4, 3\)",
        ),
    ):
        with pytest.raises(UserError, match=message):
            alike(test=test)
    with pytest.raises(UserError, match="some: every image is of class 'dog'"):
        alike(array_source(labels=LABELS * 0 + 1))
    with pytest.raises(UserError, match="some: every image is of class 'cat'"):
        one = {"labels": LABELS * 0, "names": ["cat"]}
        alike(array_source(**one), others(**one))


def test_classes_without_images_are_warned_of():
    named = {"names": [f"class {number}" for number in range(100)]}
    gap = np.array([0, 1, 99, 0, 1, 99])
    found = alike(array_source(labels=gap, **named), others(labels=LABELS, **named))
    assert found == (
        "some: no image of 97 of the 100 classes: class 2, class 3, class 4, …",
        "others: 2 images are of classes that training never sees",
        "others: no image of 1 of the 100 classes: class 99",
    )


def test_images_that_are_in_both_are_warned_of():
    half = np.concatenate([PIXELS[:2].astype(np.float32), others(4)._images])
    (found,) = alike(test=others(images=half))
    assert found == "others: 2 of 6 images are in some too, pixel by pixel"
    (found,) = alike(test=array_source("again"))
    assert found == "again: 6 of 6 images are in some too, pixel by pixel"
    splits = Splits(array_source(), others())
    (found,) = oddities(splits, array_source("generated", images=others()._images))
    assert found == "others: 6 of 6 images are in generated too, pixel by pixel"
