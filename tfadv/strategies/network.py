"""What a training strategy sees of the model in one step."""

from collections.abc import Collection, Mapping, Sequence

import tensorflow as tf

from tfadv import randomness
from tfadv.models.classifier import Trainable
from tfadv.norms.base import Collected, merged
from tfadv.norms.mode import ADV, CLEAN
from tfadv.norms.policy import NormPhase
from tfadv.pixels import LogitsFn

DEFAULT_PHASE = NormPhase()
DEFAULT_KINDS = {CLEAN: CLEAN, ADV: ADV}


class Network:
    """A model within one training step.

    Make it inside the traced step and outside any gradient tape: it prepares the model
    as attacks see it, the branch of each attacked kind, once for all micro-batches.

    Args:
        model: the model.
        phase: how the norms act.
        kinds: the norm branch of each kind of images, as `Strategy.kinds`.
        attack_dtype: of the attack's convolutions.
        dtype: of the training forward's convolutions.
        attacked_kinds: those of the kinds that are attacked; None takes all but ``clean``.
        recompute: whether the training backward recomputes what is in the model's blocks.

    Attributes:
        model: as given.
        ghost_batches: parts of a batch with batch statistics of their own.
        attacked: whether somebody asked for the model as an attack sees it.
    """

    def __init__(
        self,
        model: Trainable,
        phase: NormPhase = DEFAULT_PHASE,
        kinds: Mapping[str, str] | None = None,
        attack_dtype: str = "float32",
        dtype: str = "float32",
        attacked_kinds: Collection[str] | None = None,
        recompute: bool = False,
    ):
        self.model = model
        self.ghost_batches = phase.ghost_batches
        self.attacked = False
        self._phase = phase
        self._kinds = DEFAULT_KINDS if kinds is None else kinds
        self._attack_dtype = attack_dtype
        self._dtype = dtype
        # A network without blocks needn't know of it.
        self._recompute = {"recompute": True} if recompute else {}
        if attacked_kinds is None:
            attacked_kinds = [kind for kind in self._kinds if kind != CLEAN]
        self._attacked = [self._branch(self._kinds[kind]) for kind in attacked_kinds]
        prepared = sorted(set(self._attacked), key=str)
        self._prepared = {branch: self._prepare(branch) for branch in prepared}

    def attack_logits_fn(self, branch: str | None = None) -> LogitsFn:
        """Returns one branch as an attack sees it.

        Args:
            branch: its name; None takes that of the first attacked kind. A model without
                branches has the same one, whatever the name.
        """
        self.attacked = True
        if branch is None:
            branch = next(iter(self._attacked), None)
        chosen = self._branch(branch)
        return self._prepared.get(chosen) or self._prepare(chosen)

    def train_logits(
        self, images: Mapping[str, tf.Tensor], seed: tf.Tensor | None = None
    ) -> tuple[dict[str, tf.Tensor], Collected]:
        """Runs the training forward on one batch of images for each kind.

        A model with norm branches normalizes the kinds of each branch as a batch of
        their own (mixture BN, section 4.2). A model without sees one mixed batch of all
        kinds, the setting whose effect the paper studies. Each ghost batch of a mixed
        batch has its share of every kind.

        Args:
            images: float32 [N_k, H, W, C] for each kind ``k``.
            seed: int64 [2], of what dropout and its kin draw; None has them not act.

        Returns:
            float32 logits [N_k, K] for each kind, in the same order, and the statistics
            that the norms measured and are to write.
        """
        taken = {kind: self._kinds.get(kind, kind) for kind in images}
        logits, collections = {}, []
        for branch, kinds in mini_batches(taken, self.model.branches).items():
            batches = [images[kind] for kind in kinds]
            mode = self._phase.training_mode(self._branch(branch))
            mixed, collected = self.model(
                tf.concat(batches, 0),
                mode=mode,
                collect=True,
                dtype=self._dtype,
                seed=None if seed is None else randomness.for_purpose(seed, branch),
                **self._recompute,
            )
            collections.append(collected)
            parts = tf.split(mixed, [batch.shape[0] for batch in batches])
            logits |= dict(zip(kinds, parts, strict=True))
        return {kind: logits[kind] for kind in images}, merged(collections)

    def _branch(self, branch: str) -> str | None:
        return branch if len(self.model.branches) > 1 else None

    def _prepare(self, branch: str | None) -> LogitsFn:
        return self.model.logits_fn(self._phase.attack_mode(branch), self._attack_dtype)


def mini_batches(kinds: Mapping[str, str], norm_branches: Sequence[str]) -> dict[str, list[str]]:
    """Returns the kinds of images that share a mini-batch, by the branch that normalizes it.

    Args:
        kinds: the norm branch that each takes, as `Strategy.kinds`.
        norm_branches: those of the model; with one alone all kinds are mixed.
    """
    together: dict[str, list[str]] = {}
    for kind, branch in kinds.items():
        shared = branch if len(norm_branches) > 1 else norm_branches[0]
        together.setdefault(shared, []).append(kind)
    return together
