"""What a training strategy is: what happens to one batch."""

import abc
import copy
from collections.abc import Mapping

import tensorflow as tf

from tfadv.attacks.base import Attack
from tfadv.errors import UserError, check, nearest
from tfadv.losses import cross_entropy
from tfadv.norms.mode import ADV, CLEAN
from tfadv.registry.remembered import Remembered
from tfadv.registry.schedule import Clock, Schedule
from tfadv.strategies.batch import Batch
from tfadv.strategies.network import Network
from tfadv.strategies.step import Loss, Step


class BatchStrategy(Remembered, abc.ABC):
    """Base class of all strategies: `run` is the whole of what happens to one batch.

    A strategy has any number of kinds of images, each of which takes one of any number
    of norm branches. Most have a branch for each kind, of its name, and say `branches`
    alone; `kinds` says more.

    Attributes:
        branches: names of the norm branches whose images are in the loss.
        named_attacks: attacks beside the run's, ``name`` or ``scope/name``, that
            `Step.attacks` holds. Each is in the run's threat model unless its own is bound.
        attack_settings: what it takes of the run's attack, such as ``steps``: an attack
            without is refused.
        needs_average: whether it asks for `Step.teacher_logits`.
        view: an augmentation, ``name`` or ``scope/name``, that makes a second view of each
            image, `Batch.view`; None for none.
        unchecked: titles of the conformance kit's checks that don't apply, and why.

    Args:
        label_smoothing: of the loss of all kinds of images, but of the clean ones
            where the next is given (released pipeline: 0.1).
        clean_label_smoothing: of the clean images' loss; None takes the other.
    """

    branches: tuple[str, ...] = (CLEAN, ADV)
    named_attacks: tuple[str, ...] = ()
    attack_settings: tuple[str, ...] = ()
    needs_average = False
    view: str | None = None
    unchecked: Mapping[str, str] = {}

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

    @abc.abstractmethod
    def run(self, step: Step, batch: Batch) -> None:
        """Does what is to be done with a batch, and updates the model at least once.

        It is traced once for each phase of the norms: what changes with the time is a
        function of `Step.number` and `Step.epoch`.

        Args:
            step: the replica's.
            batch: its share of the batch.
        """

    def at(self, clock: Clock) -> "BatchStrategy":
        """Returns the strategy of an epoch, its schedules' values float32 scalars.

        What is scheduled are its attributes that are a `Schedule`, and those of a strategy that
        it holds. Without any it is itself.

        Args:
            clock: knows the epoch; it is not asked where nothing is scheduled.
        """
        held = vars(self).items()
        now = {name: value.at(clock.epoch) for name, value in held if isinstance(value, Schedule)}
        now |= {name: value.at(clock) for name, value in held if isinstance(value, BatchStrategy)}
        if all(value is getattr(self, name) for name, value in now.items()):
            return self
        found = copy.copy(self)
        vars(found).update(now)
        return found

    @property
    def schedules(self) -> dict[str, Schedule]:
        """Those that `at` puts values for, by the parameter, ``Trades.beta``."""
        found = {}
        for name, value in vars(self).items():
            if isinstance(value, Schedule):
                found[f"{type(self).__name__}.{name.lstrip('_')}"] = value
            elif isinstance(value, BatchStrategy):
                found |= value.schedules
        return found

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kinds of images in the loss, and the norm branch that each takes."""
        return {branch: branch for branch in self.branches}

    @property
    def attacked_kinds(self) -> Mapping[str, str]:
        """Those of `kinds` whose images come of an attack: all but the clean ones."""
        return {kind: branch for kind, branch in self.kinds.items() if kind != CLEAN}

    @property
    def attacks(self) -> bool:
        """Whether the model is attacked in training."""
        return bool(self.attacked_kinds)

    def smoothing(self, kind: str) -> float:
        """Returns the label smoothing of a kind's loss."""
        return self.label_smoothing if kind in self.attacked_kinds else self.clean_label_smoothing

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

    def branch_losses(self, logits: Mapping[str, tf.Tensor], labels: tf.Tensor):
        """Returns the smoothed cross-entropies [N_k] for each kind; labels [N] or [N, K]."""
        return {
            kind: cross_entropy(values, labels[: values.shape[0]], self.smoothing(kind))
            for kind, values in logits.items()
        }


class SingleUpdate(BatchStrategy):
    """A strategy with one forward, one backward and one update: images, and their loss."""

    def run(self, step: Step, batch: Batch) -> None:
        """Makes the images of each micro-batch, adds its gradients up, and updates once."""

        def portion(part, _):
            images = self.images(step, part)
            return step.gradients(images, self.loss_of(step, part), part), ()

        gradients, _ = step.each_portion(portion, batch)
        step.update(gradients)

    def loss_of(self, step: Step, batch: Batch) -> Loss:
        """Returns the loss of a micro-batch, a function of logits by kind."""
        return lambda logits: self.loss(logits, batch.truth)

    @abc.abstractmethod
    def images(self, step: Step, batch: Batch) -> dict[str, tf.Tensor]:
        """Returns the images of the loss, by kind; called outside any tape.

        Args:
            step: has the attacks, and the model for them.
            batch: a micro-batch.

        Returns:
            For each kind, float32 [N_k, H, W, C]: the first N_k examples of the
            batch.
        """

    @abc.abstractmethod
    def loss(self, logits: Mapping[str, tf.Tensor], labels: tf.Tensor) -> tf.Tensor:
        """Returns the scalar loss of one replica's batch, a mean over its images.

        Args:
            logits: float32 [N_k, K] for each kind, of the first N_k examples.
            labels: int32 [N], or soft ones, float32 [N, K].
        """


class Strategy(SingleUpdate):
    """The default kind of strategy: the run's attack, one forward, one update."""

    def images(self, step: Step, batch: Batch) -> dict[str, tf.Tensor]:
        """Returns the images that `training_images` makes by the run's attack."""
        labels, seeds = batch.labels_for(step.attack), batch.seeds("attack")
        return self.training_images(step.network, step.attack, batch.images, labels, seeds)

    @abc.abstractmethod
    def training_images(
        self, network: Network, attack: Attack, images: tf.Tensor, labels: tf.Tensor, seeds
    ) -> dict[str, tf.Tensor]:
        """Returns the images of the loss, by kind; called outside any tape.

        Args:
            network: the model in this step.
            attack: makes adversarial images.
            images: float32 [N, H, W, C] in 0..255.
            labels: int32 [N], or soft ones, float32 [N, K], if the attack takes them.
            seeds: int64 [N, 2], a stream for each example.

        Returns:
            For each kind, float32 [N_k, H, W, C]: the first N_k examples of the
            batch.
        """
