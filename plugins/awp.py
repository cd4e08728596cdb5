"""Adversarial weight perturbation as a plugin, on top of another strategy."""

import tensorflow as tf

from tfadv.errors import UserError, check
from tfadv.registry import STRATEGIES, Schedule
from tfadv.strategies import BatchStrategy, SingleUpdate


@STRATEGIES.register("awp", paper="Wu et al., 2020")
class AdversarialWeightPerturbation(BatchStrategy):
    """AWP: the gradient is that of weights moved to where the strategy's loss is larger.

    ``w ← w - η·∇L(w + v)`` with ``v = γ·‖w‖/‖g‖·g`` for each layer, ``g = ∇L(w)`` without weight
    decay, on the same attacked images (equation 10, algorithm 1). As in the authors' code,
    biases and norms, parameters of one dimension, stay, and decay is that of the moved weights.

    Args:
        strategy: name of another one with a single update, such as 'trades'.
        gamma: γ (the authors' 0.01, and 0.005 on top of TRADES).
        warmup_epochs: epochs before weights are moved (theirs: 0, and 10 with TRADES).
    """

    def __init__(
        self,
        strategy: str = "adversarial",
        gamma: float | Schedule = 0.01,
        warmup_epochs: float = 0.0,
    ):
        name = type(self).__name__
        check(gamma >= 0, f"{name}.gamma", "be >= 0", gamma)
        check(warmup_epochs >= 0, f"{name}.warmup_epochs", "be >= 0", warmup_epochs)
        inner = STRATEGIES.build(strategy, f"{name}.strategy")
        if not isinstance(inner, SingleUpdate):
            raise UserError(
                f"{name}.strategy = '{strategy}' has a step of its own: name one that makes images "
                "and a loss, such as 'adversarial'",
                f"{name}.strategy",
            )
        super().__init__(inner.label_smoothing, inner.clean_label_smoothing)
        self.inner = inner
        self.gamma = gamma
        self.warmup_epochs = warmup_epochs
        self.named_attacks = inner.named_attacks
        self.attack_settings = inner.attack_settings
        self.needs_average = inner.needs_average
        self.view = inner.view
        self.unchecked = inner.unchecked

    @property
    def kinds(self):
        """Those of the other strategy."""
        return self.inner.kinds

    @property
    def attacked_kinds(self):
        """Those of the other strategy."""
        return self.inner.attacked_kinds

    def run(self, step, batch):
        """Attacks, moves the weights up, and updates them by the gradient there."""
        moved = [v for v in step.variables if len(v.shape) > 1]

        def ascend(part, _):
            images = self.inner.images(step, part)
            found = step.gradients(images, self.inner.loss_of(step, part), part, decay=False)
            by_variable = zip(step.variables, found.weights, strict=True)
            return [g for v, g in by_variable if len(v.shape) > 1], images

        def descend(part, images):
            return step.gradients(images, self.inner.loss_of(step, part), part), ()

        gradients, images = step.each_portion(ascend, batch)
        gamma = self.gamma * tf.cast(step.epoch >= self.warmup_epochs, tf.float32)
        pairs = zip(moved, step.over_replicas(gradients), strict=True)
        with step.weights_at(moved, [v + gamma * _as_long_as(v, g) for v, g in pairs]):
            gradients, _ = step.each_portion(descend, batch, images)
        step.update(gradients)


def _as_long_as(weight, gradient):
    return tf.math.divide_no_nan(tf.norm(weight), tf.norm(gradient)) * gradient
