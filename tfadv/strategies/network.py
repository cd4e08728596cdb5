"""What a training strategy sees of the model in one step."""

from collections.abc import Mapping

import tensorflow as tf

from tfadv.models.base import Model
from tfadv.norms.base import Norm, Statistics
from tfadv.norms.mode import ADV, CLEAN
from tfadv.norms.policy import NormPolicy
from tfadv.pixels import LogitsFn

DEFAULT_POLICY = NormPolicy()


class Network:
    """A model within one training step.

    Make it inside the traced step and outside any gradient tape.

    Args:
        model: the model.
        policy: how the norms act.
        late: whether this epoch is one of those that the policy freezes.
        attack_dtype: of the attack's convolutions.
        ghost_batches: parts of a batch with batch statistics of their own.
        dtype: of the training forward's convolutions.
        kinds: the norm branch of each kind of images, as `Strategy.kinds`; None takes
            the branch of the kind's own name.

    Attributes:
        model: as given.
        ghost_batches: as given.
        attacked: whether somebody asked for the model as an attack sees it.
    """

    def __init__(
        self,
        model: Model,
        policy: NormPolicy = DEFAULT_POLICY,
        late: bool = False,
        attack_dtype: str = "float32",
        ghost_batches: int = 1,
        dtype: str = "float32",
        kinds: Mapping[str, str] | None = None,
    ):
        self.model = model
        self.ghost_batches = ghost_batches
        self.attacked = False
        self._kinds = kinds or {}
        self._policy = policy
        self._late = late
        self._attack_dtype = attack_dtype
        self._dtype = dtype
        self._attack_logits_fns: dict[str, LogitsFn] = {}
        self._recorded: list[tuple[Norm, Statistics]] = []

    def attack_logits_fn(self, branch: str = ADV) -> LogitsFn:
        """Returns one branch as an attack sees it, prepared once a step."""
        self.attacked = True
        return self._prepared(branch)

    def prepare_attacks(self) -> None:
        """Prepares the branches of the attacked kinds now, once for all micro-batches."""
        for branch in sorted({b for kind, b in self._kinds.items() if kind != CLEAN}):
            self._prepared(branch)

    def _prepared(self, branch: str) -> LogitsFn:
        if branch not in self._attack_logits_fns:
            mode = self._policy.attack_mode(branch, self.ghost_batches)
            self._attack_logits_fns[branch] = self.model.logits_fn(mode, self._attack_dtype)
        return self._attack_logits_fns[branch]

    def train_logits(self, images: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Runs the training forward on one batch of images for each kind.

        A model with norm branches normalizes the kinds of each branch as a batch of
        their own (mixture BN, section 4.2). A model without sees one mixed batch of all
        kinds, the setting whose effect the paper studies. Each ghost batch of a mixed
        batch has its share of every kind.

        Args:
            images: float32 [N_k, H, W, C] for each kind ``k``.

        Returns:
            float32 logits [N_k, K] for each kind, in the same order.
        """
        branches = len(self.model.branches) > 1
        together: dict[str | None, list[str]] = {}
        for kind in images:
            branch = self._kinds.get(kind, kind) if branches else None
            together.setdefault(branch, []).append(kind)
        logits = {}
        for branch, kinds in together.items():
            batches = [images[kind] for kind in kinds]
            mixed = self._forward(tf.concat(batches, 0), branch)
            parts = tf.split(mixed, [batch.shape[0] for batch in batches])
            logits |= dict(zip(kinds, parts, strict=True))
        return {kind: logits[kind] for kind in images}

    def take_statistics(self) -> list[tuple[Norm, Statistics]]:
        """Returns what the norms measured and are to write, and forgets it."""
        taken, self._recorded = self._recorded, []
        return taken

    def _forward(self, images, branch):
        mode = self._policy.training_mode(branch, self._late, self.ghost_batches)
        return self.model(images, mode=mode, record=self._record, dtype=self._dtype)

    def _record(self, norm, statistics):
        self._recorded.append((norm, statistics))
