"""What a training strategy is, and what it sees of the network."""

from collections.abc import Mapping

import tensorflow as tf

from tfadv.attacks.base import Attack, LogitsFn
from tfadv.errors import UserError, check, nearest
from tfadv.losses import cross_entropy
from tfadv.models.base import Model
from tfadv.norms.base import Norm, Statistics
from tfadv.norms.policy import NormPolicy

CLEAN = "clean"
ADV = "adv"
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


class Strategy:
    """Base class of the strategies: which images are in the loss, and how.

    A strategy has any number of kinds of images, each of which takes one of any number
    of norm branches. Most have a branch for each kind, of its name, and say `branches`
    alone; `kinds` says more.

    Attributes:
        branches: names of the norm branches whose images are in the loss.

    Args:
        label_smoothing: of the loss of all kinds of images, but of the clean ones
            where the next is given (released pipeline: 0.1).
        clean_label_smoothing: of the clean images' loss; None takes the other.
    """

    branches: tuple[str, ...] = (CLEAN, ADV)

    def __init__(self, label_smoothing: float = 0.1, clean_label_smoothing: float | None = None):
        name = type(self).__name__
        for parameter, value in (
            ("label_smoothing", label_smoothing),
            ("clean_label_smoothing", clean_label_smoothing),
        ):
            in_range = value is None or 0 <= value < 1
            check(in_range, f"{name}.{parameter}", "be in 0..1", value)
        if clean_label_smoothing is None:
            clean_label_smoothing = label_smoothing
        self.label_smoothing = label_smoothing
        self.clean_label_smoothing = clean_label_smoothing

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kinds of images in the loss, and the norm branch that each takes."""
        return {branch: branch for branch in self.branches}

    @property
    def attacks(self) -> bool:
        """Whether the model is attacked in training: all but clean images come of an attack."""
        return any(kind != CLEAN for kind in self.kinds)

    def smoothing(self, kind: str) -> float:
        """Returns the label smoothing of a kind's loss."""
        return self.clean_label_smoothing if kind == CLEAN else self.label_smoothing

    def check_branches(self, norm_branches: tuple[str, ...]) -> None:
        """Raises `UserError` if a norm with branches lacks one of this strategy's."""
        missing = sorted(set(self.kinds.values()) - set(norm_branches))
        if len(norm_branches) > 1 and missing:
            raise UserError(
                f"Experiment.strategy trains the branch '{missing[0]}', but the norm has "
                f"{', '.join(norm_branches)}.{nearest(missing[0], norm_branches)}",
                "Experiment.strategy",
            )

    def trained_branches(self, norm_branches: tuple[str, ...]) -> tuple[str, ...]:
        """Returns those of a norm's branches that this strategy trains, in the norm's order."""
        if len(norm_branches) == 1:
            return norm_branches
        return tuple(branch for branch in norm_branches if branch in self.kinds.values())

    def training_images(
        self, network: Network, attack: Attack, images: tf.Tensor, labels: tf.Tensor, seeds
    ) -> dict[str, tf.Tensor]:
        """Returns the images of the loss, by kind; called outside any tape.

        Args:
            network: the model in this step.
            attack: makes adversarial images.
            images: float32 [N, H, W, C] in 0..255.
            labels: int32 [N].
            seeds: int64 [N, 2], a stream for each example.

        Returns:
            For each kind, float32 [N_k, H, W, C]: the first N_k examples of the
            batch.
        """
        raise TypeError(f"{type(self).__name__} defines no training_images")

    def loss(self, logits: Mapping[str, tf.Tensor], labels: tf.Tensor) -> tf.Tensor:
        """Returns the scalar loss of one replica's batch, a mean over its images.

        Args:
            logits: float32 [N_k, K] for each kind, of the first N_k examples.
            labels: int32 [N].
        """
        raise TypeError(f"{type(self).__name__} defines no loss")

    def branch_losses(self, logits: Mapping[str, tf.Tensor], labels: tf.Tensor):
        """Returns the smoothed cross-entropies [N_k] for each kind."""
        return {
            kind: cross_entropy(values, labels[: values.shape[0]], self.smoothing(kind))
            for kind, values in logits.items()
        }
