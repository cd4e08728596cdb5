"""Image classification sets of TensorFlow Datasets, in memory or read one by one."""

from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets

from tfadv.data import arrays
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
    memory as they are. All others, such as ImageNet, are read image by image from files of
    the format ``array_record``, in which they are prepared. When such a set is first used,
    every record is read once for its class and its size, which is then kept in small files.

    Args:
        name: of the set, such as ``cifar10``, ``imagenet2012`` or, with configuration and
            version, ``imagenet_v2/matched-frequency:3.0.0``; or the folder of a prepared one.
        train_split: TFDS split to train on; slices and unions such as ``train[:10%]+validation``.
        test_split: TFDS split to evaluate on.
        data_dir: where TFDS keeps its files; ``~`` and ``$VARIABLES`` are expanded. None
            takes TFDS' own default.
        image_key: the feature of the image.
        label_key: the feature of the class.
        image_size: height and width in pixels; None where images are of one size.
        shorter_side: in pixels before the crop; None takes `image_size`.
        antialias: whether to smooth an image that is made smaller; see `Bicubic`.
        cubic_a: a of the cubic kernel; see `Bicubic`.
        whole_pixels: whether resized pixels are rounded to whole numbers.
        exif_orientation: whether to turn images as their EXIF orientation says, which TFDS
            doesn't; those in memory lie as TFDS has them.
        channels: 1 grey, 2 grey and alpha, 3 colours, 4 colours and alpha; where 3 are
            wanted, grey images become colour.
        in_memory_gib: images of one size that take no more decoded, in GiB, are held in memory.
        index_dir: folder to keep what is known of images that are read one by one; None
            keeps it beside them.

    Raises:
        UserError: there is no such set, feature or split, or it can't be prepared, read or
            held in memory as asked for.
    """
    check_channels("tfds.channels", channels)
    check(in_memory_gib >= 0, "tfds.in_memory_gib", "be >= 0", in_memory_gib)
    found = TfdsSet.find(name, data_dir, image_key, label_key)
    limit = in_memory_gib * 2**30
    found.prepare(random_access=found.decoded_bytes(1) > limit)
    splits = {"tfds.train_split": train_split, "tfds.test_split": test_split}
    if found.decoded_bytes(sum(found.examples(*item) for item in splits.items())) <= limit:
        _check_size(found, image_size)
        return Splits(*(_held(found, *item, channels) for item in splits.items()))
    found = found.with_random_access()
    size = _size(found, image_size)
    view = CentreSquare.of("tfds", size, shorter_side, antialias, cubic_a, whole_pixels)
    kept = Path(expanded(index_dir, "tfds.index_dir")) if index_dir else None
    return Splits(
        *(
            TfdsSource(
                found,
                split,
                found.shards(parameter, split),
                view,
                exif_orientation,
                channels,
                kept,
            )
            for parameter, split in splits.items()
        )
    )


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
    images, labels = arrays.empty((count, *found.shape), found.dtype), np.empty(count, np.int64)
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
