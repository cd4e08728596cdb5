"""Images as Python code has them: arrays, a `tf.data.Dataset`, files that a table lists."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfadv.data.centre_square import CentreSquare
from tfadv.data.class_files import ClassFiles
from tfadv.data.folder_source import FileSource
from tfadv.data.held_out import stratified
from tfadv.data.plausibility import UnfitError
from tfadv.data.soft_labels import SoftlyLabelledImages, are_soft
from tfadv.data.source import ArraySource, Source, Splits
from tfadv.errors import UserError, check

# Of the training images, where there are no test images.
_HELD_OUT = 0.1
_PAIRS = (("image", "label"), ("x", "y"))


def arrays(
    x_train: Any,
    y_train: Any,
    x_test: Any = None,
    y_test: Any = None,
    class_names: Sequence[str] | None = None,
    held_out: float = _HELD_OUT,
) -> Splits:
    """Returns images and labels in memory: NumPy's arrays, or tensors of any library.

    Arrays of uint8 and float32 are used where they are, and must not be changed any more.

    Args:
        x_train: [N, H, W, C] or, grey, [N, H, W], numbers in 0..255.
        y_train: classes: whole numbers [N] or [N, 1], names [N], or shares [N, K], such as
            one-hot ones.
        x_test: images to evaluate on, alike; None holds some of the others out of training.
        y_test: their classes.
        class_names: K names; None takes those of `y_train`, or numbers.
        held_out: their share of the images then; 0 evaluates on those that are trained on.

    Raises:
        UserError: a shape, pixel or label is out of range, or pixels are not in 0..255.
    """
    if (x_test is None) != (y_test is None):
        raise UserError("x_test and y_test: give both, or neither")
    y_train, names = _classes("y_train", y_train, class_names)
    alone = x_test is None and not held_out
    train = _in_memory("images" if alone else "x_train", x_train, y_train, names)
    if x_test is None:
        return _held_out(train, held_out)
    known = names if class_names is None else class_names
    y_test, _ = _classes("y_test", y_test, known)
    return Splits(train, _in_memory("x_test", x_test, y_test, names))


def dataset(
    train: tf.data.Dataset,
    test: tf.data.Dataset | None = None,
    class_names: Sequence[str] | None = None,
    held_out: float = _HELD_OUT,
) -> Splits:
    """Returns the images of a `tf.data.Dataset`, read once into memory.

    Args:
        train: of pairs (image, label), or dictionaries with ``image`` and ``label``, batched or
            not; images [H, W, C] of one size in 0..255.
        test: images to evaluate on, alike; None holds some of the others out of training.
        class_names: K names; None takes the data set's `class_names`, if it has some.
        held_out: see `arrays`.

    Raises:
        UserError: it has no end, no such elements, or images of several sizes; see `arrays`.
    """
    if class_names is None:
        class_names = getattr(train, "class_names", None)
    read = [_read(name, one) for name, one in (("train", train), ("test", test)) if one is not None]
    parts = [part for pair in read for part in pair]
    return arrays(*parts, class_names=class_names, held_out=held_out)


def files(
    train: Any,
    test: Any = None,
    *,
    image_size: int,
    class_names: Sequence[str] | None = None,
    channels: int = 3,
    held_out: float = _HELD_OUT,
) -> Splits:
    """Returns image files that are listed, and read when they are needed.

    Each has its shorter side resized (bicubic) and its centre cropped to a square.

    Args:
        train: pairs (path, class), or a data frame whose columns `path` and `label` hold them;
            classes are names or numbers.
        test: files to evaluate on, alike; None holds some of the others out of training.
        image_size: height and width in pixels.
        class_names: K names, in their order; None sorts those that occur.
        channels: 1 grey, 2 grey and alpha, 3 colours, 4 colours and alpha.
        held_out: see `arrays`.

    Raises:
        UserError: there is no file, or a class that is not known.
    """
    view = CentreSquare.of("files", image_size, None, True, -0.5, True)
    paths, labels = _listed("train", train)
    labels, names = _classes("train", labels, class_names)
    found = _of_files("train", paths, labels, names, view, channels)
    if test is None:
        return _held_out(found, held_out)
    paths, labels = _listed("test", test)
    labels, _ = _classes("test", labels, names)
    return Splits(found, _of_files("test", paths, labels, names, view, channels))


def _held_out(train: Source, share: float) -> Splits:
    check(0 <= share < 1, "held_out", "be in 0..1", share)
    if not share:
        return Splits(train, train)
    if len(train) < 2:
        raise UserError(f"{train.name}: one image is too few to train on and to hold out")
    return Splits(*stratified(train, max(round(share * len(train)), 1), 0, "held_out"))


def _in_memory(name: str, images: Any, labels: np.ndarray, names: Sequence[str]) -> Source:
    images = _numpy(name, images)
    if images.ndim == 3:
        images = images[..., np.newaxis]
    channels = images.shape[-1] if images.ndim == 4 and images.shape[-1] in (1, 2, 3, 4) else 3
    kind = SoftlyLabelledImages if are_soft(labels) else ArraySource
    return kind(name, images, labels, names, channels)


def _numpy(name: str, value: Any) -> np.ndarray:
    if hasattr(value, "detach"):  # a tensor of PyTorch, which may be on a GPU
        value = value.detach().cpu()
    try:
        found = np.asarray(value)
    except ValueError as error:  # rows of several lengths
        raise UnfitError(f"{name}: it is no array of one shape: {error}") from None
    if found.dtype == object and found.ndim != 1:
        raise UnfitError(f"{name}: it is an array of {type(found.flat[0]).__name__}, not numbers")
    return found


def _classes(
    name: str, labels: Any, class_names: Sequence[str] | None
) -> tuple[np.ndarray, Sequence[str]]:
    """Returns classes as whole numbers [N] or shares float [N, K], and the classes' names."""
    found = _numpy(name, labels)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.dtype.kind in "OSU":
        return _named(name, found, class_names)
    if found.ndim == 2 and np.isin(found, (0, 1)).all() and (found.sum(-1) == 1).all():
        count, found = found.shape[1], found.argmax(-1)
    elif are_soft(found):
        count, found = found.shape[1], found.astype(np.float32)
    else:
        if found.dtype.kind == "f" and found.ndim == 1 and (found == np.floor(found)).all():
            found = found.astype(np.int64)
        whole = found.ndim == 1 and len(found) and found.dtype.kind in "iu"
        count = max(int(found.max()) + 1, 1) if whole else 1  # else the source says what is wrong
        if whole and class_names is None and count > len(found):
            raise UnfitError(
                f"{name}: labels go up to {found.max()}, but there are {len(found)} images and no "
                "class_names"
            )
    return found, tuple(map(str, range(count))) if class_names is None else tuple(class_names)


