"""The images of a run as Python code gives them."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from tfadv.api.parts import Part, chosen
from tfadv.data import Splits, arrays, dataset
from tfadv.data.absent import AS_IF, AbsentSource
from tfadv.data.given import NAME
from tfadv.errors import UserError
from tfadv.registry import DATASETS

_FORMS = (
    "give tfadv.data.arrays(x_train, y_train, x_test, y_test), what keras.datasets.….load_data() "
    "returns, a tf.data.Dataset, tfadv.data.files(frame, image_size=…), or the name of a data set "
    "with its parameters, such as tfadv.part('tfds', name='cifar10')"
)


def chosen_images(data: Any, to_train: bool = True) -> tuple[dict[str, Any], Splits | None]:
    """Returns what to bind for images, and those that are in memory, if they are.

    Args:
        data: `Splits`, as `tfadv.data.arrays`, `dataset` and `files` return them; arrays
            ((x_train, y_train), (x_test, y_test)) or (x, y); a `tf.data.Dataset`, or two; the
            name of a registered data set, or `part` with its parameters.
        to_train: whether some of one set of images are held out of training; else all of them
            are evaluated on.

    Raises:
        UserError: it is nothing of these, or no image that can be trained on.
    """
    if isinstance(data, str | Part):
        if isinstance(data, str) and data not in DATASETS.parts and Path(data).is_dir():
            raise UserError(
                f"data: '{data}' is a folder: give tfadv.part('image_folder', train='{data}/…', "
                f"test='{data}/…', image_size=64)"
            )
        spec, values = chosen(DATASETS, data, "data")
        return {"Experiment.dataset": spec, **values}, None
    return {"Experiment.dataset": NAME}, _in_memory(data, to_train)


def _in_memory(data: Any, to_train: bool) -> Splits:
    if isinstance(data, Splits):
        return data
    if isinstance(data, tf.data.Dataset):
        return dataset(data) if to_train else _alone(dataset(data, held_out=0))
    if isinstance(data, tuple | list) and len(data) == 2:
        first, second = data
        if isinstance(first, tf.data.Dataset):
            return dataset(first, second)
        nested = [isinstance(one, tuple | list) and len(one) == 2 for one in data]
        if all(nested):
            return arrays(*first, *second)
        if hasattr(first, "shape"):
            return arrays(first, second) if to_train else _alone(arrays(*data, held_out=0))
    raise UserError(f"data: a {type(data).__name__} is taken for no images: {_FORMS}")


def _alone(splits: Splits) -> Splits:
    """Returns images to evaluate on without any to train on."""
    test = splits.test
    reason = "data: these images are to evaluate on: there are none to train on"
    shape = test.class_names, test.image_shape
    train = AbsentSource("training images", AS_IF, *shape, reason, "data", is_counted=False)
    return Splits(train, test)
