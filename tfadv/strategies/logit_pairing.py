"""Adversarial logit pairing, ALP (Kannan et al., 2018; section 4.1)."""

import tensorflow as tf

from tfadv.errors import check, check_choice
from tfadv.losses import PAIRING_REDUCTIONS, logit_pairing
from tfadv.norms.mode import ADV, CLEAN
from tfadv.registry import STRATEGIES
from tfadv.registry.schedule import Schedule
from tfadv.strategies.adversarial import Adversarial


@STRATEGIES.register("logit_pairing", paper="Kannan et al., 2018")
class LogitPairing(Adversarial):
    """Adversarial training plus λ times the distance of each pair's logits.

    ``L = L_adversarial + λ·mean_i d(z(x_i), z(x_i^adv))``, z the logits and d the mean or
    the sum of the squared differences over the classes.

    Args:
        pairing_weight: λ. The paper does not give its own; 0.5 is Kannan et
            al.'s example. It can have a schedule.
        reduction: of the squared differences over the classes, ``mean`` or
            ``sum``; over the pairs it is always the mean.
        clean_ratio: share of the clean images kept, which are the pairs; > 0.
        clean_weight: weight of the clean images' mean loss; None gives every
            image the same.
        label_smoothing: of the adversarial images' loss.
        clean_label_smoothing: of the clean images' loss; None takes the other.
    """

    def __init__(
        self,
        pairing_weight: float | Schedule = 0.5,
        reduction: str = "mean",
        clean_ratio: float = 1.0,
        clean_weight: float | Schedule | None = None,
        label_smoothing: float = 0.1,
        clean_label_smoothing: float | None = None,
    ):
        super().__init__(clean_ratio, clean_weight, label_smoothing, clean_label_smoothing)
        check(clean_ratio > 0, "LogitPairing.clean_ratio", "be > 0: no pair is left", clean_ratio)
        check(pairing_weight >= 0, "LogitPairing.pairing_weight", "be >= 0", pairing_weight)
        check_choice("LogitPairing.reduction", reduction, PAIRING_REDUCTIONS)
        self.pairing_weight = pairing_weight
        self.reduction = reduction

    def loss(self, logits, labels):
        """Returns the adversarial training loss plus the pairing term."""
        pairs = logits[CLEAN].shape[0]
        distance = logit_pairing(logits[CLEAN], logits[ADV][:pairs], self.reduction)
        return super().loss(logits, labels) + self.pairing_weight * tf.reduce_mean(distance)
