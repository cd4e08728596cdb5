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
        class_names_key: array of class names; where a file has none, the
            classes are numbered up to the largest training label.
    """
    arrays = {
        parameter: _read(path, f"npz.{parameter}", image_key, label_key, class_names_key)
        for parameter, path in (("train", train), ("test", test))
    }
    names = arrays["train"][2]
    if names is None:
        names = range(int(arrays["train"][1].max(initial=0)) + 1)
    sources = [
        ArraySource(f"npz.{parameter}", images, labels, names)
        for parameter, (images, labels, _) in arrays.items()
    ]
    return Splits(*sources)


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
    return arrays[image_key], arrays[label_key], arrays.get(class_names_key)
