"""Measures a model while it trains, on images that it is not trained on."""

from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from tfadv.attacks.fgsm import FGSM
from tfadv.attacks.gradients import classified, is_broken, label_gradient
from tfadv.attacks.threat_model import ThreatModel
from tfadv.config.validation_settings import CLEAN
from tfadv.devices.workers import unchanged
from tfadv.evaluation.attack_runner import Portion
from tfadv.evaluation.evaluator import Evaluator
from tfadv.losses import cross_entropy
from tfadv.norms import NormMode
from tfadv.planning.evaluation_parts import EvaluationParts
from tfadv.runs.run_files import VALIDATION
from tfadv.training.alarms import alarms
from tfadv.training.average_statistics import measure_average
from tfadv.training.history import History
from tfadv.training.step.replica_step import accuracy_name
from tfadv.training.trainer import Trainer

# Less is not seen of a float32 loss of 1.
_UNMOVED = 1e-7


class Validator:
    """Measures a trainer's model, and changes nothing about it.

    Args:
        trainer: whose plan says how to validate.

    Attributes:
        criterion: by which the best checkpoint is chosen.

    Raises:
        UserError: the replicas don't divide the batch, or the criterion's branch is none.
    """

    def __init__(self, trainer: Trainer):
        plan, model = trainer.plan, trainer.model
        self._trainer = trainer
        self._branches = plan.branches(model)
        self._attacked = [b for b in plan.strategy.attacked_kinds.values() if b in self._branches]
        if plan.strategy.attacks and not self._attacked:
            self._attacked = list(self._branches)  # of a network without branches
        self.criterion = plan.validation.criterion(
            self._branches, model.default_branch, plan.strategy
        )
        parts = EvaluationParts.of_validation(plan)
        self._evaluator = Evaluator(
            model, parts, trainer.distribution, self._branches, changes=True
        )

    def is_due(self) -> bool:
        """Returns whether to validate at the trainer's step."""
        plan = self._trainer.plan
        epoch, within = divmod(self._trainer.step, plan.steps_per_epoch)
        return within == 0 and plan.validation.is_due(epoch, plan.training.epochs)

    def __call__(self, history: History) -> dict:
        """Returns the record of the present step, for ``metrics.jsonl``.

        Its accuracies are fractions of the ``examples`` by weights (``trained``, ``average``),
        branch, and ``clean`` or the attack; ``value`` is the criterion's. All else is what
        `alarms` looks at, and what that says.

        Args:
            history: of the run before.

        Raises:
            Interrupted: a signal came; nothing has changed.
        """
        trainer, plan = self._trainer, self._trainer.plan
        drift = self._drift()
        with unchanged(trainer.distribution, trainer.untrained_variables):
            trainer.share_running_statistics()
            accuracy = {"trained": self._accuracies()}
            gradients = {branch: self._gradients(branch) for branch in self._branches}
        if trainer.average:
            accuracy["average"] = self._of_average()
        chosen = self.criterion
        record = {
            "kind": VALIDATION,
            "step": trainer.step,
            "epoch": trainer.step / plan.steps_per_epoch,
            "examples": len(self._evaluator.indices),
            "criterion": str(chosen),
            "value": accuracy[chosen.weights][chosen.branch][chosen.attack],
            "accuracy": accuracy,
            **self._about_training(history),
            "branches": {b: _seen(accuracy["trained"][b], gradients[b]) for b in self._branches},
            "attacked": self._attacked,
            "drift": drift,
            "chance": 1 / trainer.model.classes,
        }
        record["largest"] = self._largest(record["training"], gradients)
        return record | {"alarms": alarms([*history.rows, record])}

    def _accuracies(self) -> dict[str, dict[str, float]]:
        """Returns the accuracies by branch, and ``clean`` or the attack's spec."""
        self._evaluator.evaluate()
        evaluator = self._evaluator
        labels = evaluator.source.labels[evaluator.indices]
        found: dict[str, dict[str, float]] = {branch: {} for branch in self._branches}
        for (branch, what), predictions in evaluator.predictions.items():
            found[branch][what] = float(np.mean(predictions == labels))
        return found

    def _of_average(self) -> dict[str, dict[str, float]]:
        """Returns `_accuracies` of the average, with the statistics that it would be used with."""
        trainer, average = self._trainer, self._trainer.average
        measured_at = average.measured_at
        before = None if measured_at is None else int(measured_at)
        with unchanged(trainer.distribution, [*average.averages, *trainer.untrained_variables]):
            trainer.share_running_statistics()
            measure_average(trainer)
            try:
                with average.in_place():
                    return self._accuracies()
            finally:
                if before is not None:
                    measured_at.assign(before)

    def _gradients(self, branch: str) -> dict[str, float | None]:
        """Returns what the gradient at the images is good for: accuracy and shares of images."""
        threat_model = self._threat_model()
        if threat_model is None or not threat_model.epsilon:
            return dict.fromkeys(("one_step", "zero_gradients", "unmoved", "logits"))
        fgsm = FGSM(threat_model.epsilon, ball=threat_model.ball)
        indices = self._evaluator.indices
        columns = [
            *self._evaluator.attack_runner.by_batch(
                (branch, "gradients"),
                NormMode(branch),
                lambda *batch: _along_gradient(fgsm, *batch),
                Portion(indices, len(indices)),
            )
        ]
        found = {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}
        return {
            "one_step": float(np.mean(found["right"])),
            "zero_gradients": float(np.mean(found["zero"])),
            "unmoved": float(np.mean(found["unmoved"])),
            "logits": float(np.max(found["largest"])),
        }

    def _threat_model(self) -> ThreatModel | None:
        """Returns that of training, else that of the first validation attack, if any has one."""
        attacks = self._trainer.plan.validation.attacks.values()
        known = [attack.threat_model for attack in attacks if attack.threat_model]
        return self._trainer.plan.threat_model or next(iter(known), None)

    def _about_training(self, history: History) -> dict[str, object]:
        """Returns the means of training's metrics since the validation before."""
        means = history.training()
        kinds = self._trainer.plan.strategy.attacked_kinds
        robust = [means[name] for kind in kinds if (name := accuracy_name(kind)) in means]
        average = sum(robust) / len(robust) if robust else None
        return {"training": means, "robust_training": average}

    def _largest(self, training: Mapping, gradients: Mapping) -> dict[str, float]:
        """Returns the largest absolute values of what would overflow first."""
        floats = [v for v in self._trainer.variables if tf.as_dtype(v.dtype).is_floating]
        largest = tf.reduce_max([tf.reduce_max(tf.abs(v)) for v in floats])
        logits = [found["logits"] for found in gradients.values() if found["logits"] is not None]
        found = {"variables": float(largest)}
        found |= {"logits": max(logits)} if logits else {}
        return found | ({"loss": training["loss"]} if "loss" in training else {})

    def _drift(self) -> dict[str, float | None]:
        """Returns how far running variances are apart, the worst norm's: see `apart`."""
        model, distribution = self._trainer.model, self._trainer.distribution
        between, among = [], []
        for norm in model.norms.values():
            moments = [norm.running_statistics(b) for b in norm.branches if b in self._branches]
            between.append(apart([np.asarray(one[1]) for one in moments if one is not None]))
            for variable in norm.non_trainable_variables if norm.keeps_statistics else ():
                copies = distribution.experimental_local_results(variable.value)
                among.append(apart([np.asarray(copy, np.float64) for copy in copies]))
        return {"branches": _greatest(between), "replicas": _greatest(among)}


