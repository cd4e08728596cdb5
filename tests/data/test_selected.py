"""Some images of a source, and held-out ones."""

import numpy as np
import pytest
from shared.tiny_data import LABELS, NAMES, PIXELS, array_source

from tfadv.data import Splits
from tfadv.data.absent import AbsentSource
from tfadv.data.held_out import HeldOut
from tfadv.data.selected import SelectedImages, with_occurring_classes
from tfadv.errors import UserError


def fetched(source):
    examples = [source.fetch(np.int64(number)) for number in range(len(source))]
    return np.array([image for image, _ in examples]), [int(label) for _, label in examples]


def test_selected_images_are_numbered_anew():
    whole = array_source()
    whole.skip({4: "is gone"})
    chosen = SelectedImages(whole, np.array([5, 4, 0]), "three")
    images, labels = fetched(chosen)
    np.testing.assert_array_equal(images, PIXELS[[5, 4, 0]])
    assert labels == list(LABELS[[5, 4, 0]]) == list(chosen.labels)
    assert chosen.skipped == {1: "is gone"} and chosen.title(1) == "image 4"
    other = SelectedImages(whole, np.array([5, 4, 1]), "three")
    assert chosen.manifest() != other.manifest()


def test_classes_without_an_image_are_left_out():
    source, kept = with_occurring_classes(array_source(names=["ant", *NAMES, "yak"], labels=LABELS))
    assert source.class_names == ("ant", "cat", "dog") and list(kept) == [0, 1, 2]
    source, kept = with_occurring_classes(
        array_source(names=["ant", *NAMES, "yak"], labels=LABELS + (LABELS > 0))
    )
    assert source.class_names == ("ant", "dog", "owl") and list(kept) == [0, 2, 3]
    assert fetched(source)[1] == list(LABELS) == list(source.labels)


def test_held_out_images_are_drawn_once_and_trained_on_by_nobody():
    splits = Splits(array_source("train"), array_source("test", images=PIXELS[::-1]))
    train, test = HeldOut(2).apply(splits)
    assert (len(train), len(test)) == (4, 2)
    together = np.concatenate([fetched(train)[0], fetched(test)[0]])
    assert {image.tobytes() for image in together} == {
        image.astype(np.float32).tobytes() for image in PIXELS
    }
    again, other = HeldOut(2).apply(splits), [HeldOut(2, seed).apply(splits) for seed in (1, 2, 3)]
    np.testing.assert_array_equal(fetched(again.test)[0], fetched(test)[0])
    assert any(not np.array_equal(fetched(o.test)[0], fetched(test)[0]) for o in other)
    assert HeldOut().apply(splits) is splits


def test_images_that_are_not_here_can_be_held_out_in_a_plan():
    absent = AbsentSource("far", 100, NAMES, (4, 4, 3), "they are far away", "far.folder")
    train, test = HeldOut(10).apply(Splits(absent, absent))
    assert (len(train), len(test)) == (90, 10) and train.manifest() is None
    with pytest.raises(UserError, match="they are far away"):
        train.check_present()


def test_not_all_images_can_be_held_out():
    splits = Splits(array_source(), array_source())
    with pytest.raises(UserError, match="HeldOut.images must be < 6"):
        HeldOut(6).apply(splits)
