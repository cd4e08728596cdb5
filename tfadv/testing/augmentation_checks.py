"""What an augmentation must keep to."""

import unittest
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfadv import randomness
from tfadv.data.augmentation import Augmentation
from tfadv.data.pipeline import Shares, train_batches
from tfadv.data.source import ArraySource
from tfadv.data.stored_image import DecodedImage
from tfadv.pixels import PIXEL_RANGE
from tfadv.testing.faults import require, require_near, require_no_python_state

MakeAugmentation = Callable[..., Augmentation]
SIDES = ((12, 10), (16, 16))
SEEDS = 48
# Images of a run, and those of a batch.
IMAGES, BATCH = 24, 8


class Photographs(ArraySource):
    """Images whose sizes are known before any is opened."""

    def shapes(self, indices: tf.Tensor) -> tf.Tensor:
        """Returns heights and widths of images; see `Source.shapes`."""
        return tf.tile([self.image_shape[:2]], [tf.size(indices), 1])


def an_image(augmentation: Augmentation, sides=SIDES[1], channels=None, seed=0) -> tf.Tensor:
    """Returns a random float32 image in 0..255 of the channels that an augmentation takes."""
    shape = (*sides, channels or augmentation.channels or 3)
    pixels = np.random.default_rng(seed).uniform(0, 255, shape)
    return tf.constant(np.rint(pixels), tf.float32)


def some_seeds(count: int = SEEDS) -> tf.Tensor:
    """Returns the seeds of a run's first images, int64 [count, 2]."""
    return randomness.example_seeds(0, "augmentation", tf.range(count))