def apart(values: list[np.ndarray]) -> float | None:
    """Returns the greatest mean |a - b| of two arrays, over the mean of |a| and |b|.

    Args:
        values: arrays of one shape.

    Returns:
        In 0..2; None of fewer than two arrays.
    """
    pairs = [(a, b) for n, a in enumerate(values) for b in values[:n]]
    sizes = ((np.mean(np.abs(a - b)), np.mean(np.abs(a) + np.abs(b)) / 2) for a, b in pairs)
    return _greatest(float(far / size) if size else 0.0 for far, size in sizes)


def _greatest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _along_gradient(fgsm: FGSM, logits_fn, batch, _) -> dict[str, tf.Tensor]:
    """Returns what the gradient at images leads to, one value per image."""
    images, labels = batch["image"], batch["label"]
    gradient, logits = label_gradient(logits_fn, images, labels)
    seeds = tf.zeros([tf.shape(labels)[0], 2], tf.int64)  # nothing is drawn
    moved = logits_fn(fgsm(logits_fn, images, labels, seeds))
    change = cross_entropy(moved, labels) - cross_entropy(logits, labels)
    return {
        "right": classified(moved) == labels,
        "zero": is_broken(gradient) | (tf.reduce_max(tf.abs(gradient), [1, 2, 3]) == 0),
        "unmoved": ~(tf.abs(change) > _UNMOVED),
        "largest": tf.reduce_max(tf.abs(logits), -1),
    }


def _seen(accuracies: Mapping[str, float], gradients: Mapping) -> dict[str, float | None]:
    """Returns what alarms look at in one branch."""
    under_attack = [value for what, value in accuracies.items() if what != CLEAN]
    seen = {name: gradients[name] for name in ("one_step", "zero_gradients", "unmoved")}
    return {"clean": accuracies[CLEAN], "robust": min(under_attack, default=None), **seen}
