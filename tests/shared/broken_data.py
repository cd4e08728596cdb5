"""Data sets and augmentations that each break one rule; the conformance kit must name the fault."""

import itertools

import numpy as np
import tensorflow as tf

from shared.tiny_data import random_examples
from tfadv.data import ArraySource, Splits
from tfadv.data.augmentation import Augmentation, draw
from tfadv.registry import AUGMENTATIONS, DATASETS

NAMES = ["a", "b", "c", "d"]


def splits(source=ArraySource, test_seed=1):
    """Returns 24 images to train on and 12 to test on, as a kind of source has them."""
    train, test = random_examples(24), random_examples(12, test_seed)
    return Splits(source("some train", *train, NAMES), source("some test", *test, NAMES))


class InZeroToOne(ArraySource):
    """Scales its pixels."""

    def fetch(self, index):
        image, label = super().fetch(index)
        return image / 255, label


class ShiftsItsLabels(ArraySource):
    """Counts its classes from one."""

    def fetch(self, index):
        image, label = super().fetch(index)
        return image, (label + 1) % 4


class AddsNoise(ArraySource):
    """Noise of TensorFlow's global generator."""

    def fetch(self, index):
        image, label = super().fetch(index)
        return tf.clip_by_value(image + tf.random.normal(image.shape), 0.0, 255.0), label


class ForgetsTheNumber(ArraySource):
    """Fetches its first image for each number."""

    def fetch(self, index):
        return super().fetch(0 * index)[0], super().fetch(index)[1]


class SaysAnotherSize(ArraySource):
    """Says the size before it was cropped."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.image_shape = (9, 9, 3)

    def fetch(self, index):
        pixels = tf.gather(tf.constant(self._images, tf.float32), index)
        return pixels, tf.gather(self.label_tensor, index)


class OpensTheNextOne(ArraySource):
    """Opens the image after the one that is asked for."""

    def open(self, index, content=None):
        return super().open((index + 1) % len(self), content)


class OrdersAnew(ArraySource):
    """Trains in an order of its own."""

    def stand_in(self, indices):
        return tf.random.shuffle(indices)


class StampsItsManifest(ArraySource):
    """Counts its manifests in them."""

    numbers = itertools.count()

    def manifest(self, way="auto"):
        return {**super().manifest(way), "made": next(self.numbers)}


@DATASETS.register("in_zero_to_one")
def in_zero_to_one():
    return splits(InZeroToOne)


@DATASETS.register("shifts_its_labels")
def shifts_its_labels():
    return splits(ShiftsItsLabels)


@DATASETS.register("adds_noise")
def adds_noise():
    return splits(AddsNoise)


@DATASETS.register("forgets_the_number")
def forgets_the_number():
    return splits(ForgetsTheNumber)


@DATASETS.register("says_another_size")
def says_another_size():
    return splits(SaysAnotherSize)


@DATASETS.register("opens_the_next_one")
def opens_the_next_one():
    return splits(OpensTheNextOne)


@DATASETS.register("orders_anew")
def orders_anew():
    return splits(OrdersAnew)


@DATASETS.register("stamps_its_manifest")
def stamps_its_manifest():
    return splits(StampsItsManifest)


@DATASETS.register("tests_on_what_it_trains_on")
def tests_on_what_it_trains_on():
    return splits(test_seed=0)


@DATASETS.register("is_drawn_anew")
def is_drawn_anew():
    pixels = np.random.randint(0, 256, (12, 8, 8, 3), np.uint8)  # noqa: NPY002
    return splits()._replace(test=ArraySource("some test", pixels, np.arange(12) % 4, NAMES))


@DATASETS.register("returns_a_pair")
def returns_a_pair():
    return tuple(splits())


@AUGMENTATIONS.register("draws_of_its_own")
class DrawsOfItsOwn(Augmentation):
    """Noise of TensorFlow's global generator."""

    def __call__(self, image, seed):
        return tf.clip_by_value(image + tf.random.normal(image.shape), 0.0, 255.0)


@AUGMENTATIONS.register("brightens_too_far")
class BrightensTooFar(Augmentation):
    """Forgets that 255 is white."""

    def __call__(self, image, seed):
        return image * draw(seed, "light", (), 0.5, 1.5, tf.float32)


@AUGMENTATIONS.register("ignores_the_run")
class IgnoresTheRun(Augmentation):
    """Draws by the image's number alone."""

    def __call__(self, image, seed):
        return image * draw(seed * [0, 1], "light", (), 0.5, 1.0, tf.float32)


