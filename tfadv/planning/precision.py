"""Settles 'auto': in which dtype a run trains, attacks and evaluates.

A run that began keeps what it took. Otherwise the dtype is taken that is faster here, by
calls of the run's own network that are timed in turn, once for each machine and network. Since
the two dtypes round differently, runs that are to be equal to the bit on several machines bind one.
"""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf

from tfadv.config.evaluation_settings import Evaluation
from tfadv.config.training_settings import AUTO, DTYPES
from tfadv.devices.workers import Workers
from tfadv.models.classifier import Classifier
from tfadv.planning import kept_measurements
from tfadv.planning import precision_trials as trials
from tfadv.planning.distribution import share_of_batch
from tfadv.planning.dtype_choice import (
    ATTACK,
    EVALUATION,
    EXACT,
    FAST,
    TRAINING,
    Choice,
    Measured,
)
from tfadv.planning.evaluation_parts import EvaluationParts
from tfadv.planning.plan import Plan
from tfadv.planning.precision_trials import Trial


class Precision:
    """How 'auto' is settled.

    Args:
        noted: what was taken before, by parameter: it is taken again.
        measures: whether what nobody knows is measured, which takes seconds, or counted as
            float32.
    """

    def __init__(self, noted: Mapping[str, Choice] | None = None, measures: bool = True):
        self._noted = noted or {}
        self._measures = measures

    def of_run(self, plan: Plan, model: Classifier, replicas: int, workers: Workers) -> Plan:
        """Returns a plan without 'auto'.

        Args:
            plan: of the run.
            model: the plan's.
            replicas: that share a batch.
            workers: that do it together: the chief's choice is everybody's.

        Raises:
            UserError: the replicas or micro-batches don't divide a batch.
        """
        asked = unsettled(plan)
        if not asked:
            return plan
        share = share_of_batch(plan.training.batch_size, replicas, "Training.batch_size")
        images = share // plan.training.micro_batches(share)
        trial_of: dict[str, Trial | None] = {}
        if TRAINING in asked:
            trial_of[TRAINING] = trials.training_trial(plan, model, images)
        if ATTACK in asked:
            trial_of[ATTACK] = trials.attack_trial(plan, model, images)
        if EVALUATION in asked:
            trial_of[EVALUATION] = _of_evaluation(plan.evaluation, model, replicas)
        return settled(plan, {p: self._agreed(p, one, workers) for p, one in trial_of.items()})

    def of_evaluation(
        self, parts: EvaluationParts, model: Classifier, replicas: int, workers: Workers
    ) -> EvaluationParts:
        """Returns what an evaluation needs, without 'auto'; see `of_run`.

        Raises:
            UserError: the replicas don't divide a batch.
        """
        if parts.evaluation.dtype != AUTO:
            return parts
        trial = _of_evaluation(parts.evaluation, model, replicas)
        return parts.settled(self._agreed(EVALUATION, trial, workers))

    def _agreed(self, parameter: str, trial: Trial | None, workers: Workers) -> Choice:
        """Returns the chief's choice on every worker."""
        choice = Choice(EXACT, "worker 0 says so")
        if workers.is_chief:
            choice = self._noted.get(parameter) or self._chosen(trial)
        number = workers.greatest(DTYPES.index(choice.dtype))
        return dataclasses.replace(choice, dtype=DTYPES[number])

    def _chosen(self, trial: Trial | None) -> Choice:
        if trial is None:
            return Choice(EXACT, "nothing is attacked in training")
        if FAST not in trial.model.dtypes:
            return Choice(EXACT, "the network computes in nothing else")
        if tf.config.list_logical_devices("TPU"):
            return Choice(FAST, "a TPU multiplies in nothing else")
        about = trial.about()
        found = Measured.of(kept_measurements.recall(about))
        if found is None and self._measures:
            found = trial.measure()
            kept_measurements.keep(about, dataclasses.asdict(found))
        if found:
            return Choice.by(found)
        return Choice(EXACT, f"counted so, until a start measures {trial.what} in both")


def _of_evaluation(evaluation: Evaluation, model: Classifier, replicas: int) -> Trial:
    share = share_of_batch(evaluation.batch_size, replicas, "Evaluation.batch_size")
    return trials.evaluation_trial(model, share)


def unsettled(plan: Plan) -> list[str]:
    """Returns the parameters that are 'auto', of which nobody has said yet what that is."""
    dtypes = {
        TRAINING: plan.training.dtype,
        ATTACK: plan.training.attack_dtype,
        EVALUATION: plan.evaluation.dtype,
    }
    return [parameter for parameter, dtype in dtypes.items() if dtype == AUTO]


def settled(plan: Plan, choices: Mapping[str, Choice]) -> Plan:
    """Returns a plan with some choices in place of 'auto', wherever it has that."""
    taken = {parameter: choices[parameter] for parameter in unsettled(plan) if parameter in choices}
    if not taken:
        return plan
    named: dict[str, dict[str, str]] = {"Training": {}, "Evaluation": {}}
    for parameter, choice in taken.items():
        part, _, name = parameter.partition(".")
        named[part][name] = choice.dtype
    return dataclasses.replace(
        plan,
        training=dataclasses.replace(plan.training, **named["Training"]),
        evaluation=dataclasses.replace(plan.evaluation, **named["Evaluation"]),
        precision={**plan.precision, **taken},
    )
