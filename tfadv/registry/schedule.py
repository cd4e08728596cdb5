"""Numbers that change with the epoch: an attack's radius, a loss's weight, an image's size."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from tfadv.errors import check, check_choice

if TYPE_CHECKING:  # a command reads its gin files before it imports TensorFlow
    import tensorflow as tf

INTERPOLATIONS = ("linear", "step")

Number = TypeVar("Number")


class Clock(Protocol):
    """What knows the epoch, such as a step."""

    @property
    def epoch(self) -> "tf.Tensor":
        """Epochs done so far, with their fraction, a float32 scalar."""


class Schedule:
    """A number as a function of the epoch, through given points.

    ``v(e) = vᵢ + (vᵢ₊₁ - vᵢ)·(e - eᵢ)/(eᵢ₊₁ - eᵢ)`` between two points, or vᵢ, and constant
    before the first point and after the last. Epochs count from 0; e has the fraction that a
    step is at.

    A constructor can check and scale it as it does a number: ``0 <= schedule <= 1`` says
    whether all of its values are so, and ``2 * schedule`` is the schedule of doubled ones.

    Args:
        points: pairs (epoch, value), whose epochs rise.
        interpolation: ``linear``, or ``step``: a point's value holds until the next.

    Attributes:
        points: as given.
        interpolation: as given.
        is_whole: whether its values are rounded down to whole numbers.

    Raises:
        UserError: there is no point, or these are no such pairs of finite numbers.
    """

    is_whole = False

    def __init__(self, points: Sequence[tuple[float, float]] = (), interpolation: str = "linear"):
        name = "Schedule.points"
        pairs = isinstance(points, Sequence) and len(points) > 0 and all(map(_is_pair, points))
        check(pairs, name, "be pairs (epoch, value), such as ((0, 0.0), (5, 8.0))", points)
        epochs = [epoch for epoch, _ in points]
        rising = epochs == sorted(set(epochs)) and epochs[0] >= 0
        check(rising, name, "have epochs >= 0 that rise", points)
        check_choice("Schedule.interpolation", interpolation, INTERPOLATIONS)
        self.points = tuple((epoch, value) for epoch, value in points)
        self.interpolation = interpolation

    def at(self, epoch: "tf.Tensor") -> "tf.Tensor":
        """Returns the value at an epoch, a scalar of any float dtype: float32, int32 if whole."""
        import tensorflow as tf

        epochs, values = (tf.constant(part, tf.float64) for part in zip(*self.points, strict=True))
        now = tf.clip_by_value(tf.cast(epoch, tf.float64), epochs[0], epochs[-1])
        # A boundary such as 0.1 is met where float32, the epoch's, rounds to it.
        passed = tf.cast(epochs, tf.float32) <= tf.cast(now, tf.float32)
        before = tf.maximum(tf.reduce_sum(tf.cast(passed, tf.int32)) - 1, 0)
        value = values[before]
        if self.interpolation == "linear":
            after = tf.minimum(before + 1, len(self.points) - 1)
            rise = (values[after] - value) * (now - epochs[before])
            value += tf.math.divide_no_nan(rise, epochs[after] - epochs[before])
        return tf.cast(tf.floor(value), tf.int32) if self.is_whole else tf.cast(value, tf.float32)

    def value(self, epoch: float) -> float | int:
        """Returns the value at an epoch as a number."""
        import tensorflow as tf

        return self.at(tf.constant(epoch, tf.float64)).numpy().item()

    @property
    def end(self) -> float | int:
        """The value after the last point."""
        return self.values[-1]

    @property
    def values(self) -> tuple[float | int, ...]:
        """Those of the points: all others are between two of them."""
        return tuple(math.floor(v) if self.is_whole else v for _, v in self.points)

    def whole(self) -> "Schedule":
        """Returns the schedule whose values are rounded down to whole numbers."""
        found = Schedule(self.points, self.interpolation)
        found.is_whole = True
        return found

    def __repr__(self) -> str:
        points = ", ".join(f"({epoch:g}, {value:g})" for epoch, value in self.points)
        comma = "," if len(self.points) == 1 else ""
        return f"Schedule(({points}{comma}), {self.interpolation!r})"

    def __str__(self) -> str:
        """Says it in a line: the value at the start, at each point and at the end."""
        (first, start), *_ = self.points
        shown = [] if first == 0 else [f"{self.values[0]:g} at first"]
        shown += [
            f"{v:g} at epoch {e:g}" for (e, _), v in zip(self.points, self.values, strict=True)
        ]
        ways = {"linear": "linear between", "step": "each until the next"}
        return f"{', '.join(shown)}, {self.end:g} to the end ({ways[self.interpolation]})"

    def __mul__(self, factor: float) -> "Schedule":
        return Schedule([(e, factor * v) for e, v in self.points], self.interpolation)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> "Schedule":
        return Schedule([(e, v / divisor) for e, v in self.points], self.interpolation)

    def __lt__(self, other: float) -> bool:
        return all(value < other for value in self.values)

    def __le__(self, other: float) -> bool:
        return all(value <= other for value in self.values)

    def __gt__(self, other: float) -> bool:
        return all(value > other for value in self.values)

    def __ge__(self, other: float) -> bool:
        return all(value >= other for value in self.values)


def end_of(value: Number | Schedule) -> Number:
    """Returns a number as it is at the end of a run: a schedule's last, another one itself."""
    return value.end if isinstance(value, Schedule) else value


def _is_pair(point: object) -> bool:
    if not isinstance(point, Sequence) or isinstance(point, str) or len(point) != 2:
        return False
    numbers = all(isinstance(n, int | float) and not isinstance(n, bool) for n in point)
    return numbers and all(abs(n) < 2.0**31 for n in point)  # NaN is not
