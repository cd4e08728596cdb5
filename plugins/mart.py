"""MART as a plugin: images that are misclassified without an attack count more."""

import tensorflow as tf

from tfadv.attacks.objectives import best_other
from tfadv.errors import check
from tfadv.losses import divergence, likeliest
from tfadv.registry import STRATEGIES, Schedule
from tfadv.strategies import ADV, CLEAN, Strategy

_TINY = 1e-4  # of the authors' log(1.0001 - p)


@STRATEGIES.register("mart", paper="Wang et al., 2020")
class Mart(Strategy):
    """MART: boosted cross-entropy + λ·KL(clean ‖ adversarial prediction)·(1 - p_y(clean)).

    ``BCE = -log p_y(x′) - log(1 - max_{k≠y} p_k(x′))`` with the softmax p, the image x and its
    adversarial x′ (equations 8 to 12). The gradient flows through all of it.

    Args:
        lambda_: λ (the authors' 5).
        label_smoothing: of the cross-entropy (the authors use none).
    """

    branches = (CLEAN, ADV)
    unchecked = {"has weights that sum to one": "its boosted cross-entropy adds a margin's term"}

    def __init__(self, lambda_: float | Schedule = 5.0, label_smoothing: float = 0.0):
        super().__init__(label_smoothing)
        check(lambda_ >= 0, "Mart.lambda_", "be >= 0", lambda_)
        self.lambda_ = lambda_

    def training_images(self, network, attack, images, labels, seeds):
        """Returns the batch and its adversarial images."""
        return {CLEAN: images, ADV: attack(network.attack_logits_fn(), images, labels, seeds)}

    def loss(self, logits, labels):
        """Returns the mean over the images."""
        classes = likeliest(labels)
        probability = tf.gather(tf.nn.softmax(logits[CLEAN]), classes, batch_dims=1)
        wrong = tf.exp(best_other(tf.nn.log_softmax(logits[ADV]), classes))
        boosted = self.branch_losses({ADV: logits[ADV]}, labels)[ADV]
        boosted -= tf.math.log(1 + _TINY - wrong)
        pulled = divergence(logits[CLEAN], logits[ADV]) * (1 - probability)
        return tf.reduce_mean(boosted + self.lambda_ * pulled)
