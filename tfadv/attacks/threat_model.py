"""The threat model: how far from an image an attacker may go."""

import dataclasses
import math
from collections.abc import Sequence

import tensorflow as tf

from tfadv.errors import check, check_choice
from tfadv.pixels import PIXEL_RANGE

# What people call the balls.
BALL_NAMES = {"linf": "L∞", "l2": "L2"}


@dataclasses.dataclass(frozen=True)
class ThreatModel:
    """A ball around each image, which travels as one value from gin to the bundle.

    Every attack has one; a model has that of the attack it was trained with, or none.

    Attributes:
        epsilon: the radius in pixels of 0..255 (paper, section 3: 16). Within a step of a run
            that has a schedule of it, a float32 scalar tensor; everywhere else a number.
        ball: ``linf``: no pixel moves further; ``l2``: the Euclidean distance.

    Raises:
        UserError: the radius is negative or not finite, or there is no such ball.
    """

    epsilon: float
    ball: str = "linf"

    def __post_init__(self):
        in_range = tf.is_tensor(self.epsilon) or 0 <= self.epsilon < math.inf
        check(in_range, "epsilon", "be finite and >= 0", self.epsilon)
        check_choice("ball", self.ball, BALL_NAMES)

    def __str__(self) -> str:
        return f"ε = {self.epsilon:g} of {PIXEL_RANGE[1]:g} ({BALL_NAMES[self.ball]})"

    def scaled(self, factor: float) -> "ThreatModel":
        """Returns the ball of another radius."""
        return dataclasses.replace(self, epsilon=factor * self.epsilon)

    def unbounded(self, image_shape: Sequence[int]) -> "ThreatModel":
        """Returns the ball that holds every image of a shape, whatever its centre."""
        side = PIXEL_RANGE[1] - PIXEL_RANGE[0]
        diagonal = side * math.sqrt(math.prod(image_shape))
        return dataclasses.replace(self, epsilon=side if self.ball == "linf" else diagonal)

    def record(self) -> dict[str, object]:
        """Returns what records and metadata say of it."""
        return dataclasses.asdict(self)


def record_of(threat_model: ThreatModel | None) -> dict[str, object]:
    """Returns a threat model's record; the same keys with None where there is none."""
    if threat_model is None:
        return {field.name: None for field in dataclasses.fields(ThreatModel)}
    return threat_model.record()
