"""Fine-grained AdvProp as a plugin: clean, augmented and attacked images, norms for each."""

import tensorflow as tf

from tfadv.registry import STRATEGIES
from tfadv.strategies import CLEAN, SingleUpdate, kinds_of_attacks

AUGMENTED = "augmented"


@STRATEGIES.register("fine_advprop", paper="Xie et al., 2020, section 4.3")
class FineAdvProp(SingleUpdate):
    """Clean images, a strongly augmented view of each, and attacked ones, by norms of their own.

    ``L = mean over the kinds k of mean CE(images of k)``, where the paper has a sum. Its kinds are
    three, of which the clean one is the main branch: AutoAugment changes the distribution
    as well, so that its images take an auxiliary norm too. More attacks, of other strengths, are
    more kinds, each called after its attack's scope, ``weak`` of ``weak/pgd``, as is its branch.

    Args:
        attacks: each ``name`` or ``scope/name``; an own ε is bound as ``weak/PGD.epsilon``.
        view: the augmentation of the second view; None leaves that kind out.
        label_smoothing: of the attacked images' loss.
        clean_label_smoothing: of the other images' loss; None takes the other.
    """

    def __init__(
        self,
        attacks: tuple[str, ...] = ("pgd",),
        view: str | None = "rand_augment",
        label_smoothing: float = 0.1,
        clean_label_smoothing: float | None = None,
    ):
        super().__init__(label_smoothing, clean_label_smoothing)
        self._specs = kinds_of_attacks(attacks, "FineAdvProp.attacks", (CLEAN, AUGMENTED))
        self.named_attacks = tuple(attacks)
        self.view = view
        self.branches = (CLEAN, *([AUGMENTED] if view else []), *self._specs)

    @property
    def attacked_kinds(self):
        """Neither the clean images nor the augmented ones."""
        return {kind: kind for kind in self._specs}

    def images(self, step, batch):
        """Returns the batch, its second view, and for each attack its images."""
        attacked = {kind: step.attacked(batch, spec, kind) for kind, spec in self._specs.items()}
        augmented = {AUGMENTED: batch.view} if self.view else {}
        return {CLEAN: batch.images} | augmented | attacked

    def loss(self, logits, labels):
        """Returns the mean of the kinds' mean cross-entropies."""
        losses = self.branch_losses(logits, labels)
        return tf.add_n([tf.reduce_mean(loss) for loss in losses.values()]) / len(losses)
