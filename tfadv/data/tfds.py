"""Image classification sets of TensorFlow Datasets, held in memory."""

import contextlib
from collections.abc import Iterator

import numpy as np
import tensorflow_datasets

from tfadv.data.source import ArraySource, Splits
from tfadv.data.tfds_decoding import decoders
from tfadv.errors import UserError, nearest
from tfadv.registry import DATASETS


@DATASETS.register("tfds")
def tfds(
    name: str,
    train_split: str = "train",
    test_split: str = "test",
    data_dir: str | None = None,
) -> Splits:
    """Returns a set of images of one size, such as CIFAR-10, downloaded once.

    Args:
        name: of the set, such as ``cifar10``; its features must include
            ``image`` and ``label``.
        train_split: TFDS split to train on; slices such as ``train[:10000]``.
        test_split: TFDS split to evaluate on.
        data_dir: where TFDS keeps its files; None takes TFDS' own default.

    Raises:
        UserError: there is no such set or split, it can't be downloaded or prepared, or it
            isn't one of images of one size and of classes.
    """
    with _mistakes("tfds.name", f"'{name}' can't be found"):
        try:
            builder = tensorflow_datasets.builder(name, data_dir=data_dir)
        except tensorflow_datasets.core.DatasetNotFoundError:
            known = tensorflow_datasets.list_builders(with_community_datasets=False)
            raise UserError(
                f"tfds.name: no set '{name}'.{nearest(name, known)}", "tfds.name"
            ) from None
    class_names = _class_names(name, builder.info.features)
    with _mistakes("tfds.name", f"'{name}' can't be prepared"):
        builder.download_and_prepare()
    splits = {"train_split": train_split, "test_split": test_split}
    return Splits(
        *(_source(builder, class_names, f"tfds.{key}", split) for key, split in splits.items())
    )


def _class_names(name: str, features) -> list[str]:
    """Returns the names of the classes of a set that holds images and their classes."""
    for wanted in ("image", "label"):
        if wanted not in features:
            raise UserError(
                f"tfds.name: '{name}' has no feature '{wanted}', but {', '.join(features)}",
                "tfds.name",
            )
    names = getattr(features["label"], "names", None)
    if not names:
        raise UserError(f"tfds.name: the labels of '{name}' are no classes", "tfds.name")
    return names


def _source(builder, class_names: list[str], parameter: str, split: str) -> ArraySource:
    name = f"{builder.name} {split}"
    images, labels = [], []
    with _mistakes(parameter, f"'{split}' of {builder.name} can't be read"):
        dataset = builder.as_dataset(split=split, decoders=decoders(builder.info.features))
        for example in tensorflow_datasets.as_numpy(dataset):
            images.append(example["image"])
            labels.append(example["label"])
            if images[-1].shape != images[0].shape:
                raise UserError(
                    f"{parameter}: the images of {name} are of several sizes, {images[0].shape} "
                    f"and {images[-1].shape}: Experiment.dataset = 'image_folder' takes such ones",
                    parameter,
                )
    return ArraySource(name, np.stack(images), np.array(labels), class_names)


@contextlib.contextmanager
def _mistakes(parameter: str, what: str) -> Iterator[None]:
    """Reports in one line what TFDS met: the network, the disk or the set's own code."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{parameter}: {what}: {_cause(error)}", parameter) from error


def _cause(error: BaseException) -> str:
    """Returns an exception's first line, and that of what it is due to, if it doesn't say so."""
    root = error
    while root.__cause__ or root.__context__:
        root = root.__cause__ or root.__context__
    message, reason = (_first_line(each) for each in (error, root))
    return message if reason in message else f"{message} ({reason})"


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
