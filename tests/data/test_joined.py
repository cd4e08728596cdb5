"""Two sources as one, whose images are found, opened, skipped and named."""

import numpy as np
import tensorflow as tf
from shared.image_sets import write_pictures
from shared.tiny_data import LABELS, NAMES, PIXELS, array_source

from tfadv import randomness
from tfadv.data.image_folder import image_folder
from tfadv.data.inception_crop import InceptionCrop
from tfadv.data.joined import JoinedImages
from tfadv.data.order import Passes
from tfadv.data.pipeline import Shares, train_batches
from tfadv.data.soft_labels import SoftlyLabelledImages

FIRST = array_source("first")
SHARES = np.float32([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
SECOND = SoftlyLabelledImages("second", PIXELS[:2] // 2 + 100, SHARES, NAMES)


def test_images_are_those_of_the_two():
    both = JoinedImages(FIRST, SECOND)
    fetch = tf.function(lambda n: (*both.fetch(n), both.target(n)))
    examples = [fetch(np.int64(n)) for n in range(8)]
    images, labels, targets = map(np.stack, zip(*examples, strict=True))
    np.testing.assert_array_equal(images, [*PIXELS, *(PIXELS[:2] // 2 + 100)])
    np.testing.assert_array_equal(labels, [*LABELS, 0, 2])
    np.testing.assert_array_equal(both.labels, labels)
    np.testing.assert_allclose(targets, [*np.eye(3)[LABELS], *SHARES], atol=1e-6)
    assert both.has_soft_labels and not JoinedImages(FIRST, FIRST).has_soft_labels
    assert (both.title(5), both.title(7)) == ("image 5 of first", "image 1 of second")


def test_images_of_either_are_skipped_there():
    first, second = array_source("first"), array_source("second")
    both = JoinedImages(first, second)
    both.skip({1: "is cut", 11: "is gone"})
    assert first.skipped == {1: "is cut"} and second.skipped == {5: "is gone"}
    assert both.skipped == {1: "is cut", 11: "is gone"}
    # The last of a source is replaced by its first, not by another source's.
    taken = both.stand_in(tf.range(12, dtype=tf.int64))
    np.testing.assert_array_equal(taken, [0, 2, *range(2, 11), 6])


def test_parts_of_stored_images_are_cropped_as_from_each_alone(tmp_path):
    """Files, of which a crop is decoded, beside an array: the pixels are those of each alone."""
    write_pictures(tmp_path, ["train", "test"])
    files = image_folder(str(tmp_path / "train"), str(tmp_path / "test"), 8).train
    names = list(files.class_names)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), np.uint8)
    array = array_source("array", pixels, np.arange(6) % 2, names)
    crop = InceptionCrop(8)
    for both in (JoinedImages(files, array), JoinedImages(array, files)):
        (batch,) = train_batches(both, crop, 14, Shares(), seed=3, start=0).take(1)
        seeds = randomness.example_seeds(3, "augmentation", batch["index"])
        order = Passes(14, 3)(batch["index"]).numpy()
        for image, seed, number in zip(batch["image"], seeds, order, strict=True):
            stored, _ = both.fetch_original(tf.constant(number))
            np.testing.assert_array_equal(image, crop(stored, seed))
