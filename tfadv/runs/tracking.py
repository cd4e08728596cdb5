"""The trackers of one run: begun, gone on with, told of each step once, and never in its way."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import tensorflow as tf

from tfadv.errors import UserError
from tfadv.plots import adversarial_strip
from tfadv.plots.style import pixels
from tfadv.runs.curves import tested, training_curves, validation_curves
from tfadv.runs.run_directory import RunDirectory, bindings
from tfadv.runs.run_files import CONFIG, VALIDATION
from tfadv.strategies import Strategy
from tfadv.trackers import TrackedRun, Tracker

_METRICS, _PICTURES = "metrics", "pictures"
_KINDS = (_METRICS, VALIDATION, _PICTURES)
_STRIP = "clean, adversarial, difference"
# Runs of before there were trackers had TensorBoard, and noted nothing of it.
_OF_BEFORE = {"tensorboard": {"id": None, "open": True, **dict.fromkeys(_KINDS, 0)}}


class Tracking:
    """Hands what a run notes on to its trackers.

    ``run.json`` holds, for each, what finds its run again and up to which step it was told. A
    resumed run goes on from there, and one that comes later, or had failed, is told what it
    missed. A tracker that fails is left alone, in a line at once and in another at the end.

    Args:
        trackers: by their specs.
        directory: the run's, claimed.
        strategy: whose kinds of images name validation's curves as training's.
    """

    def __init__(
        self, trackers: Mapping[str, Tracker], directory: RunDirectory, strategy: Strategy
    ):
        self._trackers = dict(trackers)
        self._directory = directory
        self._strategy = strategy
        self._noted: dict[str, dict] = {}
        self._failures: list[str] = []
        self._traces = True

    def begin(self, step: int) -> None:
        """Begins, or goes on; before the metrics of steps to be done again are forgotten.

        Args:
            step: that the run goes on from.

        Raises:
            UserError: a tracker can't begin; one that has begun before is left alone.
        """
        records = self._directory.metrics()
        self._noted = _settled(self._directory.tracked(), records)
        for spec in list(self._trackers):
            self._begin(spec)
            for record in records:
                if record["step"] <= step:
                    self._replay(spec, record)
        self._note()

    def metrics(self, record: Mapping) -> None:
        """Hands on a line of training's metrics."""
        step, curves = record["step"], training_curves(record, self._traces)
        self._traces = False
        self._tell_all(_METRICS, step, lambda tracker: tracker.metrics(step, curves))

    def validation(self, record: Mapping, news: Sequence[str]) -> None:
        """Hands on a validation, and the alarms that are new."""
        step, curves = record["step"], validation_curves(record, self._strategy)

        def tell(tracker: Tracker) -> None:
            tracker.validation(step, curves)
            for line in news:
                tracker.alarm(step, line)

        self._tell_all(VALIDATION, step, tell)

    def strip(self, step: int, clean: tf.Tensor, adversarial: tf.Tensor, epsilon: float) -> None:
        """Hands on a picture of images [N, H, W, C], clean, attacked, and their differences."""
        picture = pixels(adversarial_strip(clean.numpy(), adversarial.numpy(), epsilon or None))
        self._tell_all(_PICTURES, step, lambda tracker: tracker.image(step, _STRIP, picture))

    def results(self, record: Mapping, files: Sequence[Path]) -> None:
        """Hands on the results, and files of the run."""
        accuracies = tested(record)
        for spec in list(self._trackers):
            self._try(spec, lambda tracker: tracker.results(accuracies, files))

    def end(self, status: str) -> None:
        """Ends all trackers; see `Tracker.end`."""
        for spec in list(self._trackers):
            self._try(spec, lambda tracker: tracker.end(status))
        for line in self._failures:
            _warn(line)
        self._trackers.clear()

    def _begin(self, spec: str) -> None:
        state, path = self._noted.get(spec), self._directory.path
        bound = bindings((path / CONFIG).read_text(encoding="utf-8"))
        configuration = {k: v for k, v in bound.items() if not k.startswith("import ")}
        run = TrackedRun(_name(path), path, configuration, state and state["id"])
        try:
            found = self._trackers[spec].begin(run)
        except Exception as error:  # whatever a service or a plugin raises
            if state is None:
                raise UserError(
                    f"Experiment.trackers: '{spec}' can't begin: {_said(error)}",
                    "Experiment.trackers",
                ) from None
            self._leave(spec, error)
        else:
            nothing = dict.fromkeys(_KINDS, 0)
            self._noted[spec] = nothing | (state or {}) | {"id": found, "open": True}

    def _replay(self, spec: str, record: Mapping) -> None:
        step = record["step"]
        if record.get("kind") == VALIDATION:
            curves = validation_curves(record, self._strategy)
            self._tell(spec, VALIDATION, step, lambda tracker: tracker.validation(step, curves))
        else:
            curves = training_curves(record)
            self._tell(spec, _METRICS, step, lambda tracker: tracker.metrics(step, curves))

    def _tell_all(self, kind: str, step: int, tell: Callable[[Tracker], None]) -> None:
        for spec in list(self._trackers):
            self._tell(spec, kind, step, tell)

    def _tell(self, spec: str, kind: str, step: int, tell: Callable[[Tracker], None]) -> None:
        """Tells a tracker what it was not told before."""
        if spec in self._trackers and step > self._noted[spec][kind]:
            self._try(spec, tell, f" at step {step:,}")
            if spec in self._trackers:
                self._noted[spec][kind] = step

    def _try(self, spec: str, tell: Callable[[Tracker], None], when: str = "") -> None:
        try:
            tell(self._trackers[spec])
        except Exception as error:  # whatever a service or a plugin raises
            self._leave(spec, error, when)

    def _leave(self, spec: str, error: Exception, when: str = "") -> None:
        """Goes on without a tracker that has failed."""
        del self._trackers[spec]
        self._noted[spec]["open"] = False
        line = f"the tracker '{spec}' failed{when} ({_said(error)})"
        _warn(f"{line}: the run goes on without it; metrics.jsonl has everything")
        self._failures.append(f"{line}, and knows nothing of the run since")
        self._note()

    def _note(self) -> None:
        self._directory.note(trackers=self._noted)


def _settled(noted: Mapping[str, dict] | None, records: Sequence[Mapping]) -> dict[str, dict]:
    """Returns what each tracker was told by the processes of before, none of which goes on.

    Args:
        noted: as ``run.json`` has it; None where it has nothing of trackers.
        records: the metrics that these processes wrote, and told those that were open.
    """
    if noted is None:
        noted = _OF_BEFORE if records else {}
    steps = {kind: [0] for kind in _KINDS}
    for record in records:
        steps[VALIDATION if record.get("kind") == VALIDATION else _METRICS].append(record["step"])
    steps[_PICTURES] = steps[_METRICS]
    return {
        spec: {
            "id": state["id"],
            "open": False,
            **{k: max([state[k], *(steps[k] if state["open"] else [])]) for k in _KINDS},
        }
        for spec, state in noted.items()
    }


def _name(folder: Path) -> str:
    """Returns ``mbn-digits`` for runs/mbn-digits, ``mbn/seed0`` for one of a comparison."""
    parent, name = folder.resolve().parts[-2:]
    return f"{parent}/{name}" if name.startswith("seed") else name


def _said(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


def _warn(line: str) -> None:
    print(f"warning: {line}", file=sys.stderr, flush=True)
