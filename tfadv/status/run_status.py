"""Where one run stands, by what lies in its folder."""

import dataclasses
import datetime
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from tfadv.errors import UserError
from tfadv.files import read_json_lines, read_record
from tfadv.runs import lock_file
from tfadv.runs.run_files import (
    CHECKPOINTS,
    CONFIG,
    LOCK,
    METRICS,
    NON_FINITE,
    NOTES,
    RESULTS,
    VALIDATION,
)

RUNNING, SILENT, FINISHED, STOPPED = "running", "silent", "finished", "stopped"
NOT_FINITE, NOT_BEGUN, DAMAGED = "not finite", "not begun", "damaged"
_RECENT = 20  # lines of metrics whose speeds count
_FOUND = ("epoch", "value", "criterion")  # of a validation
_STEP = re.compile(r"step-(\d+)")
_UNFINISHED = re.compile(r"\.(partial|removed)|_temp|\.tempstate")


@dataclasses.dataclass(frozen=True)
class RunStatus:
    """Where a run stands; None for what its files don't tell.

    Attributes:
        path: its folder.
        state: ``running``; ``silent``: its process is there and gives no sign of life;
            ``finished``; ``stopped``: it resumes; ``not finite``: stopped for that; ``not begun``;
            ``damaged``: a record that it needs is.
        writer: the process that writes it: ``process``, ``host``, ``since``.
        step: the last one that was noted.
        steps: of the whole run.
        epoch: of that step, counted from 0.
        epochs: of the whole run.
        saved_step: of the newest checkpoint, whole or not.
        loss: the last mean that was noted.
        images_per_second: the median over the last lines of the metrics.
        seconds_left: for training alone, of one that runs.
        changed: when the run last wrote metrics or results, as ISO 8601.
        validation: the last one: ``epoch``, ``value`` of the ``criterion``, and by branch the
            ``clean`` and the ``robust`` accuracy, the lowest under attack.
        best: that by which the best checkpoint is chosen: ``epoch`` and ``value``.
        stopped_early: why the run ended before its last epoch.
        alarms: of the last validation, a line each.
        problems: what can't be read, a line each.
    """

    path: str
    state: str
    writer: dict | None = None
    step: int | None = None
    steps: int | None = None
    epoch: float | None = None
    epochs: int | None = None
    saved_step: int | None = None
    loss: float | None = None
    images_per_second: float | None = None
    seconds_left: float | None = None
    changed: str | None = None
    validation: dict | None = None
    best: dict | None = None
    stopped_early: str | None = None
    alarms: Sequence[str] = ()
    problems: Sequence[str] = ()


def is_run(folder: Path) -> bool:
    """Returns whether a folder is a run's, and not a bundle's or a kept step's."""
    return any((folder / name).is_file() for name in (NOTES, METRICS)) or (
        (folder / CONFIG).is_file() and (folder / CHECKPOINTS).is_dir()
    )


def status_of(folder: Path) -> RunStatus:
    """Returns where a run stands; reads its files, writes nothing and raises nothing."""
    try:
        return _Run(folder).status()
    except OSError as error:
        problem = f"{Path(error.filename or folder).name}: {error.strerror}"
        return RunStatus(str(folder), DAMAGED, problems=[problem])


