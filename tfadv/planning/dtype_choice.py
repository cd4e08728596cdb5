"""What a parameter's 'auto' came to: the dtype, why, and the times that it was chosen by."""

import dataclasses
import math
from collections.abc import Mapping

from tfadv.config.training_settings import DTYPES
from tfadv.devices.local import computing_device

TRAINING, ATTACK, EVALUATION = "Training.dtype", "Training.attack_dtype", "Evaluation.dtype"
EXACT, FAST = DTYPES
# How many times as fast bfloat16 has to be: less would not pay for its 8 bits.
MARGIN = 1.05


def faster(seconds: Mapping[str, float]) -> str:
    """Returns 'bfloat16' where it is faster than 'float32' by `MARGIN`, else 'float32'."""
    return FAST if seconds[FAST] * MARGIN <= seconds[EXACT] else EXACT


@dataclasses.dataclass(frozen=True)
class Measured:
    """The time of one call of a network in each dtype.

    Attributes:
        what: was called, for people.
        images: in the call.
        seconds: medians by dtype.
        clock: of what, ``CPU time`` or ``time``.
        device: that computed it, by name.
        date: of the measurement in UTC, as ``2026-11-29``.
    """

    what: str
    images: int
    seconds: dict[str, float]
    clock: str
    device: str
    date: str

    @classmethod
    def of(cls, record: Mapping | None) -> "Measured | None":
        """Returns what `dataclasses.asdict` wrote; None where it is nothing of that kind."""
        names = {field.name for field in dataclasses.fields(cls)}
        if record is None or record.keys() != names:
            return None
        seconds = record["seconds"]
        timed = isinstance(seconds, dict) and seconds.keys() == set(DTYPES)
        if timed and all(isinstance(s, float) and 0 < s < math.inf for s in seconds.values()):
            return cls(**record)
        return None

    def __str__(self) -> str:
        taken = faster(self.seconds)
        (other,) = self.seconds.keys() - {taken}
        first, second = (f"{1e3 * self.seconds[dtype]:.3g}" for dtype in (taken, other))
        return (
            f"{self.what} of {self.images} image(s) takes {first} ms of {self.clock}, {second} in "
            f"{other} ({self.device}, {self.date})"
        )


@dataclasses.dataclass(frozen=True)
class Choice:
    """What was taken for 'auto'.

    Attributes:
        dtype: a name of `DTYPES`.
        why: in words.
        measured: what it follows from, where it was measured.
    """

    dtype: str
    why: str
    measured: Measured | None = None

    @classmethod
    def by(cls, measured: Measured) -> "Choice":
        """Returns the choice that a measurement makes."""
        return cls(faster(measured.seconds), str(measured), measured)

    @classmethod
    def of(cls, record: Mapping) -> "Choice":
        """Returns what `record` wrote."""
        return cls(record["dtype"], record["why"], Measured.of(record.get("measured")))

    def record(self) -> dict[str, object]:
        """Returns JSON values."""
        found = {"dtype": self.dtype, "why": self.why}
        return found | ({"measured": dataclasses.asdict(self.measured)} if self.measured else {})

    def line(self, parameter: str) -> str:
        """Returns a line about a parameter's 'auto', and whether another machine chose it."""
        here, elsewhere = computing_device(), ""
        if self.measured and self.measured.device != here:
            elsewhere = f"; kept, though this is {here}"
        return f"{parameter} = 'auto' is {self.dtype}: {self.why}{elsewhere}"
