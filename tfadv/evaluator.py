"""Clean and robust accuracy of every branch, each image counted once."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfadv import attack_runs
from tfadv.attack_runs import Run
from tfadv.attacks.base import PIXEL_RANGE, Attack
from tfadv.data.pipeline import evaluation_indices
from tfadv.data.source import Source
from tfadv.distribution import Workers
from tfadv.experiment import Evaluation
from tfadv.foreign_model import ForeignModel
from tfadv.judge import Columns, Judge
from tfadv.metrics import share
from tfadv.models.base import Model
from tfadv.norms.base import NormMode
from tfadv.progress import Work
from tfadv.tally import Tally
from tfadv.verdicts import CLEAN, Unit, Verdicts

# What classifying an image costs, in forward and backward passes.
_LOOK = 0.3


class Evaluator:
    """Measures a model on one set of images.

    Args:
        model: the model.
        source: the images.
        evaluation: how many, at what precision and what counts.
        attacks: by spec, as `Evaluation.build_attacks` returns them.
        distribution: the devices the model lives on.
        seed: of the subset, the targets and the starts.
        branches: which of the model's branches; None for all.
        verdicts: what is known of the images already, and where more is kept.

    Raises:
        UserError: the replicas don't divide the batch.
    """

    def __init__(
        self,
        model: Model | ForeignModel,
        source: Source,
        evaluation: Evaluation,
        attacks: Mapping[str, Attack],
        distribution: tf.distribute.Strategy,
        seed: int,
        branches: Sequence[str] | None = None,
        verdicts: Verdicts | None = None,
    ):
        self._judge = Judge(model, source, evaluation, distribution, seed)
        self._source = source
        self._evaluation = evaluation
        self._attacks = attacks
        self._branches = tuple(branches or model.branches)
        self._verdicts = verdicts
        self._workers = Workers(distribution)
        self._plan = attack_runs.planned(
            attacks, evaluation.trajectory == "shared", evaluation.worst_case
        )
        self._indices = evaluation_indices(source, evaluation.examples, seed)
        self._labels = source.labels[self._indices].astype(np.int64)
        self._places = np.full(len(source), -1)
        self._places[self._indices] = np.arange(len(self._indices))

    def evaluate(self) -> dict:
        """Returns the record of clean accuracy and every attack, per branch."""
        verdicts = Verdicts() if self._verdicts is None else self._verdicts
        self._workers.agree("state of the evaluation beside --output", verdicts.progress())
        with Work("evaluate", self._cost(), quiet=not self._workers.is_chief) as work:
            clean = {branch: self._look(branch, verdicts, work) for branch in self._branches}
            worst, rows = dict(clean), {}
            for runs in self._plan:
                for branch in self._branches:
                    tally = self._attack(branch, runs, worst[branch], verdicts, work)
                    for spec in runs[0].specs:
                        rows[spec, branch] = tally.record(spec, self._attacks[spec], branch)
                    if self._evaluation.worst_case:
                        worst[branch] = tally.worst
        record = {
            "dataset": self._source.name,
            "pixel_range": [int(bound) for bound in PIXEL_RANGE],
            "examples": len(self._labels),
            "clean": {branch: self._share(found) for branch, found in clean.items()},
            "attacks": [rows[spec, branch] for spec in self._attacks for branch in self._branches],
        }
        if self._evaluation.worst_case:
            record["worst_case"] = {branch: self._share(found) for branch, found in worst.items()}
        return record

    def _look(self, branch: str, verdicts: Verdicts, work: Work) -> np.ndarray:
        """Returns the classes of the images as they are, int64 [N]."""

        def looked(indices):
            return self._judge.look(NormMode(branch), indices)

        everything = np.arange(len(self._labels))
        places, found = self._outcomes(
            Unit(branch, CLEAN), everything, looked, _LOOK, verdicts, work
        )
        predictions = np.empty_like(self._labels)
        predictions[places] = found["prediction"]
        return predictions

    def _attack(self, branch, runs: list[Run], before, verdicts, work: Work) -> Tally:
        """Runs a sequence on the images that it is for."""
        chosen = np.ones(len(before), bool)
        if self._evaluation.worst_case or len(runs) > 1:
            chosen = before == self._labels
        tally = Tally(runs, before, self._labels, chosen)
        for run in runs:
            for restart in range(self._evaluation.restarts):

                def attacked(indices, run=run, restart=restart):
                    return self._judge.attack(NormMode(branch), run, restart, indices)

                places, found = self._outcomes(
                    Unit(branch, run.name, restart),
                    tally.left,
                    attacked,
                    run.attack.passes,
                    verdicts,
                    work,
                )
                tally.take(run, places, found)
        return tally

    def _outcomes(
        self,
        unit: Unit,
        places: np.ndarray,
        make: Callable[[np.ndarray], Iterator[Columns]],
        passes: float,
        verdicts: Verdicts,
        work: Work,
    ) -> tuple[np.ndarray, Columns]:
        """Returns a unit's outcomes and the images' places, made where they aren't known."""
        known = verdicts.found(unit).get("index", np.empty(0, np.int64))
        work.add((len(self._labels) - len(places) + len(known)) * passes)
        missing = np.setdiff1d(places, self._places[known])
        if len(missing):
            for columns in make(self._indices[missing]):
                verdicts.add(unit, columns)
                work.add(len(columns["index"]) * passes, what=f"{unit.branch} {unit.attack}")
        found = verdicts.found(unit)
        return self._places[found.get("index", np.empty(0, np.int64))], found

    def _cost(self) -> float:
        """Returns about how many passes there are at most."""
        restarts = self._evaluation.restarts
        passes = sum(run.attack.passes for runs in self._plan for run in runs) * restarts
        return (passes + _LOOK) * len(self._labels) * len(self._branches)

    def _share(self, predictions: np.ndarray) -> dict:
        return share(np.sum(predictions == self._labels), len(self._labels))