def _named(
    name: str, labels: np.ndarray, class_names: Sequence[str] | None
) -> tuple[np.ndarray, Sequence[str]]:
    texts = np.array([n.decode() if isinstance(n, bytes) else str(n) for n in labels])
    known = sorted(set(texts.tolist())) if class_names is None else list(class_names)
    unknown = sorted(set(texts.tolist()) - set(known))
    if unknown:
        raise UnfitError(
            f"{name}: '{unknown[0]}' is none of the {len(known)} classes {', '.join(known[:10])}"
        )
    number = {text: place for place, text in enumerate(known)}
    return np.array([number[text] for text in texts], np.int64), known


def _read(name: str, given: Any) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(given, tf.data.Dataset):
        raise UserError(f"{name}: it is a {type(given).__name__}, not a tf.data.Dataset")
    if given.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise UserError(f"{name}: the data set never ends: leave .repeat() out, epochs do that")
    spec = _pair(name, given.element_spec)[0]
    if not isinstance(spec, tf.TensorSpec) or spec.shape.rank not in (3, 4):
        raise UserError(f"{name}: elements must be (image [H, W, C], label), but are {spec}")
    elements = (given.unbatch() if spec.shape.rank == 4 else given).as_numpy_iterator()
    pairs = [_pair(name, element) for element in elements]
    if not pairs:
        raise UserError(f"{name}: the data set is empty")
    sizes = {image.shape for image, _ in pairs}
    if len(sizes) > 1:
        raise UserError(
            f"{name}: images of several sizes, such as {' and '.join(map(str, sorted(sizes)[:2]))}:"
            " resize them, or give files, which tfadv.data.files resizes"
        )
    images, labels = zip(*pairs, strict=True)
    return np.stack(images), np.stack(labels)


def _pair(name: str, element: Any) -> tuple[Any, Any]:
    if isinstance(element, dict):
        for pair in _PAIRS:
            if all(key in element for key in pair):
                return tuple(element[key] for key in pair)
    elif isinstance(element, tuple | list) and len(element) == 2:
        return tuple(element)
    raise UserError(
        f"{name}: elements must be pairs (image, label), or dictionaries with 'image' and 'label'"
    )


def _listed(name: str, table: Any) -> tuple[list[str], list]:
    if hasattr(table, "columns"):
        missing = [column for column in ("path", "label") if column not in table.columns]
        if missing:
            raise UserError(
                f"{name}: the data frame has no column '{missing[0]}', but "
                f"{', '.join(map(str, table.columns))}: rename one"
            )
        pairs: Iterable = zip(table["path"], table["label"], strict=True)
    else:
        pairs = table
    pairs = [tuple(pair) for pair in pairs]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise UserError(f"{name}: pairs (path, class) are needed, at least one")
    paths = [str(Path(path).expanduser().absolute()) for path, _ in pairs]
    missing = [path for path in paths if not Path(path).is_file()]
    if missing:
        raise UserError(f"{name}: there is no file '{missing[0]}' ({len(missing)} such files)")
    return paths, [label for _, label in pairs]


def _of_files(name, paths, labels, names, view, channels) -> Source:
    wrong = sorted({int(label) for label in labels} - set(range(len(names))))
    if wrong:
        raise UnfitError(f"{name}: class {wrong[0]} is not in 0..{len(names) - 1}")
    by_class: list[list[bytes]] = [[] for _ in names]
    for path, label in sorted(zip(paths, labels, strict=True)):
        by_class[label].append(os.fsencode(path.removeprefix("/")) + b"\0")
    return FileSource(
        name, ClassFiles([""] * len(names), list(map(b"".join, by_class))), names, view,
        channels=channels,
    )  # fmt: skip
