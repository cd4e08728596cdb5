"""Fine-grained AdvProp as a plugin: attacks of several strengths, a branch of norms for each."""

import tensorflow as tf

from tfadv.registry import STRATEGIES
from tfadv.strategies import CLEAN, SingleUpdate, kinds_of_attacks


@STRATEGIES.register("fine_advprop", paper="Xie et al., 2020")
class FineAdvProp(SingleUpdate):
    """Clean images and those of several attacks, each kind with norms of its own.

    ``L = mean over the kinds k of mean CE(images of k)``. A kind is called after its attack's
    scope, ``weak`` of ``weak/pgd``, and so is its norm branch.

    Args:
        attacks: each ``name`` or ``scope/name``; an own ε is bound as ``weak/PGD.epsilon``.
        label_smoothing: of the attacked images' loss.
        clean_label_smoothing: of the clean images' loss; None takes the other.
    """

    def __init__(
        self,
        attacks: tuple[str, ...] = ("pgd",),
        label_smoothing: float = 0.1,
        clean_label_smoothing: float | None = None,
    ):
        super().__init__(label_smoothing, clean_label_smoothing)
        self._specs = kinds_of_attacks(attacks, "FineAdvProp.attacks")
        self.named_attacks = tuple(attacks)
        self.branches = (CLEAN, *self._specs)

    def images(self, step, batch):
        """Returns the batch, and for each attack its images."""
        attacked = {kind: step.attacked(batch, spec, kind) for kind, spec in self._specs.items()}
        return {CLEAN: batch.images} | attacked

    def loss(self, logits, labels):
        """Returns the mean of the kinds' mean cross-entropies."""
        losses = self.branch_losses(logits, labels)
        return tf.add_n([tf.reduce_mean(loss) for loss in losses.values()]) / len(losses)
