"""What a Keras model takes for pixels: stated, or found where Keras tells it."""

import dataclasses
import sys
from collections.abc import Sequence
from typing import Self

import keras
import numpy as np
import tensorflow as tf

from tfadv.errors import check, check_choice
from tfadv.models.functional.graph import Graph

COLORS = ("RGB", "BGR")


@dataclasses.dataclass(frozen=True)
class Preparation:
    """The map from RGB pixels 0..255 to what a model's first layer takes.

    Attributes:
        mean: subtracted from each channel, in the model's order.
        std: divides each channel.
        color: the model's order of channels, ``RGB`` or ``BGR``.
    """

    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 1.0
    color: str = "RGB"

    @classmethod
    def of(
        cls,
        mean: float | Sequence[float] | None,
        std: float | Sequence[float] | None,
        color: str | None,
    ) -> Self | None:
        """Returns what gin states, or None where it states nothing.

        Raises:
            UserError: a deviation is not above 0, or there is no such order.
        """
        if mean is None and std is None and color is None:
            return None
        std = 1.0 if std is None else std
        check(bool(np.all(np.asarray(std) > 0)), "Keras.pixel_std", "be > 0", std)
        check_choice("Keras.color", color or "RGB", COLORS)
        mean, std = (tuple(v) if isinstance(v, Sequence) else v for v in (mean or 0.0, std))
        return cls(mean, std, color or "RGB")

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Prepares float32 images [N, H, W, C] in 0..255."""
        images = images if self.color == "RGB" else images[..., ::-1]
        return (images - self.mean) / self.std

    def undone(self, prepared: tf.Tensor) -> tf.Tensor:
        """Returns the images of which a call makes `prepared`."""
        images = prepared * self.std + self.mean
        return images if self.color == "RGB" else images[..., ::-1]


def found_in(graph: Graph) -> Preparation | None:
    """Returns that pixels are taken as they are, if the first layer rescales them."""
    layers = (keras.layers.Rescaling, keras.layers.Normalization)
    firsts = [call.operation for call in graph.calls if graph.images in call.inputs]
    return Preparation() if firsts and all(isinstance(f, layers) for f in firsts) else None


def found_of_module(build: str) -> Preparation | None:
    """Returns what ``preprocess_input`` of a keras.applications network does, if it is one.

    It is asked: black and white images tell mean and deviation of each channel, and one
    with three colours tells their order.
    """
    if not build.startswith("keras.applications."):
        return None
    function = getattr(keras.applications, build.rpartition(".")[2])
    prepare = getattr(sys.modules[function.__module__], "preprocess_input", None)
    if prepare is None:
        return None
    colors = np.float32([[0, 0, 0], [255, 255, 255], [255, 0, 0]])
    black, white, red = np.asarray(prepare(colors[:, None, None].copy()))[:, 0, 0]
    std = 255 / (white - black)
    color = "RGB" if np.isclose(red[0], white[0]) else "BGR"
    return Preparation(tuple(map(float, -black * std)), tuple(map(float, std)), color)
