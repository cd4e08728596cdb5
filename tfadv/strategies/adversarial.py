"""Adversarial training with any share of clean images (sections 3 and 4.1)."""

import tensorflow as tf

from tfadv.errors import check
from tfadv.norms.mode import ADV, CLEAN
from tfadv.registry import STRATEGIES
from tfadv.registry.schedule import Schedule
from tfadv.strategies.base import Strategy


@STRATEGIES.register("adversarial", paper="Madry et al., 2018; Goodfellow et al., 2015")
class Adversarial(Strategy):
    """All adversarial images of a batch and a share of their clean originals.

    ``L = α·mean CE(clean) + (1 - α)·mean CE(adversarial)``, the paper's equation 1.
    A ratio of 1 is Goodfellow et al.'s mixture (0.5 / 0.5 in the paper's
    equation 1), 0 is Madry et al.'s training on adversarial images alone, and
    between them the paper drops clean images (figure 1).

    Args:
        clean_ratio: share of the clean images kept, in 0..1. Of the n images
            that share batch statistics the first round(ratio · n) stay, at
            least one unless it is 0.
        clean_weight: α of equation 1, the weight of the clean images' mean
            loss. None gives every image kept the same weight, which is 0.5 at
            ratio 1; the paper leaves it open for ratios between 0 and 1. It can have a schedule.
        label_smoothing: of the adversarial images' loss.
        clean_label_smoothing: of the clean images' loss; None takes the other.
    """

    def __init__(
        self,
        clean_ratio: float = 1.0,
        clean_weight: float | Schedule | None = None,
        label_smoothing: float = 0.1,
        clean_label_smoothing: float | None = None,
    ):
        super().__init__(label_smoothing, clean_label_smoothing)
        name = type(self).__name__
        check(0 <= clean_ratio <= 1, f"{name}.clean_ratio", "be in 0..1", clean_ratio)
        in_range = clean_weight is None or 0 <= clean_weight <= 1
        check(in_range, f"{name}.clean_weight", "be in 0..1", clean_weight)
        self.branches = (CLEAN, ADV) if clean_ratio else (ADV,)
        self.clean_ratio = clean_ratio
        self.clean_weight = clean_weight

    def training_images(self, network, attack, images, labels, seeds):
        """Returns every adversarial image, and the clean ones kept, if any."""
        adversarial = attack(network.attack_logits_fn(), images, labels, seeds)
        if self.clean_ratio == 0:
            return {ADV: adversarial}
        each = images.shape[0] // network.ghost_batches
        kept = network.ghost_batches * max(1, round(self.clean_ratio * each))
        return {CLEAN: images[:kept], ADV: adversarial}

    def loss(self, logits, labels):
        """Returns the weighted mean of the branches' cross-entropies."""
        losses = self.branch_losses(logits, labels)
        if CLEAN not in losses:
            return tf.reduce_mean(losses[ADV])
        if self.clean_weight is None:
            return tf.reduce_mean(tf.concat(list(losses.values()), 0))
        return self.clean_weight * tf.reduce_mean(losses[CLEAN]) + (
            1 - self.clean_weight
        ) * tf.reduce_mean(losses[ADV])
