"""Training on clean images alone (the paper's '0% adv + 100% clean')."""

import tensorflow as tf

from tfadv.norms.mode import CLEAN
from tfadv.registry import STRATEGIES
from tfadv.strategies.base import Strategy


@STRATEGIES.register("standard")
class Standard(Strategy):
    """Standard training: the cross-entropy of the clean images.

    Args:
        label_smoothing: of the loss (released pipeline: 0.1).
    """

    branches = (CLEAN,)

    def __init__(self, label_smoothing: float = 0.1):
        super().__init__(label_smoothing)

    def training_images(self, network, attack, images, labels, seeds):
        """Returns the batch as it is."""
        return {CLEAN: images}

    def loss(self, logits, labels):
        """Returns the mean cross-entropy."""
        return tf.reduce_mean(self.branch_losses(logits, labels)[CLEAN])
