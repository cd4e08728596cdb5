"""Arrays of images and labels: NumPy ``.npz`` files, or folders of ``.npy`` files."""

import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from tfadv.data import in_place
from tfadv.data.paths import AnyPath, existing_path, open_bytes
from tfadv.data.plausibility import check_channels
from tfadv.data.remote_path import RemotePath, os_errors
from tfadv.data.soft_labels import SoftlyLabelledImages, are_soft
from tfadv.data.source import ArraySource, Splits
from tfadv.errors import UserError, nearest
from tfadv.registry import DATASETS

_BLOCK = 2**20  # bytes
_DAMAGED = (zipfile.BadZipFile, AttributeError, EOFError, OSError, ValueError)


@DATASETS.register("npz")
def npz(
    train: str,
    test: str,
    image_key: str = "image",
    label_key: str = "label",
    class_names_key: str = "label_names",
    channels: int = 3,
) -> Splits:
    """Returns images in 0..255 and labels from two files, or two folders of ``.npy`` files.

    The arrays of a folder, ``image.npy`` and ``label.npy``, are those of an ``.npz`` file
    that was unzipped. Its images are mapped into memory, so they may be larger than it: the
    system keeps what fits. uint8 and float32 are used as they are, and there is one copy of
    them; other types become float32 in memory.

    Args:
        train: file or folder to train on, or a remote file, such as ``gs://bucket/a.npz``;
            ``~`` and ``$VARIABLES`` are expanded.
        test: file or folder to evaluate on; the same one is read once.
        image_key: array [N, H, W, C] in 0..255.
        label_key: integer array [N], or a real one [N, K] of the classes' shares, as a model's
            softmax gives them: the largest is the class that evaluation counts.
        class_names_key: array of class names, the same in both files; where one
            has none, it takes the other's. Where there are none, the classes are
            numbered up to the largest training label.
        channels: C, 1..4; where 3 are wanted, images of 1 are grey and become colour.
    """
    check_channels("npz.channels", channels)
    keys = image_key, label_key, class_names_key
    found = {"train": _read(train, "npz.train", *keys)}
    found["test"] = found["train"] if test == train else _read(test, "npz.test", *keys)
    known = [names for _, _, names in found.values() if names is not None]
    named = known[0] if known else _numbers("npz.train", found["train"][1])
    sources = []
    for parameter in ("train", "test"):
        images, labels, names = found.pop(parameter)
        names = named if names is None else names
        kind = SoftlyLabelledImages if are_soft(labels) else ArraySource
        sources.append(kind(f"npz.{parameter}", images, labels, names, channels))
    return Splits(*sources)


def _numbers(name: str, labels: np.ndarray) -> range:
    """Returns names for the classes of labels, which may be anything that a file holds."""
    if are_soft(labels):
        return range(labels.shape[1])
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
    wanted = (image_key, label_key, class_names_key)
    is_folder = file.is_dir()
    if is_folder and isinstance(file, RemotePath):
        raise UserError(
            f"{parameter}: '{file}' is a remote folder, and .npy files are mapped from a disk: "
            "copy it to a local one, or name an .npz file",
            parameter,
        )
    if str(file).endswith(".npy") and not is_folder:
        raise UserError(
            f"{parameter}: '{file}' is one array: name an .npz file, which holds images and "
            f"labels, or the folder of '{image_key}.npy' and '{label_key}.npy'",
            parameter,
        )
    try:
        known, found = _of_folder(file, wanted) if is_folder else _of_file(file, wanted)
    except _DAMAGED as error:
        kind = "folder of .npy files" if is_folder else ".npz file"
        raise UserError(f"{parameter}: '{file}' is not a readable {kind}: {error}") from error
    for key in (image_key, label_key):
        if key not in found:
            raise UserError(
                f"{parameter}: '{file}' has no array '{key}', but {', '.join(known)}."
                + nearest(key, known),
                parameter,
            )
    names = found.get(class_names_key)
    if names is not None and names.ndim != 1:
        raise UserError(
            f"{parameter}: '{class_names_key}' must have shape [K], but has {names.shape}"
        )
    return found[image_key], found[label_key], names


def _of_folder(folder: Path, wanted) -> tuple[list[str], dict[str, np.ndarray]]:
    known = sorted(path.stem for path in folder.glob("*.npy"))
    # Mapped as copies on writing, which nobody does: TensorFlow takes no read-only array.
    return known, {
        key: np.load(folder / f"{key}.npy", mmap_mode="c") for key in wanted if key in known
    }


def _of_file(file: AnyPath, wanted) -> tuple[list[str], dict[str, np.ndarray]]:
    with os_errors(), open_bytes(file) as content, zipfile.ZipFile(content) as opened:
        members = {name.removesuffix(".npy"): name for name in opened.namelist()}
        found = {}
        for key in wanted:
            if key in members:
                with opened.open(members[key]) as member:
                    found[key] = _array(member)
    return list(members), found


def _array(opened: BinaryIO) -> np.ndarray:
    """Reads an ``.npy`` file's array, in place where TensorFlow can read it too."""
    version = npy.read_magic(opened)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, is_fortran, dtype = read_header(opened)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, not numbers")
    found = in_place.empty(shape[::-1] if is_fortran else shape, dtype)
    content, place = memoryview(found.reshape(-1).view(np.uint8)), 0
    while block := opened.read(min(_BLOCK, len(content) - place)):
        content[place : place + len(block)] = block
        place += len(block)
    if place < len(content):
        raise ValueError("an array was cut short")
    return found.T if is_fortran else found
