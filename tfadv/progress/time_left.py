"""When work will be done, by how fast it went of late."""

import collections
import contextlib
import statistics
import time
from collections.abc import Callable, Iterator

_RECENT = 100  # updates that count
_UNUSUAL = 5.0  # times the median: a trace, or a machine that slept
_UNITS = ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


class TimeLeft:
    """Estimates the time that is left of some work.

    The first update is left out, which traces and compiles, and so is what took unusually long.
    Pauses, in which other work is done, are measured apart.

    Args:
        total: units of work in all.
        start: units already done.
        pauses: that are still to come.
        clock: tells the time, in seconds.
    """

    def __init__(
        self,
        total: float,
        start: float = 0,
        pauses: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._total, self._done, self._pauses, self._clock = total, start, pauses, clock
        self._last: float | None = None
        self._spans: collections.deque = collections.deque(maxlen=_RECENT)
        self._paused: list[float] = []

    def update(self, done: float) -> None:
        """Says that `done` units are complete."""
        now, units = self._clock(), done - self._done
        if self._last is not None and units > 0:
            self._spans.append(((now - self._last) / units, units))
        self._last, self._done = now, done

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Measures what is done meanwhile as a pause."""
        before = self._clock()
        yield
        took = self._clock() - before
        self._paused.append(took)
        self._pauses = max(self._pauses - 1, 0)
        if self._last is not None:
            self._last += took

    def seconds(self) -> float | None:
        """Returns the seconds left; None while nothing tells."""
        if not self._spans:
            return None
        usual = statistics.median(pace for pace, _ in self._spans)
        spans = [(pace, units) for pace, units in self._spans if pace <= _UNUSUAL * usual]
        pace = sum(pace * units for pace, units in spans) / sum(units for _, units in spans)
        pauses = self._pauses * statistics.median(self._paused) if self._paused else 0.0
        return max(self._total - self._done, 0) * pace + pauses


def duration(seconds: float) -> str:
    """Returns a time in its two largest units, such as ``2 h 10 min``."""
    whole = round(max(seconds, 0))
    for unit, name, part, of_part in _UNITS:
        if whole >= unit:
            return f"{whole // unit} {name} {whole % unit // part} {of_part}"
    return f"{whole} s"
