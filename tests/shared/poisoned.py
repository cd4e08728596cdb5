"""Strategies that make one step of a run not finite: that of one example."""

import tensorflow as tf

from tfadv import randomness
from tfadv.registry import STRATEGIES
from tfadv.strategies import CLEAN
from tfadv.strategies.adversarial import Adversarial


def _is_example(index, seeds):
    """Returns bool [N]: which of some examples is the run's `index`-th, by its seed."""
    wanted = randomness.example_seeds(0, "attack", tf.constant([index], tf.int64))
    return tf.reduce_all(seeds == wanted, -1)


def poisoned_by_image(index):
    """Registers and returns the name of a strategy that makes one clean image NaN."""

    @STRATEGIES.register(f"nan_image_{index}")
    class NanImage(Adversarial):
        """Adversarial training on one image less."""

        def training_images(self, network, attack, images, labels, seeds):
            made = super().training_images(network, attack, images, labels, seeds)
            bad = _is_example(index, seeds)[:, None, None, None]
            return {**made, CLEAN: tf.where(bad, float("nan"), made[CLEAN])}

    return f"nan_image_{index}"


def poisoned_in_the_loss(index):
    """Registers and returns the name of a strategy whose loss is infinite in one batch."""

    @STRATEGIES.register(f"inf_loss_{index}")
    class InfLoss(Adversarial):
        """Adversarial training but in one batch."""

        def training_images(self, network, attack, images, labels, seeds):
            self._bad = tf.reduce_any(_is_example(index, seeds))
            return super().training_images(network, attack, images, labels, seeds)

        def loss(self, logits, labels):
            return super().loss(logits, labels) + tf.where(self._bad, float("inf"), 0.0)

    return f"inf_loss_{index}"
