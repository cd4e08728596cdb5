"""Arrays of images and labels as people have them, and what is most likely wrong with some."""

from collections.abc import Iterator, Sequence

import numpy as np

from tfadv.data import in_place
from tfadv.errors import UserError, check

# The largest pixel of a set that uses the range of 0..255 is greater.
DIM = 128
_PIXELS_AT_ONCE = 2**22


class UnfitError(UserError):
    """Images or labels that nobody can train on, whatever the parameters."""


def check_channels(parameter: str, channels: int) -> None:
    """Raises `UserError` unless images of so many channels are read."""
    check(channels in (1, 2, 3, 4), parameter, "be 1, 2, 3 or 4", channels)


def checked_names(name: str, class_names: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of classes as texts.

    Raises:
        UserError: two are the same.
    """
    names = tuple(n.decode() if isinstance(n, bytes) else str(n) for n in class_names)
    first = {}
    for number, class_name in enumerate(names):
        if first.setdefault(class_name, number) != number:
            raise UserError(
                f"{name}: classes {first[class_name]} and {number} are both called '{class_name}'"
            )
    return names


def checked_labels(name: str, labels: np.ndarray, classes: int) -> np.ndarray:
    """Returns the labels as int64 [N].

    Args:
        name: where they are from, for messages.
        labels: integers [N].
        classes: K; each label must be in 0..K-1.

    Raises:
        UnfitError: they have another shape or type, or one is out of range.
    """
    if labels.ndim != 1 or len(labels) == 0:
        remedy = ""
        if labels.ndim == 2:
            remedy = ": take labels[:, 0]" if labels.shape[1] == 1 else ": take labels.argmax(-1)"
        raise UnfitError(
            f"{name}: labels must have shape [N], N > 0, but have {labels.shape}{remedy}"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        number = np.issubdtype(labels.dtype, np.number) or labels.dtype == bool
        whole = number and bool(np.all(labels == np.floor(labels)))
        remedy = ": take labels.astype(int)" if whole else ""
        raise UnfitError(f"{name}: labels must be integers, but are {labels.dtype}{remedy}")
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        from_one = labels.min() == 1 and labels.max() == classes
        raise UnfitError(
            f"{name}: label {labels[wrong[0]]} of example {wrong[0]} is not in "
            f"0..{classes - 1} ({len(wrong)} such labels)"
            + (": they are counted from 1, so subtract 1" if from_one else "")
        )
    return labels.astype(np.int64)


def checked_images(name: str, images: np.ndarray, channels: int = 3) -> np.ndarray:
    """Returns the images as uint8 or float32 [N, H, W, C] that TensorFlow can read in place.

    Args:
        name: where they are from, for messages.
        images: [N, H, W, C], any real dtype, finite, in 0..255.
        channels: 1..4, which C must be; it may be 1 where 3 are wanted.

    Raises:
        UnfitError: they have another shape or type, or another range.
    """
    if images.ndim != 4 or images.shape[-1] not in ((1, 3) if channels == 3 else (channels,)):
        raise UnfitError(
            f"{name}: images must have shape [N, H, W, {channels}], but have {images.shape}"
            + _remedy_for_shape(images.shape)
        )
    if not np.issubdtype(images.dtype, np.number) or np.iscomplexobj(images):
        raise UnfitError(f"{name}: images must be numbers, but are {images.dtype}")
    dtype = np.uint8 if images.dtype == np.uint8 else np.float32
    images = in_place.readable_in_place(images, dtype)
    if dtype != np.uint8:
        _check_range(name, images)
    if images.size and 0 < images.max() <= 1:
        raise UnfitError(
            f"{name}: the largest pixel is {images.max()}, so these are no images in 0..255: "
            "from 0..1, multiply them by 255"
        )
    return images


def slices(images: np.ndarray) -> Iterator[np.ndarray]:
    """Returns the images some at a time, for what would make a copy of all."""
    count = max(_PIXELS_AT_ONCE // max(images[0].size, 1), 1)
    return (images[start : start + count] for start in range(0, len(images), count))


def _check_range(name: str, images: np.ndarray) -> None:
    wrong, first, pixel, done = 0, None, None, 0
    for some in slices(images):
        found = ~(np.isfinite(some) & (some >= 0) & (some <= 255))
        if first is None and found.any():
            first, pixel = done + np.argwhere(found)[0][0], some[found][0]
        wrong += int(found.sum())
        done += len(some)
    if wrong:
        signed = images.min() < 0 and images.min() >= -1 and images.max() <= 1
        raise UnfitError(
            f"{name}: pixel {pixel} of example {first} is not a finite number in 0..255 "
            f"({wrong} such pixels)" + (": from -1..1, take 127.5 * (images + 1)" if signed else "")
        )


def pixel_warnings(name: str, images: np.ndarray) -> tuple[str, ...]:
    """Returns what is odd about the pixels of images that `checked_images` returned."""
    of_image = images.max(axis=(1, 2, 3), initial=0)
    largest = of_image.max(initial=0)
    if largest == 0:
        return (f"{name}: every pixel is 0",)
    if largest < DIM:
        return (
            f"{name}: the largest pixel is {largest:g}, of 255: are these images in 0..255? If "
            f"that pixel is white, multiply them by {255 / largest:g}",
        )
    dark = np.flatnonzero(of_image <= 1)
    if len(dark):
        return (
            f"{name}: {len(dark)} of {len(images)} images have no pixel above 1, the first is "
            f"number {dark[0]}: are they black, or in 0..1?",
        )
    return ()


def _remedy_for_shape(shape: tuple[int, ...]) -> str:
    if len(shape) == 4 and shape[1] in (1, 3):
        return ": channels come last here, take images.transpose(0, 2, 3, 1)"
    if len(shape) == 4 and 1 <= shape[-1] <= 4:
        without = "without transparency, take images[..., :3]; " if shape[-1] == 4 else ""
        return f": {without}channels = {shape[-1]} takes them as they are"
    if len(shape) == 3:
        return ": grey images need an axis of 1 at the end, take images[..., None]"
    return ""
