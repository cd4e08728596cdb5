"""A run's validations on its way: when, what was found, which step is the best, when to stop."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

from tfadv import interruption
from tfadv.devices.workers import Workers
from tfadv.progress import Progress
from tfadv.runs.run_writer import RunWriter
from tfadv.training.history import History
from tfadv.training.trainer import Trainer
from tfadv.training.validator import Validator


class Validations:
    """The validations of one run; there are none where its plan has none.

    Args:
        trainer: before its first step.
        listeners: are called with the record of each, once it is noted; one that returns True
            ends the run there.

    Attributes:
        history: what they have found so far.

    Raises:
        UserError: see `Validator`.
    """

    def __init__(self, trainer: Trainer, listeners: Sequence[Callable[[dict], object]] = ()):
        self.history = History()
        self._listeners = listeners
        self._asked_to_stop = False
        self._trainer = trainer
        self._validator = Validator(trainer) if trainer.plan.validation else None
        self._workers = Workers(trainer.distribution)

    def resume(self, records: Iterable[Mapping], step: int, began: int = 0) -> None:
        """Takes up what a run has found up to a step.

        Args:
            records: the lines of its ``metrics.jsonl``.
            step: of the checkpoint that the run resumes from.
            began: see `History`.

        Raises:
            UserError: the workers find different ones.
        """
        if self._validator is None:
            return
        self.history.began = began
        for record in records:
            if record["step"] <= step:
                self.history.add(record)
        found = [(row["step"], row["value"]) for row in self.history.rows]
        self._workers.agree("validations in metrics.jsonl", found)

    def is_due(self) -> bool:
        """Returns whether to validate now, which is done once at a step."""
        is_new = self._trainer.step != self.history.last_step
        return self._validator is not None and is_new and self._validator.is_due()

    def validate(self, writer: RunWriter, progress: Progress) -> None:
        """Validates at a step that is saved; says what was found, and which step is the best.

        Raises:
            Interrupted: a signal came; nothing has changed.
        """
        # Several workers stop between two calls alone, and together.
        alone = self._workers.count == 1
        with interruption.leaving("") if alone else contextlib.nullcontext(), progress.paused():
            record = self._validator(self.history)
        known = self.history.rows[-1]["alarms"] if self.history.rows else {}
        news = [line for name, line in record["alarms"].items() if name not in known]
        self.history.add(record)
        writer.validation(record, news, self._trainer.plan.strategy)
        self.note_best(writer)
        if self._workers.is_chief:
            progress.say(_found(record, self.history.best()))
            for line in news:
                print(f"alarm: epoch {record['epoch']:g}: {line}", file=sys.stderr, flush=True)
        answers = [listener(record) for listener in self._listeners]
        self._asked_to_stop = any(answers)

    def note_best(self, writer: RunWriter) -> None:
        """Says which of the run's checkpoints is the best."""
        if self._validator:
            writer.best(self._validator.criterion, self.history.best())

    def stopped_early(self) -> dict[str, dict]:
        """Returns why the run ends before its last epoch, for records; nothing if it doesn't."""
        plan = self._trainer.plan
        patience = plan.validation.settings.patience if plan.validation else 0
        waits = self.history.stops(patience)
        if self._trainer.step >= plan.steps or not (waits or self._asked_to_stop):
            return {}
        best = self.history.best()
        reason = "a callback asked for it"
        if waits:
            reason = (
                f"{patience} validation(s) without a better {self._validator.criterion} than "
                f"{best['value']:.1%} in epoch {best['epoch']:g}"
            )
        return {"stopped_early": {"step": self._trainer.step, "reason": reason}}


def _found(record: Mapping, best: Mapping) -> str:
    """Returns a line on a validation."""
    parts = []
    for weights, branches in record["accuracy"].items():
        of = " (average)" if weights == "average" else ""
        for branch, values in branches.items():
            numbers = ", ".join(f"{what} {value:.1%}" for what, value in values.items())
            parts.append(f"{branch}{of}: {numbers}")
    return (
        f"validation, epoch {record['epoch']:g}: {'; '.join(parts)}; best: {best['value']:.1%} in "
        f"epoch {best['epoch']:g}"
    )