@AUGMENTATIONS.register("ignores_the_image")
class IgnoresTheImage(Augmentation):
    """Draws by the run's seed alone."""

    def __call__(self, image, seed):
        return image * draw(seed * [1, 0], "light", (), 0.5, 1.0, tf.float32)


@AUGMENTATIONS.register("darkens_every_image")
class DarkensEveryImage(Augmentation):
    """Does the same to every image."""

    def __call__(self, image, seed):
        return image / 2


@AUGMENTATIONS.register("draws_as_it_is_traced")
class DrawsAsItIsTraced(Augmentation):
    """Draws by NumPy, which a trace asks once."""

    def __call__(self, image, seed):
        return image * np.random.uniform(0.5, 1)  # noqa: NPY002


@AUGMENTATIONS.register("crops_without_padding")
class CropsWithoutPadding(Augmentation):
    """Leaves a column out."""

    def __call__(self, image, seed):
        return image[:, draw(seed, "crop", (), 0, 2, tf.int32) :]


@AUGMENTATIONS.register("rounds_to_bytes")
class RoundsToBytes(Augmentation):
    """Returns uint8."""

    def __call__(self, image, seed):
        return tf.cast(image, tf.uint8)


@AUGMENTATIONS.register("loses_the_image")
class LosesTheImage(Augmentation):
    """Returns noise."""

    def __call__(self, image, seed):
        return draw(seed, "noise", image.shape, 0, 255, tf.float32)


@AUGMENTATIONS.register("is_another_when_traced")
class IsAnotherWhenTraced(Augmentation):
    """Darkens images in graphs alone."""

    def __call__(self, image, seed):
        return image if tf.executing_eagerly() else image / 2


@AUGMENTATIONS.register("plans_by_the_place")
class PlansByThePlace(Augmentation):
    """Does with an image what its place among those that are planned together says."""

    takes_original, image_size = True, 8

    def plan(self, shapes, seeds):
        return tf.range(tf.shape(seeds)[0])

    def apply(self, image, plan):
        return tf.ensure_shape(image.whole()[:8, :8], (8, 8, 3)) * tf.cast(plan % 2, tf.float32)


# What the kit must say of each, in the check that is there for it.
FAULTS = {
    "dataset in_zero_to_one": ("fetches pixels", "multiply images in 0..1 by 255"),
    "dataset forgets_the_number": ("fetches pixels", "images are all the same one"),
    "dataset shifts_its_labels": ("fetches the labels that it lists", "image 0.*label 1.*with 0"),
    "dataset adds_noise": ("is a function of the number", "in another order"),
    "dataset is_drawn_anew": ("is a function of the number", "made anew.*other images"),
    "dataset says_another_size": ("has the sizes that it says", r"\(9, 9, 3\) and fetches \(8, 8"),
    "dataset opens_the_next_one": ("opens what it stores", "image 0 is opened as another one"),
    "dataset orders_anew": ("trains in an order of seed and step", "not of the images that its"),
    "dataset stamps_its_manifest": ("is identified by its manifest", "another manifest"),
    "dataset tests_on_what_it_trains_on": ("keeps train and test apart", "12 of 12 images"),
    "dataset returns_a_pair": ("gives two splits alike", "a tuple of .*, not Splits of Sources"),
    "augmentation draws_of_its_own": ("is deterministic by its seed", "generator of its own"),
    "augmentation brightens_too_far": ("stays in the pixel range", "out of 0..255"),
    "augmentation ignores_the_run": ("draws by the whole seed", "ignores the run's seed"),
    "augmentation ignores_the_image": ("draws by the whole seed", "ignores the image's number"),
    "augmentation darkens_every_image": ("draws by the whole seed", "changes every image alike"),
    "augmentation draws_as_it_is_traced": ("has no python state", "drawn or counted in Python"),
    "augmentation is_another_when_traced": ("is the same traced and in parallel", "than eagerly"),
    "augmentation plans_by_the_place": (
        "is a function of seed and number",
        "the same image becomes another",
    ),
    "augmentation crops_without_padding": ("makes images of its size", "tf.ensure_shape"),
    "augmentation rounds_to_bytes": ("makes images of its size", "uint8, not float32"),
    "augmentation loses_the_image": ("keeps something of the image", "two images become the same"),
}
