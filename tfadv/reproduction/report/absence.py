"""Why a number is not there, in the words of the one who looked for it."""

from collections.abc import Iterable

from tfadv.reproduction.experiment import Files
from tfadv.reproduction.results import Results

NOT_RUN, NOT_MEASURED = "not run", "not measured"


def reasons(results: Results, files: Files) -> list[str]:
    """Returns why a number of a model has no value, such as 'failed: …', each reason once."""
    missing = of_model(results, files)
    if results.by_model.get(files):
        return [NOT_MEASURED, *missing]
    return missing or [NOT_RUN]


def of_model(results: Results, files: Files) -> list[str]:
    """Returns why runs of a model are missing, each reason once."""
    return list(dict.fromkeys(results.missing.get(files, ())))


def in_short(reason: str) -> str:
    """Returns 'failed' for 'failed: …'."""
    return reason.partition(":")[0]


class Footnotes:
    """Reasons that are too long for a cell, numbered in the order in which they appear."""

    def __init__(self):
        self._numbers: dict[str, int] = {}

    def marked(self, reasons: Iterable[str]) -> str:
        """Returns the reasons in short, each with the number of its footnote if it is longer."""
        return ", ".join(
            dict.fromkeys(
                reason if in_short(reason) == reason else f"{in_short(reason)} [{self._of(reason)}]"
                for reason in reasons
            )
        )

    @property
    def lines(self) -> tuple[str, ...]:
        """The footnotes."""
        return tuple(f"[{number}] {reason}" for reason, number in self._numbers.items())

    def _of(self, reason: str) -> int:
        return self._numbers.setdefault(reason, len(self._numbers) + 1)
