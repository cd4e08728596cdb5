"""Weights & Biases: a run on its servers, or in the run's folder where there is no network."""

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tfadv.errors import check_choice
from tfadv.registry import TRACKERS
from tfadv.trackers.base import FAILED, TrackedRun, Tracker, not_installed

_MODES = ("online", "offline", "shared", "disabled")


@TRACKERS.register("wandb")
class WandB(Tracker):
    """Follows a run in Weights & Biases.

    Args:
        project: the project's name.
        entity: the user or team; None takes the account's own.
        mode: ``online`` or ``offline``, which writes to the run's folder for ``wandb sync``; None
            takes ``WANDB_MODE`` where that is set.

    Raises:
        UserError: wandb is not installed, or the mode is none.
    """

    def __init__(self, project: str = "tfadv", entity: str | None = None, mode: str | None = None):
        if mode is not None:
            check_choice("WandB.mode", mode, _MODES)
        try:
            import wandb
        except ImportError:
            raise not_installed("wandb", "wandb") from None
        self._wandb = wandb
        self._project, self._entity, self._mode = project, entity, mode

    def begin(self, run: TrackedRun) -> str:
        """Starts a run, or goes on with the one it was; returns its id."""
        name = run.id or uuid.uuid4().hex[:12]
        self._run = self._wandb.init(
            project=self._project,
            entity=self._entity,
            mode=self._mode,
            name=run.name,
            id=name,
            resume="allow",
            dir=str(run.folder),
            config=dict(run.configuration),
            settings=self._wandb.Settings(console="off", silent=True),
        )
        return name

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Adds a point to each curve."""
        self._run.log(dict(values), step=step)

    def image(self, step: int, title: str, picture: np.ndarray) -> None:
        """Adds a picture."""
        self._run.log({title: self._wandb.Image(picture)}, step=step)

    def alarm(self, step: int, line: str) -> None:
        """Sends an alert."""
        self._run.alert("tfadv", f"step {step}: {line}")

    def results(self, values: Mapping[str, float], files: Sequence[Path]) -> None:
        """Adds accuracies to the summary, and the files."""
        self._run.summary.update(dict(values))
        for file in files:
            self._run.save(str(file), base_path=str(file.parent), policy="now")

    def end(self, status: str) -> None:
        """Ends this process' part of the run."""
        self._run.finish(exit_code=int(status == FAILED))