def augmented(augmentation: Augmentation, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Returns an image as training gets it."""
    if augmentation.takes_original:
        return augmentation.augment(DecodedImage(image), seed)
    return augmentation(image, seed)


def pipeline(augmentation: Augmentation, image: tf.Tensor, seeds: tf.Tensor, calls=1):
    """Returns a data set of one image augmented by many seeds, some calls side by side."""

    @tf.autograph.experimental.do_not_convert
    def one(seed):
        return augmented(augmentation, image, seed)

    return tf.data.Dataset.from_tensor_slices(seeds).map(one, calls, deterministic=True)


def by_each(augmentation: Augmentation, image: tf.Tensor, seeds: tf.Tensor, calls=1) -> np.ndarray:
    """Returns one image augmented by many seeds, [N, H, W, C]."""
    return np.stack(list(pipeline(augmentation, image, seeds, calls).as_numpy_iterator()))


def makes_images_of_its_size(make: MakeAugmentation) -> None:
    """float32 of the image's shape, or `image_size`, which is known while it is traced."""
    augmentation = make()
    size = augmentation.image_size
    for sides in SIDES:
        for channels in (1, 3, 4) if augmentation.channels is None else (augmentation.channels,):
            image = an_image(augmentation, sides, channels)
            spec = pipeline(augmentation, image, some_seeds(1)).element_spec
            expected = (*((size, size) if size else sides), channels)
            fault = (
                f"traced, an image of {image.shape} becomes one of {spec.shape}, not {expected}: "
                "where TensorFlow can't know it, tf.ensure_shape tells it"
            )
            require(spec.shape == expected, fault)
            found = augmented(augmentation, image, some_seeds(1)[0])
            require(found.shape == expected, f"an image of {image.shape} becomes {found.shape}")
            dtypes = ("float32", "uint8") if augmentation.takes_original else ("float32",)
            fault = f"an image becomes {found.dtype.name}, not {' or '.join(dtypes)}"
            require(found.dtype.name == spec.dtype.name in dtypes, fault)


def stays_in_the_pixel_range(make: MakeAugmentation) -> None:
    """Black, white and random images stay finite and in 0..255, and become none in 0..1."""
    augmentation = make()
    random = an_image(augmentation)
    for image in (random, tf.zeros_like(random), tf.fill(random.shape, 255.0)):
        found = by_each(augmentation, image, some_seeds()).astype(np.float64)
        require(bool(np.all(np.isfinite(found))), "it makes pixels that are not finite")
        low, high = found.min(), found.max()
        inside = PIXEL_RANGE[0] <= low and high <= PIXEL_RANGE[1]
        require(inside, f"pixels reach {low:.4g}..{high:.4g}, out of 0..255")
        largest = float(tf.reduce_max(image))
        fault = f"of an image whose largest pixel is {largest:.0f} it makes one in 0..1"
        require(largest == 0 or not 0 < high <= 1, fault)


def is_deterministic_by_its_seed(make: MakeAugmentation) -> None:
    """The same seed gives the same image, whatever TensorFlow's and NumPy's own seeds are."""
    augmentation, results = make(), []
    image, seeds = an_image(augmentation), some_seeds(8)
    for seed in (1, 2):
        tf.random.set_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        results.append([augmented(augmentation, image, one) for one in seeds])
    fault = "the same seeds give other images: it draws from a generator of its own"
    require_near(results[1], results[0], 0.0, fault)


def draws_by_the_whole_seed(make: MakeAugmentation) -> None:
    """Another image's number or another run's seed draws anew.

    Raises:
        SkipTest: as it is bound it changes nothing.
    """
    augmentation = make()
    image = an_image(augmentation)
    runs = [randomness.example_seeds(run, "augmentation", tf.constant([7])) for run in range(SEEDS)]
    of_images = by_each(augmentation, image, some_seeds())
    of_runs = by_each(augmentation, image, tf.concat(runs, 0))
    by_image, by_run = (bool(np.any(found != found[0])) for found in (of_images, of_runs))
    if not by_image and not by_run:
        unchanged = of_images.shape[1:] == image.shape and np.array_equal(of_images[0], image)
        if unchanged:
            raise unittest.SkipTest("as it is bound it changes nothing")
        require(False, "it changes every image alike, and evaluation never sees such images")
    require(by_image, f"{SEEDS} images of a run are changed alike: it ignores the image's number")
    require(by_run, f"{SEEDS} runs change an image alike: it ignores the run's seed")


def keeps_something_of_the_image(make: MakeAugmentation) -> None:
    """Two images by the same seeds don't become the same."""
    augmentation = make()
    one, other = (
        by_each(augmentation, an_image(augmentation, seed=seed), some_seeds()) for seed in (0, 1)
    )
    differ = np.any(one != other, axis=(1, 2, 3))
    require(bool(np.any(differ)), "two images become the same, whatever the seed")


def is_the_same_traced_and_in_parallel(make: MakeAugmentation) -> None:
    """Calls side by side give the bits of calls one by one, and what eager calls give."""
    augmentation = make()
    image, seeds = an_image(augmentation), some_seeds(16)
    one_by_one = by_each(augmentation, image, seeds)
    side_by_side = by_each(augmentation, image, seeds, calls=8)
    fault = "calls side by side give other images than one by one"
    require_near(side_by_side, one_by_one, 0.0, fault)
    eager = [augmented(augmentation, image, seed) for seed in seeds]
    require_near(one_by_one, eager, 1e-5, "traced it gives other images than eagerly")


def is_a_function_of_seed_and_number(make: MakeAugmentation) -> None:
    """In training an image is the same in batches of another size, in shares, and resumed."""
    augmentation = make()
    shape = (IMAGES, *SIDES[1], augmentation.channels or 3)
    pixels = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    source = Photographs("some", pixels, np.arange(IMAGES) % 2, ["a", "b"], shape[-1])

    def images(batch, shares=Shares(), start=0):  # noqa: B008  (frozen)
        batches = train_batches(source, augmentation, batch, shares, seed=3, start=start)
        taken = list(batches.take(2 * IMAGES * shares.here // batch).as_numpy_iterator())
        found = {}
        for one in taken:
            found.update(zip(one["index"].tolist(), one["image"], strict=True))
        return found

    whole = images(BATCH)
    for what, others in (
        ("in batches of another size", images(BATCH // 2)),
        ("in the shares of two replicas", images(BATCH, Shares(2, 0, 2))),
        ("in a run that is resumed", images(BATCH, start=3)),
    ):
        common = sorted(whole.keys() & others.keys())
        fault = f"{what} the same image becomes another"
        require_near([others[n] for n in common], [whole[n] for n in common], 0.0, fault)


def has_no_python_state(make: MakeAugmentation) -> None:
    """Nothing depends on what Python did while it was traced."""
    augmentation = make()
    image, seeds = an_image(augmentation), some_seeds(4)
    require_no_python_state(
        augmentation, lambda: [augmented(augmentation, image, seeds[n]) for n in range(4)]
    )


CHECKS = (
    makes_images_of_its_size,
    stays_in_the_pixel_range,
    is_deterministic_by_its_seed,
    draws_by_the_whole_seed,
    keeps_something_of_the_image,
    is_the_same_traced_and_in_parallel,
    is_a_function_of_seed_and_number,
    has_no_python_state,
)
