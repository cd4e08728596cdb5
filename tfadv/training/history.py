"""What a run's validations have found so far: the best of them, and whether to go on."""

import math
from collections.abc import Iterable, Mapping, Sequence

from tfadv.runs.run_files import VALIDATION

_DIGITS = 4  # of means over steps, whichever calls the steps were done in


class History:
    """The validations of a run, oldest first.

    Args:
        records: what ``metrics.jsonl`` holds up to the present step, training's metrics too.
        began: the run's first step, where it goes on with another run.

    Attributes:
        began: as given.
        rows: the validations' records: each has a ``step``, an ``epoch``, and as its
            ``value`` the accuracy by which the best one is chosen.
    """

    def __init__(self, records: Iterable[Mapping] = (), began: int = 0):
        self.began = began
        self.rows: list[dict] = []
        self._since: list[Mapping] = []  # metrics of training since the last validation
        for record in records:
            self.add(record)

    def add(self, record: Mapping) -> None:
        """Takes in a validation's record, or training's metrics."""
        if record.get("kind") == VALIDATION:
            self.rows.append(dict(record))
            self._since.clear()
        else:
            self._since.append(record)

    @property
    def last_step(self) -> int:
        """The step of the last validation; 0 before the first."""
        return self.rows[-1]["step"] if self.rows else 0

    def training(self) -> dict[str, float]:
        """Returns the means of loss and accuracies over the steps since the last validation."""
        return weighted_means(self._since, max(self.last_step, self.began))

    def best(self, until: float = math.inf) -> dict | None:
        """Returns the best validation up to a step, the earliest of equals; None before any."""
        rows = [row for row in self.rows if row["step"] <= until]
        return max(rows, key=lambda row: (row["value"], -row["step"]), default=None)

    def best_step(self, until: float = math.inf) -> int | None:
        """Returns the step of `best`; None before any."""
        best = self.best(until)
        return best and best["step"]

    def without_better(self) -> int:
        """Returns how many validations came after the best one."""
        best = self.best_step()
        return sum(row["step"] > best for row in self.rows) if self.rows else 0

    def stops(self, patience: int) -> bool:
        """Returns whether so many validations came after the best one; 0 for never."""
        return 0 < patience <= self.without_better()


def weighted_means(rows: Sequence[Mapping], before: int) -> dict[str, float]:
    """Returns the means over steps of the loss and the accuracies in training's metrics.

    They are rounded, so that they are the same wherever the run was stopped in between.

    Args:
        rows: metrics, each the means over the steps since the one before that were not skipped.
        before: the step before the first.
    """
    sums: dict[str, float] = {}
    steps = 0
    for row in rows:
        count = row["step"] - before - row.get("skipped_steps", 0)
        before = row["step"]
        steps += count
        for name, value in row.items():
            if count and (name == "loss" or name.endswith("_accuracy")):
                sums[name] = sums.get(name, 0.0) + count * value
    return {name: round(total / steps, _DIGITS) for name, total in sums.items()}
