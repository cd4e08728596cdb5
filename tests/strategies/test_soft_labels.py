"""A whole step on soft labels and weighted images, in plain float64 TensorFlow."""

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import make_plan
from shared.step_oracle import Oracle, require_equal_steps

from tfadv import randomness

pytestmark = pytest.mark.usefixtures("op_by_op")

SOFT = tf.constant(np.random.default_rng(5).dirichlet(np.ones(4), 16), tf.float32)
WEIGHTS = tf.constant(np.random.default_rng(6).uniform(0, 3, 16), tf.float32)


class SoftOracle(Oracle):
    """Losses of soft labels, weighted; the attack goes away from them or from the largest."""

    def images(self, batch):
        self.soft, self.weights = batch["target"], tf.cast(batch["weight"], tf.float64)
        return super().images(batch | {"label": tf.argmax(batch["target"], -1, tf.int32)})

    def adversarial(self, images, labels, index):
        if self.attack.targeted:
            return super().adversarial(images, labels, index)
        seeds = randomness.example_seeds(self.seed, "attack", index)
        soft = self.soft

        def loss(x):
            return self.cross_entropy(self.logits(x, "adv"), soft, 0.0)

        return self.climb(
            images, images + self.noise(seeds, self.attack.epsilon), self.attack, loss
        )

    def loss(self, logits, labels):
        losses = [self.cross_entropy(y, self.soft, 0.1) for y in logits.values()]
        return tf.reduce_mean(tf.concat([self.weights * loss for loss in losses], 0))


@pytest.mark.parametrize("targeted", [True, False])
def test_soft_labels_and_weights(targeted):
    bindings = () if targeted else ("PGD.targeted = False", "PGD.clean_start_probability = 0.0")

    class Unweighted(SoftOracle):
        """Reports the loss without weights."""

        def step(self, batch):
            expected = dict(self.values)
            super().step(batch)
            after, self.values = self.values, expected
            plain = batch | {"weight": tf.ones(16)}
            loss, _ = self.gradients(self.images(plain), batch["label"], {})
            self.values = after
            return float(loss)

    plan = make_plan("mbn", *bindings)
    oracle = lambda trainer: Unweighted(trainer, True, clean_ratio=1.0)  # noqa: E731
    require_equal_steps(plan, oracle, SOFT, WEIGHTS)
