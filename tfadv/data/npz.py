"""NumPy ``.npz`` files of images and labels."""

import zipfile

import numpy as np

from tfadv.data.paths import existing_path
from tfadv.data.source import ArraySource, Splits
from tfadv.errors import UserError, nearest
from tfadv.registry import DATASETS


@DATASETS.register("npz")
def npz(
    train: str,
    test: str,
    image_key: str = "image",
    label_key: str = "label",
    class_names_key: str = "label_names",
) -> Splits:
    """Returns images in 0..255 and labels from two files.

    Args:
        train: file to train on; ``~`` and ``$VARIABLES`` are expanded.
        test: file to evaluate on.
        image_key: array [N, H, W, 3] or [N, H, W, 1] in 0..255.
        label_key: integer array [N].
        class_names_key: array of class names, the same in both files; where one
            has none, it takes the other's. Where there are none, the classes are
            numbered up to the largest training label.
    """
    arrays = {
        parameter: _read(path, f"npz.{parameter}", image_key, label_key, class_names_key)
        for parameter, path in (("train", train), ("test", test))
    }
    known = [names for _, _, names in arrays.values() if names is not None]
    named = known[0] if known else _numbers("npz.train", arrays["train"][1])
    sources = [
        ArraySource(f"npz.{parameter}", images, labels, named if names is None else names)
        for parameter, (images, labels, names) in arrays.items()
    ]
    return Splits(*sources)


def _numbers(name: str, labels: np.ndarray) -> range:
    """Returns names for the classes of labels, which may be anything that a file holds."""
    if labels.ndim != 1 or not len(labels) or not np.issubdtype(labels.dtype, np.integer):
        return range(1)  # the source says what is wrong
    if labels.max() >= len(labels):
        raise UserError(
            f"{name}: labels go up to {labels.max()}, but there are {len(labels)} images and no "
            "class names: number the classes 0..K-1, as np.unique(labels, return_inverse=True) does"
        )
    return range(max(int(labels.max()) + 1, 1))


def _read(path, parameter, image_key, label_key, class_names_key):
    file = existing_path(path, parameter)
    try:
        with np.load(file) as opened:
            wanted = (image_key, label_key, class_names_key)
            known = list(opened)
            arrays = {key: opened[key] for key in wanted if key in known}
    except (zipfile.BadZipFile, AttributeError, EOFError, OSError, ValueError) as error:
        raise UserError(f"{parameter}: '{file}' is not a readable .npz file: {error}") from error
    for key in (image_key, label_key):
        if key not in arrays:
            raise UserError(
                f"{parameter}: '{file}' has no array '{key}', but {', '.join(known)}."
                + nearest(key, known),
                parameter,
            )
    names = arrays.get(class_names_key)
    if names is not None and names.ndim != 1:
        raise UserError(
            f"{parameter}: '{class_names_key}' must have shape [K], but has {names.shape}"
        )
    return arrays[image_key], arrays[label_key], names
