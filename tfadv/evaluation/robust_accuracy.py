"""What a sequence of runs made of one branch's images."""

from collections.abc import Mapping

import numpy as np

from tfadv.attacks import Attack
from tfadv.evaluation.attack_runs import Run
from tfadv.evaluation.metrics import share


class RobustAccuracy:
    """Joins runs and restarts: an image is beaten if one of them has beaten it.

    Without a target, so is one that was wrong before, whatever an attack makes of it: its own
    ball holds a mistake. Towards a target, the image that the attack returns counts.

    Args:
        runs: of one sequence.
        before: the classes int [N] of the images before it.
        labels: int [N].
        attacked: the images that the sequence is for, bool [N].
    """

    def __init__(self, runs: list[Run], before: np.ndarray, labels: np.ndarray, attacked):
        specs = runs[0].specs
        self._labels = labels
        self._attacked = attacked
        self._seen = ~attacked
        self._mends = runs[0].attack.targeted
        self._passes = 0.0
        self._stages: list[dict] = []
        self._staged = len(runs) > 1
        self.predictions = {spec: before.copy() for spec in specs}
        self._reached = {spec: p != labels for spec, p in self.predictions.items()}

    @property
    def remaining(self) -> np.ndarray:
        """Returns the places of the images that some attack has yet to beat."""
        beaten = np.all([p != self._labels for p in self.predictions.values()], axis=0)
        return np.flatnonzero(~(self._seen & beaten))

    @property
    def worst(self) -> np.ndarray:
        """Returns a wrong class where some attack has beaten an image, else the label."""
        found = self._labels.copy()
        for predictions in self.predictions.values():
            found = np.where(found == self._labels, predictions, found)
        return found

    def add(self, run: Run, places: np.ndarray, found: Mapping[str, np.ndarray]) -> None:
        """Adds a run's outcomes on the images at some places."""
        for column, spec in enumerate(run.specs if len(places) else ()):
            right = self.predictions[spec][places] == self._labels[places]
            rows = right | (~self._seen[places] & self._mends)
            self.predictions[spec][places[rows]] = found["prediction"][rows, column]
            self._reached[spec][places[rows]] = found["reached"][rows, column]
        self._seen[places] = True
        counted = "passes" in found  # along a trajectory
        self._passes += np.sum(found["passes"]) if counted else len(places) * run.attack.passes
        if self._staged:
            stage = {"attack": run.stage, "title": run.attack.title, "attacked": len(places)}
            self._stages.append(stage | self._share(run.specs[0]))

    def record(self, spec: str, attack: Attack, branch: str) -> dict:
        """Returns what the results say of one attack."""
        row = {"attack": spec.rpartition("/")[2], "title": attack.title, "branch": branch}
        row |= attack.describe() | {"targeted": attack.targeted}
        if attack.threat_model:
            row |= attack.threat_model.record()
        row |= self._share(spec)
        row |= {
            "attack_success": float(np.mean(self._reached[spec])),
            "examples": len(self._labels),
            "passes": attack.passes,
        }
        if self._passes:
            row["passes_per_image"] = float(self._passes) / int(np.sum(self._attacked))
        if self._stages:
            row["stages"] = self._stages
        return row

    def _share(self, spec: str) -> dict:
        return share(np.sum(self.predictions[spec] == self._labels), len(self._labels))
