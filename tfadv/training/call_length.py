"""How many steps a traced call may take, which no signal ends."""

import math
import sys

from tfadv.devices.workers import Workers

# A call is to be over in this share of the grace: saving takes of it, too.
_SHARE = 0.25


class CallLength:
    """Cuts the traced calls of a training so that a signal is answered within its grace.

    Args:
        grace: seconds from a signal to the end.
        workers: all of them take calls of one length.

    Attributes:
        most: steps that the next call may take; one before a step's time is known.
    """

    def __init__(self, grace: float, workers: Workers):
        self._grace = grace
        self._workers = workers
        self._calls = 0
        self._has_warned = False
        self.most = 1

    def note(self, steps: int, seconds: float) -> None:
        """Takes in how long the last call took, on the slowest worker."""
        milliseconds = max(1, self._workers.greatest(math.ceil(1000 * seconds / steps)))
        self.most = max(1, int(1000 * self._grace * _SHARE / milliseconds))
        self._calls += 1
        # The first one may have been compiled in its time.
        if milliseconds > 1000 * self._grace and self._calls > 1 and not self._has_warned:
            self._has_warned = True
            if self._workers.is_chief:
                print(
                    f"warning: a step takes {milliseconds / 1000:.3g} s: a signal that asks to "
                    f"stop ends the run unsaved after {self._grace:g} s, unless "
                    "Training.grace_seconds is longer than a step and a save",
                    file=sys.stderr,
                    flush=True,
                )
