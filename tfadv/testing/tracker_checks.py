"""What a tracker must keep to: a run is begun, told, stopped, resumed and finished."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tfadv.testing.faults import require
from tfadv.trackers import TrackedRun, Tracker
from tfadv.trackers.base import FAILED, FINISHED, STOPPED

MakeTracker = Callable[..., Tracker]
_CONFIGURATION = {
    "Experiment.norm": "'batch_norm'",
    "scope/PGD.epsilon": "16.0",
    "Long.text": "x" * 9000,
}
_CURVES = {"loss": 1.5, "clean_accuracy": 0.5, "schedule/PGD.epsilon": 4.0, "epoch": 0.5}


def _folders() -> Iterator[Path]:
    """Yields the folder of a run, which is gone afterwards."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        folder.mkdir()
        yield folder


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _told(tracker: Tracker, first: int) -> None:
    """Tells a tracker everything that it may be told, over three steps."""
    for step in range(first, first + 3):
        tracker.metrics(step, _CURVES)
    last = first + 2
    tracker.validation(last, {"clean_accuracy": 0.4, "trained/main/clean": 0.4})
    tracker.alarm(last, "robust accuracy is at chance: see ε")
    for channels in (1, 3):
        tracker.image(last, "clean, adversarial, difference", np.zeros((9, 12, channels), np.uint8))


def is_a_tracker(make: MakeTracker) -> None:
    """A class of `Tracker`, which is made without being told of a run."""
    require(isinstance(make(), Tracker), "it is no subclass of tfadv.trackers.Tracker")


def takes_a_whole_run(make: MakeTracker) -> None:
    """Begun, told of training, a validation, an alarm, pictures and results, and ended."""
    for folder in _folders():
        record = folder / "results.json"
        record.write_text("{}\n")
        tracker = make()
        tracker.begin(TrackedRun("run", folder, _CONFIGURATION))
        _told(tracker, 1)
        tracker.results({"test/main/clean": 0.5, "test/main/PGD-10 targeted ε=16": 0.25}, [record])
        tracker.end(FINISHED)


def goes_on_with_a_run(make: MakeTracker) -> None:
    """Another object goes on with a run that was stopped, by what `begin` returned."""
    for folder in _folders():
        first = make()
        found = first.begin(TrackedRun("run", folder, _CONFIGURATION))
        require(
            found is None or isinstance(found, str), f"begin returns {found!r}, no text or None"
        )
        _told(first, 1)
        first.end(STOPPED)
        again = make()
        same = again.begin(TrackedRun("run", folder, _CONFIGURATION, found))
        require(same == found, f"a resumed run is found by {same!r}, where it was {found!r}")
        _told(again, 4)
        again.end(FAILED)


def leaves_the_runs_files_alone(make: MakeTracker) -> None:
    """What it writes lies beside the run's own files."""
    for folder in _folders():
        for name in ("config.gin", "metrics.jsonl", "run.json", "results.json"):
            (folder / name).write_text("{}\n")
        before = _files(folder)
        tracker = make()
        tracker.begin(TrackedRun("run", folder, _CONFIGURATION))
        _told(tracker, 1)
        tracker.results({"test/main/clean": 0.5}, [folder / "results.json"])
        tracker.end(FINISHED)
        after = _files(folder)
        changed = [path.name for path, content in before.items() if after.get(path) != content]
        require(not changed, f"it changes {', '.join(changed)}, which is the run's")


CHECKS = (
    is_a_tracker,
    takes_a_whole_run,
    goes_on_with_a_run,
    leaves_the_runs_files_alone,
)
