"""Image classification sets of TensorFlow Datasets, held in memory."""

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
    """
    try:
        builder = tensorflow_datasets.builder(name, data_dir=data_dir)
    except tensorflow_datasets.core.DatasetNotFoundError:
        known = tensorflow_datasets.list_builders(with_community_datasets=False)
        raise UserError(f"tfds.name: no set '{name}'.{nearest(name, known)}", "tfds.name") from None
    try:
        builder.download_and_prepare()
    except Exception as error:  # the network, the disk or the set's own code
        cause = str(error).strip().splitlines()
        raise UserError(
            f"tfds.name: '{name}' can't be prepared: {cause[0] if cause else type(error).__name__}"
        ) from error
    class_names = builder.info.features["label"].names
    sources = []
    for split in (train_split, test_split):
        dataset = builder.as_dataset(split=split, decoders=decoders(builder.info.features))
        examples = list(tensorflow_datasets.as_numpy(dataset))
        images = np.stack([example["image"] for example in examples])
        labels = np.array([example["label"] for example in examples])
        sources.append(ArraySource(f"{name} {split}", images, labels, class_names))
    return Splits(*sources)
