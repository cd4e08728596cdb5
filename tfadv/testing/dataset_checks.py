"""What a data set must keep to."""

import json
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfadv.data import Source, Splits
from tfadv.data.alike import check_alike
from tfadv.data.augmentation import CropAndFlip
from tfadv.data.pipeline import Shares, images_of_step, train_batches
from tfadv.errors import UserError
from tfadv.pixels import PIXEL_RANGE
from tfadv.testing.faults import require, require_near

MakeDataset = Callable[..., Splits]
# Images of a split that are looked at, evenly over it.
SAMPLE = 64
# Of those that are compared across the splits; and how many may be in both, in a hundred.
COMPARED, IN_BOTH = 2048, 1
BATCH, STEPS = 4, 6
AS_IT_IS = CropAndFlip(padding=0, flip=False)


def sample(source: Source, count: int = SAMPLE) -> np.ndarray:
    """Returns numbers of a source's images, evenly over it, without those that are skipped."""
    numbers = np.unique(np.linspace(0, len(source) - 1, min(count, len(source))).astype(np.int64))
    return numbers[~np.isin(numbers, [*source.skipped])]


def images(source: Source, numbers: np.ndarray) -> tf.data.Dataset:
    """Returns a data set of images and labels by their numbers, as a pipeline fetches them."""
    fetch = tf.autograph.experimental.do_not_convert(source.fetch)
    return tf.data.Dataset.from_tensor_slices(numbers).map(
        fetch, tf.data.AUTOTUNE, deterministic=True
    )


def fetched(source: Source, numbers: np.ndarray) -> tuple[list[np.ndarray], list[int]]:
    """Returns images and labels by their numbers."""
    found = list(images(source, numbers).as_numpy_iterator())
    return [image for image, _ in found], [int(label) for _, label in found]


def gives_two_splits_alike(make: MakeDataset) -> None:
    """A `Splits` of two sources with images of one shape and the same classes."""
    splits = make()
    kinds = [type(split).__name__ for split in splits] if isinstance(splits, tuple) else []
    are_splits = isinstance(splits, Splits) and all(isinstance(one, Source) for one in splits)
    require(are_splits, f"it returns a {type(splits).__name__} of {kinds}, not Splits of Sources")
    try:
        check_alike(splits)
    except UserError as error:
        require(False, error.message)


def has_the_sizes_that_it_says(make: MakeDataset) -> None:
    """As many labels as images, all of them classes, and images of `image_shape`."""
    for source in make():
        labels = np.asarray(source.labels)
        fault = f"{source.name} says {len(source)} images, and has labels of {labels.shape}"
        require(len(source) > 0 and labels.shape == (len(source),), fault)
        low, high = int(labels.min()), int(labels.max())
        fault = f"{source.name}: labels reach {low}..{high}, and there are {source.classes} classes"
        require(low >= 0 and high < source.classes, fault)
        image, label = images(source, sample(source)).element_spec
        fault = (
            f"{source.name} says images of {source.image_shape} and fetches {image.shape}: where "
            "TensorFlow can't know it, tf.ensure_shape tells it"
        )
        require(image.shape == tuple(source.image_shape), fault)
        said = f"images of {image.dtype.name} and labels of {label.dtype.name} {label.shape}"
        right = (image.dtype, label.dtype, label.shape) == (tf.float32, tf.int32, ())
        require(right, f"{source.name} fetches {said}, not float32 and an int32 scalar")


def fetches_pixels(make: MakeDataset) -> None:
    """Images are finite, in 0..255 and not in 0..1, and differ from each other."""
    for source in make():
        found = np.stack(fetched(source, sample(source))[0]).astype(np.float64)
        require(bool(np.all(np.isfinite(found))), f"{source.name}: pixels are not finite")
        low, high = found.min(), found.max()
        inside = PIXEL_RANGE[0] <= low and high <= PIXEL_RANGE[1]
        require(inside, f"{source.name}: pixels reach {low:.4g}..{high:.4g}, out of 0..255")
        fault = f"{source.name}: pixels reach {low:.4g}..{high:.4g}: multiply images in 0..1 by 255"
        require(high > 1, fault)
        alike = len(found) > 1 and bool(np.all(found == found[0]))
        require(not alike, f"{source.name}: {len(found)} images are all the same one")


def fetches_the_labels_that_it_lists(make: MakeDataset) -> None:
    """An image comes with the label of its number."""
    for source in make():
        numbers = sample(source)
        labels = fetched(source, numbers)[1]
        wrong = np.flatnonzero(np.asarray(source.labels)[numbers] != labels)
        if len(wrong):
            number = numbers[wrong[0]]
            fault = (
                f"{source.name}: image {number} is fetched with the label {labels[wrong[0]]} and "
                f"listed with {source.labels[number]} ({len(wrong)} of {len(numbers)} such)"
            )
            require(False, fault)