class _Run:
    """What the files of a run say.

    Args:
        folder: the run's.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.problems: list[str] = []
        self.notes, self.results = self._record(NOTES), self._record(RESULTS)
        lines = read_json_lines(folder / METRICS, "step")
        self.training = [line for line in lines if line.get("kind") != VALIDATION]
        self.last = self.training[-1] if self.training else {}
        self.validations = [line for line in lines if line.get("kind") == VALIDATION]
        self.sign, self.writer = lock_file.seen(folder / LOCK)
        self.saved, self.broken = (_newest(folder / name) for name in (CHECKPOINTS, NON_FINITE))
        self.bound = _text(folder / CONFIG)

    def status(self) -> RunStatus:
        """Returns where the run stands."""
        state, step, steps, speed = self._state(), self._step(), self._steps(), self._speed()
        left = None
        if state == RUNNING and None not in (step, steps, speed):
            left = (steps - step) * (self._bound("Training.batch_size") or 0) / speed
        writer = {key: self.writer.get(key) for key in ("process", "host", "since")}
        early = (self.results or {}).get("stopped_early")
        return RunStatus(
            str(self.folder),
            state,
            writer=writer if state in (RUNNING, SILENT) else None,
            step=step,
            steps=steps,
            epoch=self.last.get("epoch"),
            epochs=self._bound("Training.epochs"),
            saved_step=self.saved,
            loss=self.last.get("loss"),
            images_per_second=speed,
            seconds_left=left,
            changed=self._changed(),
            validation=self._validation(),
            best=self._best(),
            stopped_early=early and early.get("reason"),
            alarms=list(self._last_validation().get("alarms", {}).values()),
            problems=self.problems,
        )

    def _record(self, name: str) -> dict | None:
        path = self.folder / name
        try:
            return read_record(path, "see docs/training.md") if path.exists() else None
        except UserError as error:
            self.problems.append(error.message)
            return None

    def _state(self) -> str:
        if self.sign == lock_file.LIVES:
            return RUNNING
        if self.sign == lock_file.SILENT:
            return SILENT
        if self.problems:
            return DAMAGED
        if self.results is not None:
            return FINISHED
        step = self._step()
        if step is None and self.broken is None:
            return NOT_BEGUN
        return NOT_FINITE if (self.broken or 0) > (step or 0) else STOPPED

    def _step(self) -> int | None:
        measured = (self.results or {}).get("model", {}).get("step")
        return measured or self.last.get("step") or self.saved

    def _steps(self) -> int | None:
        """Returns the steps of the whole run, which the latest start has noted."""
        for start in reversed((self.notes or {}).get("starts", [])):
            if "steps" in start:
                return start["steps"]
        epochs = self._bound("Training.epochs")
        if self.last.get("epoch") and epochs is not None:  # a run of before
            return round(self.last["step"] / self.last["epoch"]) * epochs
        return None

    def _bound(self, parameter: str) -> int | None:
        found = re.search(rf"^{re.escape(parameter)} = (\d+)$", self.bound, re.MULTILINE)
        return found and int(found[1])

    def _speed(self) -> float | None:
        """Returns the median speed of late; the first line's includes tracing."""
        lines = self.training[1:][-_RECENT:] or self.training
        speeds = [line["images_per_second"] for line in lines if line.get("images_per_second")]
        return statistics.median(speeds) if speeds else None

    def _last_validation(self) -> dict:
        return self.validations[-1] if self.validations else {}

    def _best(self) -> dict | None:
        """Returns the best validation, the earliest of equals."""
        rows = [row for row in self.validations if row.get("value") is not None]
        return _named(max(rows, key=lambda row: row["value"], default=None), _FOUND)

    def _validation(self) -> dict | None:
        last = self._last_validation()
        if not last:
            return None
        branches = {
            branch: _named(seen, ("clean", "robust"))
            for branch, seen in last.get("branches", {}).items()
        }
        attacked = list(last.get("attacked", []))
        about = _named(last, _FOUND)
        return {**about, "branches": branches, "attacked": attacked}

    def _changed(self) -> str | None:
        paths = (self.folder / name for name in (METRICS, RESULTS, NOTES))
        times = [path.stat().st_mtime for path in paths if path.exists()]
        if not times:
            return None
        last = datetime.datetime.fromtimestamp(max(times), datetime.UTC)
        return last.isoformat(timespec="seconds")


def _named(values: Mapping | None, names: Sequence[str]) -> dict | None:
    return values and {name: values.get(name) for name in names}


def _newest(folder: Path) -> int | None:
    """Returns the greatest N of what is called ``step-N``, with or without an ending."""
    found = (_STEP.match(path.name) for path in folder.glob("step-*"))
    steps = [int(name[1]) for name in found if name and not _UNFINISHED.search(name.string)]
    return max(steps, default=None)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
