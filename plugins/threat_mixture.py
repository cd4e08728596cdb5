"""Robustness to several threat models at once, as a plugin."""

import tensorflow as tf

from tfadv.errors import check_choice
from tfadv.losses import cross_entropy
from tfadv.registry import STRATEGIES
from tfadv.strategies import ADV, SingleUpdate, kinds_of_attacks


@STRATEGIES.register("threat_mixture", paper="Tramèr & Boneh, 2019")
class ThreatMixture(SingleUpdate):
    """Trains on the images of several attacks, or on the worst of each image's (section 2).

    Args:
        attacks: each ``name`` or ``scope/name``; an own ball is bound as ``l2/PGD.ball`` and
            ``l2/PGD.epsilon``.
        combine: ``avg``: the mean loss over the attacks; ``max``: each image under the attack
            that makes its loss largest.
        label_smoothing: of the loss.
    """

    def __init__(
        self,
        attacks: tuple[str, ...] = ("pgd",),
        combine: str = "avg",
        label_smoothing: float = 0.1,
    ):
        super().__init__(label_smoothing)
        check_choice("ThreatMixture.combine", combine, ("avg", "max"))
        self._specs = kinds_of_attacks(attacks, "ThreatMixture.attacks")
        self.named_attacks = tuple(attacks)
        self.combine = combine

    @property
    def kinds(self):
        """One for each attack, or one for all; their norms are the adversarial branch's."""
        return {ADV: ADV} if self.combine == "max" else dict.fromkeys(self._specs, ADV)

    def images(self, step, batch):
        """Returns the images of every attack, or the worst of them."""
        found = {kind: step.attacked(batch, spec, ADV) for kind, spec in self._specs.items()}
        if self.combine == "avg":
            return found
        logits_fn = step.network.attack_logits_fn(ADV)
        losses = [cross_entropy(logits_fn(images), batch.truth) for images in found.values()]
        worst = tf.argmax(tf.stack(losses, 1), 1)
        return {ADV: tf.gather(tf.stack([*found.values()], 1), worst, axis=1, batch_dims=1)}

    def loss(self, logits, labels):
        """Returns the mean over images and attacks."""
        losses = self.branch_losses(logits, labels)
        return tf.reduce_mean(tf.concat([*losses.values()], 0))
