"""What a run asks of whatever follows it."""

import abc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfadv.errors import UserError

# How a process that trained has ended.
FINISHED, STOPPED, FAILED = "finished", "stopped", "failed"


class TrackedRun(NamedTuple):
    """A run, as a tracker is told of it.

    Attributes:
        name: what people know it by.
        folder: of the run's files, which is there.
        configuration: the bindings of its gin file, by ``Name.parameter``.
        id: what `Tracker.begin` returned when the run began; None when it begins.
    """

    name: str
    folder: Path
    configuration: Mapping[str, str]
    id: str | None = None


class Tracker(abc.ABC):
    """Follows one run. Its constructor takes what gin binds, and writes nothing.

    Steps of a run never come twice, whatever was killed and done again. What a tracker raises
    ends the tracker, and the run goes on without it.
    """

    @abc.abstractmethod
    def begin(self, run: TrackedRun) -> str | None:
        """Begins a run, or goes on with it where `run` has an `id`.

        Returns:
            What finds the run again, which the run's folder keeps; None where that folder does.
        """

    @abc.abstractmethod
    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Takes numbers of training, means over the steps up to `step`."""

    def validation(self, step: int, values: Mapping[str, float]) -> None:
        """Takes accuracies on validation images, fractions; those of training's names match."""
        self.metrics(step, {f"validation/{name}": value for name, value in values.items()})

    def image(self, step: int, title: str, picture: np.ndarray) -> None:  # noqa: B027
        """Takes a picture, uint8 [H, W, 1 or 3]."""

    def alarm(self, step: int, line: str) -> None:  # noqa: B027
        """Takes a line of text on something that went wrong."""

    def results(self, values: Mapping[str, float], files: Sequence[Path]) -> None:  # noqa: B027
        """Takes accuracies on the test images, and files of the run that are worth keeping."""

    def end(self, status: str) -> None:  # noqa: B027
        """Ends, or pauses until the run is resumed.

        Args:
            status: ``finished``, ``stopped`` (it resumes) or ``failed``.
        """


def not_installed(name: str, package: str) -> UserError:
    """Returns the error of a tracker whose package is missing.

    Args:
        name: the tracker's, and that of the package's extra.
        package: what it needs.
    """
    return UserError(
        f"Experiment.trackers: '{name}' needs the package {package}, which is not installed: "
        f"python -m pip install 'tfadv[{name}]'",
        "Experiment.trackers",
    )