def is_a_function_of_the_number(make: MakeDataset) -> None:
    """Images are the same in any order, again, and in a set that is made anew."""
    for split in Splits._fields:
        results = []
        for seed in (1, 2):
            tf.random.set_seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            source = getattr(make(), split)
            numbers = sample(source)
            forward, backward = fetched(source, numbers), fetched(source, numbers[::-1])
            fault = f"{source.name}: fetched in another order, a number is another image"
            for one, again in zip(forward, backward, strict=True):
                require_near(again[::-1], one, 0.0, fault)
            results.append(forward)
        fault = f"{source.name}: made anew, with the same parameters, it has other images or labels"
        for one, again in zip(*results, strict=True):
            require(len(one) == len(again), fault)
            require_near(again, one, 0.0, fault)


def trains_in_an_order_of_seed_and_step(make: MakeDataset) -> None:
    """A batch is of the images that its step says, in shares, and in a run resumed anywhere."""
    source = make().train
    batch = min(BATCH, len(source) // 2 * 2)

    def batches(start, shares=Shares(), seed=5):  # noqa: B008  (frozen)
        made = train_batches(source, AS_IT_IS, batch, shares, seed, start)
        return list(made.take((STEPS - start) * shares.here).as_numpy_iterator())

    whole = batches(0)
    numbers = source.stand_in(tf.constant(images_of_step(len(source), batch, 5, 1))).numpy()
    by_step, labels = fetched(source, numbers)
    fault = f"{source.name}: a step's batch is not of the images that its seed and number say"
    require_near(whole[1]["image"], by_step, 0.0, fault)
    require_near(whole[1]["label"], labels, 0.0, fault)
    for one, again in zip(whole[STEPS // 2 :], batches(STEPS // 2), strict=True):
        fault = f"{source.name}: resumed at step {STEPS // 2} it trains on other images"
        require_near(again["image"], one["image"], 0.0, fault)
    first, second = (part["image"] for part in batches(0, Shares(2, 0, 2))[:2])
    fault = f"{source.name}: two replicas don't have the images of one"
    require_near(first, whole[0]["image"][::2], 0.0, fault)
    require_near(second, whole[0]["image"][1::2], 0.0, fault)


def keeps_train_and_test_apart(make: MakeDataset) -> None:
    """Of up to 2,048 images of each, hardly any is in both, pixel by pixel."""
    train, test = make()
    seen, looked_at = (
        [image.tobytes() for image, _ in images(one, sample(one, COMPARED)).as_numpy_iterator()]
        for one in (train, test)
    )
    both = len(set(seen) & set(looked_at))
    fault = f"{both} of {len(looked_at)} images of {test.name} are in {train.name} too"
    require(100 * both <= IN_BOTH * len(looked_at), fault)


def opens_what_it_stores(make: MakeDataset) -> None:
    """Images as they are stored are those that are fetched whole, of the sizes that it knows."""
    for source in make():
        numbers = sample(source, 8)
        contents = source.read_ahead(tf.constant(numbers))
        shapes = source.shapes(tf.constant(numbers))
        for place, number in enumerate(numbers):
            index = tf.constant(number)
            whole, label = source.fetch_original(index)
            stored, other = source.open(index, None if contents is None else contents[place])
            pixels = tf.cast(stored.whole(), tf.float32)
            fault = f"{source.name}: image {number} is opened as another one"
            require(pixels.shape == whole.shape and int(label) == int(other), fault)
            require_near(pixels, whole, 0.0, fault)
            sides = shapes is None or shapes[place].numpy().tolist() == list(whole.shape[:2])
            require(sides, f"{source.name}: image {number} is of {whole.shape}, not as it says")


def is_identified_by_its_manifest(make: MakeDataset) -> None:
    """JSON, which a set that is made anew has too: a run is bound to it."""
    for first, again in zip(make(), make(), strict=True):
        manifest = first.manifest()
        text = json.dumps(manifest, allow_nan=False)
        fault = f"{first.name}: made anew it has another manifest, so no run of it could resume"
        require(json.dumps(again.manifest(), allow_nan=False) == text, fault)
        parts = {**manifest, "image_shape": tuple(manifest["image_shape"])}
        right = (parts["examples"], parts["image_shape"]) == (len(first), first.image_shape)
        require(right, f"{first.name}: its manifest is of other images: {text:.200}")


CHECKS = (
    gives_two_splits_alike,
    has_the_sizes_that_it_says,
    fetches_pixels,
    fetches_the_labels_that_it_lists,
    is_a_function_of_the_number,
    trains_in_an_order_of_seed_and_step,
    keeps_train_and_test_apart,
    opens_what_it_stores,
    is_identified_by_its_manifest,
)
