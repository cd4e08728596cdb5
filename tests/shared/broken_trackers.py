"""Trackers that each break one rule; the conformance kit must name the fault."""

import uuid

from tfadv.registry import TRACKERS
from tfadv.trackers import Tracker


class Silent(Tracker):
    """Begins, and does nothing with what it is told."""

    def begin(self, run):
        return None

    def metrics(self, step, values):
        pass


@TRACKERS.register("is_none")
class IsNone:
    """Has the methods of one."""

    def begin(self, run):
        return None


@TRACKERS.register("returns_a_number")
class ReturnsANumber(Silent):
    """What JSON keeps as another type."""

    def begin(self, run):
        return 7


@TRACKERS.register("begins_another_run")
class BeginsAnotherRun(Silent):
    """Forgets which run it was."""

    def begin(self, run):
        return uuid.uuid4().hex


@TRACKERS.register("takes_the_metrics_file")
class TakesTheMetricsFile(Silent):
    """Writes where the run does."""

    def begin(self, run):
        self._file = run.folder / "metrics.jsonl"

    def metrics(self, step, values):
        with open(self._file, "a", encoding="utf-8") as file:
            file.write(f"{step}\n")


FAULTS = {
    "tracker is_none": ("is a tracker", "no subclass of tfadv.trackers.Tracker"),
    "tracker returns_a_number": ("goes on with a run", "begin returns 7, no text or None"),
    "tracker begins_another_run": ("goes on with a run", "a resumed run is found by"),
    "tracker takes_the_metrics_file": (
        "leaves the runs files alone",
        "it changes metrics.jsonl, which is the run's",
    ),
}
