"""A bundle as its users hold it, with the checks that come before any attack."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv.errors import UserError, nearest
from tfadv.interop import reference, saved_model
from tfadv.interop.bundle_format import REMEDY, check_files, read_metadata

# How closely a suite must see the original: logits by their size, gradients by their direction.
LOGITS_TOLERANCE = 1e-4
GRADIENT_COSINE = 0.9999
# Standard errors by which the accuracy on the given images may fall short of the record.
ACCURACY_ERRORS = 4.0


class LoadedBundle:
    """A bundle's branch with its metadata and reference.

    Args:
        folder: what ``python -m tfadv.export`` wrote.
        branch: which branch; None takes the default one.

    Raises:
        UserError: it is no bundle, has no such branch, or is not as it was written.
    """

    def __init__(self, folder: str | Path, branch: str | None = None):
        self.folder = Path(folder)
        self.metadata = read_metadata(self.folder)
        self.branch = branch or self.metadata["branch"]
        endpoints = self.metadata["endpoints"]
        if self.branch not in endpoints:
            raise UserError(
                f"'{folder}' has no branch '{self.branch}'; it has {', '.join(endpoints)}."
                + nearest(self.branch, endpoints)
            )
        check_files(self.folder, self.metadata)
        module = saved_model.load(self.folder, REMEDY)
        self._logits = saved_model.functions(module, endpoints, self.folder, REMEDY)[self.branch]
        found = reference.read(self.folder, self.metadata)
        self.reference_images = found["images"]
        self.reference_labels = found["labels"]
        self.reference_logits = found[f"logits_{self.branch}"]
        self.reference_gradient = found[f"gradient_{self.branch}"]

    def __call__(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns float32 logits [N, K] of float32 images [N, H, W, 3] in `bounds`."""
        return self._logits(tf.cast(images, tf.float32))

    @property
    def bounds(self) -> tuple[float, float]:
        """The range of the images."""
        return tuple(self.metadata["pixel_range"])

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.metadata["classes"]

    @property
    def epsilon(self) -> float:
        """The radius it was trained for, in the units of `bounds`.

        Raises:
            UserError: it was trained without an attack.
        """
        if self.metadata["epsilon"] is None:
            raise UserError(f"'{self.folder}' was trained without an attack: give epsilon")
        return self.metadata["epsilon"]

    @property
    def ball(self) -> str:
        """The ball it was trained for, ``linf`` or ``l2``; L∞ where nothing is said."""
        return self.metadata.get("ball") or "linf"

    @property
    def clean_accuracy(self) -> float | None:
        """The recorded clean accuracy of the branch, None for an unfinished run."""
        record = self.metadata["accuracy"]
        return record["clean"][self.branch]["accuracy"] if record else None

    def check_examples(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Raises `UserError` unless images and labels are what this branch takes.

        Args:
            images: float [N, H, W, 3] in `bounds`.
            labels: integers [N].
        """
        images, labels = np.asarray(images), np.asarray(labels)
        self._check_layout(images)
        self._check_range(images)
        self._check_labels(labels, len(images))
        if self.clean_accuracy is not None:
            self._check_accuracy(images, labels)

    def check_suite(self, suite: str, logits: np.ndarray, gradient: np.ndarray) -> None:
        """Raises `UserError` unless a suite sees the reference as the original model did.

        Args:
            suite: its name, for the message.
            logits: [n, K] that it got of the reference images.
            gradient: [n, H, W, C] of their labels' cross-entropies, at any scale.
        """
        scale = np.abs(self.reference_logits).max()
        distance = np.abs(np.asarray(logits) - self.reference_logits).max() / scale
        if not distance <= LOGITS_TOLERANCE:
            raise UserError(
                f"{suite} gets other logits than the original model: they differ by "
                f"{distance:.1e} of the largest (is there a preprocessing of its own?)"
            )
        cosine = _cosines(np.asarray(gradient), self.reference_gradient).min()
        if not cosine >= GRADIENT_COSINE:
            raise UserError(
                f"{suite} gets another input gradient than the original model: their cosine is "
                f"{cosine:.4f} on one reference image"
            )

    def _check_layout(self, images):
        expected = tuple(self.metadata["input_shape"])
        if images.ndim == 4 and images.shape[1:] == expected:
            return
        hint = ""
        if images.ndim == 4 and images.shape[1:] == (expected[2], *expected[:2]):
            hint = ": those are channels first; use np.transpose(images, (0, 2, 3, 1))"
        raise UserError(
            f"images are {list(images.shape)}, and the bundle takes [N, "
            f"{', '.join(map(str, expected))}]{hint}"
        )

    def _check_range(self, images):
        low, high = self.bounds
        least, most = float(images.min()), float(images.max())
        outside = least < low - 1e-4 * (high - low) or most > high + 1e-4 * (high - low)
        # Real images use most of their range; these were scaled once too often.
        if outside or most - least < 0.02 * (high - low):
            raise UserError(
                f"images are in {least:.4g}..{most:.4g}, and the bundle takes {low:g}..{high:g}: "
                "rescale them"
            )

    def _check_labels(self, labels, count):
        if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
            raise UserError(
                f"labels are {labels.dtype} {list(labels.shape)}, not integers [{count}]: one "
                "class number for each image"
            )
        if labels.min() < 0 or labels.max() >= self.classes:
            raise UserError(
                f"labels are in {labels.min()}..{labels.max()}, and the bundle has "
                f"{self.classes} classes, 0..{self.classes - 1}"
            )

    def _check_accuracy(self, images, labels):
        batches = np.array_split(np.arange(len(images)), -(-len(images) // 100))
        predicted = [np.argmax(self(images[batch]), 1) for batch in batches]
        accuracy, recorded = np.mean(np.concatenate(predicted) == labels), self.clean_accuracy
        # With one image more of each outcome, so that 0% and 100% have an error too.
        smoothed = (recorded * len(labels) + 1) / (len(labels) + 2)
        error = np.sqrt(smoothed * (1 - smoothed) / len(labels))
        if accuracy < recorded - ACCURACY_ERRORS * error:
            raise UserError(
                f"the branch '{self.branch}' classifies {accuracy:.1%} of the {len(labels)} images "
                f"rightly, and {recorded:.1%} of its own test images: check that the labels number "
                "the classes as class_names does, and the images' preprocessing"
            )


def _cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    one, other = (value.reshape(len(value), -1).astype(np.float64) for value in (one, other))
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    found = np.sum(one * other, axis=1) / np.maximum(lengths, np.finfo(np.float64).tiny)
    # Both vanish where a model is so sure that its probabilities are 0 and 1.
    return np.where(~one.any(1) & ~other.any(1), 1.0, found)
