"""Image classification sets of TensorFlow Datasets, in memory or read one by one."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets

from tfadv.data import in_place
from tfadv.data.centre_square import CentreSquare
from tfadv.data.paths import expanded
from tfadv.data.plausibility import check_channels
from tfadv.data.records import Records
from tfadv.data.source import ArraySource, Source, Splits
from tfadv.data.tfds_decoding import decoders
from tfadv.data.tfds_set import ARRAY_RECORD, PREPARE_AGAIN, TfdsSet, mistakes
from tfadv.data.tfds_source import TfdsSource
from tfadv.errors import UserError, check
from tfadv.registry import DATASETS


@DATASETS.register("tfds")
def tfds(
    name: str,
    train_split: str = "train",
    test_split: str = "test",
    data_dir: str | None = None,
    image_key: str = "image",
    label_key: str = "label",
    image_size: int | None = None,
    shorter_side: int | None = None,
    antialias: bool = True,
    cubic_a: float = -0.5,
    whole_pixels: bool = True,
    exif_orientation: bool = True,
    channels: int = 3,
    in_memory_gib: float = 2.0,
    index_dir: str | None = None,
) -> Splits:
    """Returns a set of TensorFlow Datasets, downloaded and prepared once.

    Sets whose images are declared to be of one size and fit, such as CIFAR-10, are held in
    memory as they are. All others, such as ImageNet, are read one by one, after a first pass
    over their records for classes and sizes, which are kept in small files.

    Args:
        name: of the set, such as ``cifar10`` or ``imagenette/full-size-v2:1.0.0``, or a folder.
        train_split: to train on; slices and unions such as ``train[:10%]+validation``.
        test_split: to evaluate on.
        data_dir: where TFDS keeps its files, if not where it usually does.
        image_key: the feature of the image.
        label_key: the feature of the class.
        image_size: height and width in pixels; None where images are of one size.
        shorter_side: this and the next four as in `image_folder`.
        antialias: likewise.
        cubic_a: likewise.
        whole_pixels: likewise.
        exif_orientation: likewise; TFDS itself turns no image.
        channels: 1 grey, 2 grey and alpha, 3 colours, 4 colours and alpha.
        in_memory_gib: images of one size that take no more decoded, in GiB, are held.
        index_dir: where to keep what is known of images, if not beside them.
    """
    check_channels("tfds.channels", channels)
    check(in_memory_gib >= 0, "tfds.in_memory_gib", "be >= 0", in_memory_gib)
    found, limit = TfdsSet.find(name, data_dir, image_key, label_key), in_memory_gib * 2**30
    splits = {"tfds.train_split": train_split, "tfds.test_split": test_split}
    if _is_held(found, splits, limit):
        _check_size(found, image_size)
        return Splits(*(_held(found, *item, channels) for item in splits.items()))
    size = _size(found, image_size)
    view = CentreSquare.of("tfds", size, shorter_side, antialias, cubic_a, whole_pixels)
    return _read_one_by_one(found, splits, view, exif_orientation, channels, index_dir)


def _is_held(found: TfdsSet, splits: Mapping[str, str], limit: float) -> bool:
    """Prepares a set; returns whether its decoded images take no more bytes than the limit."""
    found.prepare(random_access=found.decoded_bytes(1) > limit)
    return found.decoded_bytes(sum(found.examples(*item) for item in splits.items())) <= limit


def _read_one_by_one(
    found: TfdsSet,
    splits: Mapping[str, str],
    view: CentreSquare,
    exif_orientation: bool,
    channels: int,
    index_dir: str | None,
) -> Splits:
    found = found.with_random_access()
    kept = Path(expanded(index_dir, "tfds.index_dir")) if index_dir else None
    sources = []
    for parameter, split in splits.items():
        shards = found.shards(parameter, split)
        source = TfdsSource(found, split, shards, view, exif_orientation, channels, kept)
        sources.append(source)
    return Splits(*sources)


def _check_size(found: TfdsSet, image_size: int | None) -> None:
    height, width, _ = found.shape
    check(
        image_size is None or height == width == image_size,
        "tfds.image_size",
        f"be None where images are held in memory as they are, {height} x {width} pixels "
        "(tfds.in_memory_gib = 0 reads and resizes them one by one)",
        image_size,
    )


def _size(found: TfdsSet, image_size: int | None) -> int:
    """Returns the height and width of images that are read one by one."""
    height, width, _ = found.shape
    if image_size is None and (height is None or height != width):
        raise UserError(
            f"tfds.image_size: the images of {found.full_name} are of several sizes: bind the "
            "height and width that they are to have",
            "tfds.image_size",
        )
    return height if image_size is None else image_size


def _held(found: TfdsSet, parameter: str, split: str, channels: int) -> Source:
    name = f"{found.builder.name} {split}"
    count = found.examples(parameter, split)
    images, labels = in_place.empty((count, *found.shape), found.dtype), np.empty(count, np.int64)
    with mistakes(parameter, f"'{split}' of {found.full_name} can't be read"):
        examples = _decoded(found, name, parameter, split)
        for number, example in enumerate(tensorflow_datasets.as_numpy(examples)):
            images[number] = example[found.image_key]
            labels[number] = example[found.label_key]
    return ArraySource(name, images, labels, found.class_names, channels)


def _decoded(found: TfdsSet, name: str, parameter: str, split: str) -> tf.data.Dataset:
    features = found.builder.info.features
    how = decoders(features, found.image_key)
    if found.builder.info.file_format != ARRAY_RECORD:
        return found.builder.as_dataset(split=split, decoders=how)
    records = Records(name, found.shards(parameter, split), PREPARE_AGAIN)
    numbers = tf.data.Dataset.range(len(records))
    return numbers.map(lambda n: features.deserialize_example(records.read(n), decoders=how))
