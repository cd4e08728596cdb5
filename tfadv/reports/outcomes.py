"""What attacks made of single images."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfadv.plots.names import branch_name

CLEAN = "clean"


class Judged(NamedTuple):
    """What one attack, or none, made of the images of one branch.

    Attributes:
        branch: the norm branch.
        name: 'clean' or the attack's title, such as 'PGD-100'.
        labels: int [N].
        predictions: int [N].
    """

    branch: str
    name: str
    labels: np.ndarray
    predictions: np.ndarray

    @property
    def title(self) -> str:
        """The branch, and what its images went through."""
        images = "clean images" if self.name == CLEAN else self.name
        return f"{branch_name(self.branch)}, {images}"

    @property
    def accuracy(self) -> float:
        """The share of images that are predicted right."""
        return float(np.mean(np.asarray(self.labels) == np.asarray(self.predictions)))


class Shown(NamedTuple):
    """One image that an attack fooled.

    Attributes:
        branch: the norm branch.
        name: the attack's title.
        image: float32 [H, W, C] in 0..255, C = 1 or 3.
        adversarial: the same, attacked.
        label: the true class.
        prediction: the wrong class.
        confidence: of the wrong class, 0..1.
        index: of the image within its source.
    """

    branch: str
    name: str
    image: np.ndarray
    adversarial: np.ndarray
    label: int
    prediction: int
    confidence: float
    index: int


def strongest(judged: Sequence[Judged], branch: str) -> Judged | None:
    """Returns the attack that leaves the least accuracy, or None where there is none."""
    attacked = [one for one in judged if one.branch == branch and one.name != CLEAN]
    return min(attacked, key=lambda one: one.accuracy, default=None)
