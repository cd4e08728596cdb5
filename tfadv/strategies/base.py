"""What a training strategy is, and what it sees of the network."""

from collections.abc import Mapping

import tensorflow as tf

from tfadv.attacks.base import Attack, LogitsFn
from tfadv.errors import UserError, check
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
    """

    def __init__(
        self,
        model: Model,
        policy: NormPolicy = DEFAULT_POLICY,
        late: bool = False,
        attack_dtype: str = "float32",
        ghost_batches: int = 1,
        dtype: str = "float32",
    ):
        self.model = model
        self.ghost_batches = ghost_batches
        self._policy = policy
        self._late = late
        self._attack_dtype = attack_dtype
        self._dtype = dtype
        self._attack_logits_fns: dict[str, LogitsFn] = {}
        self._recorded: list[tuple[Norm, Statistics]] = []

    def attack_logits_fn(self, branch: str = ADV) -> LogitsFn:
        """Returns one branch as an attack sees it, prepared once a step."""
        if branch not in self._attack_logits_fns:
            mode = self._policy.attack_mode(branch, self.ghost_batches)
            self._attack_logits_fns[branch] = self.model.logits_fn(mode, self._attack_dtype)
        return self._attack_logits_fns[branch]

    def train_logits(self, images: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Runs the training forward on one batch of images for each branch.

        A model with norm branches normalizes the batches separately, each in
        its own branch (mixture BN, section 4.2). A model without sees one
        mixed batch, the setting whose effect the paper studies; each ghost
        batch of it has its share of every kind.

        Args:
            images: float32 [N_b, H, W, C] for each branch ``b``.

        Returns:
            float32 logits [N_b, K] for each branch.
        """
        if len(self.model.branches) > 1:
            return {branch: self._forward(batch, branch) for branch, batch in images.items()}
        mixed = self._forward(tf.concat(list(images.values()), 0), None)
        sizes = [batch.shape[0] for batch in images.values()]
        return dict(zip(images, tf.split(mixed, sizes), strict=True))

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

    Attributes:
        branches: names of the norm branches whose images are in the loss.

    Args:
        label_smoothing: of the adversarial images' loss, and of the clean
            images' too unless that is given (released pipeline: 0.1).
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
        self.smoothing = {ADV: label_smoothing, CLEAN: clean_label_smoothing}

    def check_branches(self, norm_branches: tuple[str, ...]) -> None:
        """Raises `UserError` if a norm with branches lacks one of this strategy's."""
        missing = sorted(set(self.branches) - set(norm_branches))
        if len(norm_branches) > 1 and missing:
            raise UserError(
                f"Experiment.strategy trains the branch '{missing[0]}', but the norm has "
                f"{', '.join(norm_branches)}",
                "Experiment.strategy",
            )

    def training_images(
        self, network: Network, attack: Attack, images: tf.Tensor, labels: tf.Tensor, seeds
    ) -> dict[str, tf.Tensor]:
        """Returns the images of the loss, by branch; called outside any tape.

        Args:
            network: the model in this step.
            attack: makes adversarial images.
            images: float32 [N, H, W, C] in 0..255.
            labels: int32 [N].
            seeds: int64 [N, 2], a stream for each example.

        Returns:
            For each branch in use, float32 [N_b, H, W, C]: the first N_b
            examples of the batch.
        """
        raise TypeError(f"{type(self).__name__} defines no training_images")

    def loss(self, logits: Mapping[str, tf.Tensor], labels: tf.Tensor) -> tf.Tensor:
        """Returns the scalar loss of one replica's batch, a mean over its images.

        Args:
            logits: float32 [N_b, K] for each branch, of the first N_b examples.
            labels: int32 [N].
        """
        raise TypeError(f"{type(self).__name__} defines no loss")

    def branch_losses(self, logits: Mapping[str, tf.Tensor], labels: tf.Tensor):
        """Returns the smoothed cross-entropies [N_b] for each branch."""
        return {
            branch: cross_entropy(values, labels[: values.shape[0]], self.smoothing[branch])
            for branch, values in logits.items()
        }
