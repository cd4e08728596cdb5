"""Looks for a false sense of security: gradients that a model hides from attacks.

The paper's own attack finds nothing where a model masks its gradients (Athalye et al., 2018).
"""

import dataclasses

import tensorflow as tf

from tfadv.data.pipeline import evaluation_indices
from tfadv.evaluation.attack_runner import AttackRunner
from tfadv.evaluation.gradient_masking.examined_branch import ExaminedBranch
from tfadv.evaluation.gradient_masking.indicators import INDICATORS
from tfadv.evaluation.outcome_log import OutcomeLog
from tfadv.evaluation.outcomes import CLASSIFYING, Outcomes
from tfadv.models.classifier import Classifier
from tfadv.planning.evaluation_parts import EvaluationParts
from tfadv.progress import Work


class Examination:
    """Measures the indicators of masked gradients, branch by branch.

    Args:
        model: the model.
        parts: the images, how closely to look, the batch size, the precision and the seed
            of every draw.
        distribution: the devices the model lives on.
        other: another model of the same images to transfer attacks from, if there is one.
    """

    def __init__(
        self,
        model: Classifier,
        parts: EvaluationParts,
        distribution: tf.distribute.Strategy,
        other: Classifier | None = None,
    ):
        worst_case = dataclasses.replace(parts.evaluation, worst_case=True)
        self._model = model
        self._parts = dataclasses.replace(parts, evaluation=worst_case)
        self._attack_runner = AttackRunner(model, self._parts, distribution)
        self._other = other
        self._indices = evaluation_indices(parts.source, parts.checkup.examples, parts.seed)

    @property
    def cost(self) -> float:
        """About how many passes of an image a branch takes at most."""
        checkup = self._parts.checkup
        passes = CLASSIFYING + (11 + 9 + 6 + checkup.restarts) * checkup.steps + checkup.queries / 3
        return passes * len(self._indices)

    def examine(self, branch: str, log: OutcomeLog, work: Work) -> list[dict]:
        """Returns a record of each indicator: its number, limit and verdict.

        Args:
            branch: of the model.
            log: what is known already.
            work: the progress to report.
        """
        outcomes = Outcomes(self._parts.source, self._indices, log, work, "doctor")
        examined = ExaminedBranch(
            self._model, self._parts, branch, self._attack_runner, outcomes, self._other
        )
        return [indicator.record(examined) for indicator in INDICATORS]
