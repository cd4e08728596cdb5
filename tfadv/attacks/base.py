"""What every attack shares: its interface, threat model and bounds."""

import abc
import copy
import inspect
from collections.abc import Mapping

import tensorflow as tf

from tfadv.attacks.gradients import classified, with_input_gradient
from tfadv.attacks.row_attack import RowAttack
from tfadv.attacks.threat_model import BALL_NAMES, ThreatModel
from tfadv.devices.local import check_jit_compile
from tfadv.errors import UserError, check, check_choice
from tfadv.pixels import PIXEL_RANGE, LogitsFn
from tfadv.registry.remembered import Remembered
from tfadv.registry.schedule import Clock, Schedule, end_of

# `with_input_gradient` and the names of pixels are what plugins find here.
__all__ = ["PIXEL_RANGE", "Attack", "LogitsFn", "with_input_gradient"]


class MissingSettingError(UserError, AttributeError):
    """A strategy asks an attack for a setting that this one doesn't have."""


class Attack(Remembered, abc.ABC):
    """Base class of the attacks.

    An attack sees a function from images to logits and nothing of the model
    behind it. It touches no variable and draws all its randomness from the
    seeds it is given.

    Attributes:
        targeted: whether it drives images towards a chosen wrong class.
        jit_compile: True, False, or 'auto': XLA on GPU and TPU, a plain graph on CPU, of which FAB
            and attacks by row let XLA compile what has no convolution.
        needs_gradient: whether it follows the model's gradient by the images.
        takes_soft_labels: whether its labels may be shares of the classes, float32 [N, K].
        borrows: what gin binds for every attack unless it is bound for one: the
            threat model.
        schedules: of those of its numbers that change with the epoch, by their attributes,
            which are the numbers at the end of the run.
    """

    targeted = False
    jit_compile: bool | str = "auto"
    needs_gradient = True
    takes_soft_labels = False
    borrows = ("PGD.epsilon", "PGD.ball")
    schedules: Mapping[str, Schedule] = {}

    @classmethod
    def within(cls, threat_model: ThreatModel, *arguments, **named):
        """Builds an attack in a threat model: what strategies and checks make theirs by.

        Args:
            threat_model: gives ε and, where the constructor takes one, the ball.
            *arguments: of the constructor, after ε.
            **named: of the constructor.

        Raises:
            UserError: the attack knows no such ball.
        """
        if "ball" in inspect.signature(cls).parameters:
            named["ball"] = threat_model.ball
        attack = cls(threat_model.epsilon, *arguments, **named)
        attack.check_ball(threat_model.ball)
        return attack

    def __getattr__(self, name: str):
        """Raises an error of one line for what strategies build attacks of their own from."""
        if name in ("epsilon", "steps", "step_size"):
            raise MissingSettingError(
                f"{type(self).__name__} has no `{name}`, which Experiment.strategy takes from the "
                "run's attack: let Experiment.attack be 'pgd' or of its kind",
                "Experiment.attack",
            )
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def at(self, clock: Clock) -> "Attack":
        """Returns the attack of an epoch: without schedules itself, else one with tensors.

        Args:
            clock: knows the epoch; it is not asked where nothing is scheduled.
        """
        if not self.schedules:
            return self
        found = copy.copy(self)
        for name, schedule in self.schedules.items():
            setattr(found, name, schedule.at(clock.epoch))
        found.schedules = {}
        return found

    def with_factor(self, factor: Schedule, parameter: str) -> "Attack":
        """Returns the attack whose ε is multiplied by a schedule that ends at 1.

        Args:
            factor: the schedule.
            parameter: that gave it, for the error.

        Raises:
            UserError: the ε is fixed, or has a schedule of its own.
        """
        raise UserError(
            f"{parameter} has a schedule, and {type(self).__name__} keeps its ε over the epochs: "
            "let the run's attacks be 'pgd' or of its kind",
            parameter,
        )

    def _note(self, **numbers: float | Schedule) -> None:
        """Keeps numbers as attributes; of a schedule its end there, and itself in `schedules`."""
        scheduled = {k: value for k, value in numbers.items() if isinstance(value, Schedule)}
        if scheduled:
            self.schedules = {**self.schedules, **scheduled}
        for name, value in numbers.items():
            setattr(self, name, value if tf.is_tensor(value) else float(end_of(value)))

    def _keep(
        self,
        epsilon: float | Schedule,
        ball: str = "linf",
        jit_compile: bool | str = "auto",
        **counts: int,
    ) -> None:
        """Checks what most attacks take and keeps it: for their constructors.

        Args:
            epsilon: radius of the ball in pixels, or its schedule; within a step a tensor.
            ball: ``linf`` or ``l2``.
            jit_compile: True, False or 'auto'.
            **counts: how many steps, restarts, …: each at least 1.

        Raises:
            UserError: one of them is out of its range.
        """
        name = type(self).__name__
        in_range = tf.is_tensor(epsilon) or epsilon >= 0
        check(in_range, f"{name}.epsilon", "be >= 0 (pixels of 0..255)", epsilon)
        check_choice(f"{name}.ball", ball, BALL_NAMES)
        check_jit_compile(f"{name}.jit_compile", jit_compile)
        for parameter, value in counts.items():
            check(value >= 1, f"{name}.{parameter}", "be >= 1", value)
            setattr(self, parameter, value)
        self._note(epsilon=epsilon)
        self.ball = ball
        self.jit_compile = jit_compile

    @property
    def threat_model(self) -> ThreatModel | None:
        """The ball that it stays in, by its attributes `epsilon` and `ball`; None without an ε."""
        if not hasattr(self, "epsilon"):
            return None
        return ThreatModel(self.epsilon, getattr(self, "ball", "linf"))

    def check_ball(self, ball: str) -> None:
        """Raises `UserError` if the attack keeps to another ball because it knows no such one."""
        takes_ball = "ball" in inspect.signature(type(self)).parameters
        if self.threat_model and not takes_ball and self.threat_model.ball != ball:
            raise UserError(
                f"{type(self).__name__} knows {BALL_NAMES[self.threat_model.ball]} balls alone, "
                f"and the threat model has PGD.ball = {ball!r}: leave the attack out, or give it a "
                "parameter `ball`",
                "PGD.ball",
            )

    @abc.abstractmethod
    def __call__(
        self, logits_fn: LogitsFn, images: tf.Tensor, labels: tf.Tensor, seeds: tf.Tensor
    ) -> tf.Tensor:
        """Returns adversarial images.

        Args:
            logits_fn: maps float32 images [N, H, W, C] in 0..255 to logits [N, K].
            images: float32 [N, H, W, C] in 0..255.
            labels: int32 [N], the true classes.
            seeds: int64 [N, 2], a stream for each example.

        Returns:
            float32 [N, H, W, C] in 0..255. An image on whose way a logit, a loss or a
            gradient was not finite comes back as NaN, which training and evaluation refuse.
        """

    def succeeded(self, logits: tf.Tensor, labels: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """Returns bool [N]: whether the attack reached its own goal.

        For an untargeted attack that is any wrong class.
        """
        return classified(logits) != tf.cast(labels, tf.int32)

    def check_classes(self, classes: int) -> None:  # noqa: B027  (most run on any number)
        """Raises `UserError` where the attack can't be run on so many classes."""

    def for_classes(self, classes: int) -> "Attack":
        """Returns the attack as it is run on so many classes: by default as it is.

        Raises:
            UserError: it can't be.
        """
        self.check_classes(classes)
        return self

    def without_gradient(self) -> "Attack | None":
        """Returns the attack on a model that has no gradient by its images, if it is one."""
        return None if self.needs_gradient else self

    @property
    def left_out(self) -> Mapping[str, str]:
        """The stages that are not run on these classes or this model, and why."""
        return {}

    @property
    def title(self) -> str:
        """What tables call it: its class's name, if it says nothing else."""
        return type(self).__name__

    @property
    def passes(self) -> float:
        """About how many forward and backward passes each image costs."""
        return 1.0

    def by_row(self, logits_fn: LogitsFn) -> RowAttack | None:
        """Returns the attack as a search for mistakes that images leave one by one, if it is one.

        By default it is not, and is called on whole batches. It aims at as many classes as
        the attack does, which has to be one that `for_classes` returned.
        """
        return None

    def stages(self) -> Mapping[str, "Attack"]:
        """Returns the attacks that this one is a sequence of, by name, if it is one.

        Each is meant for the images that none before it fooled.
        """
        return {}

    def describe(self) -> dict[str, object]:
        """Returns what an evaluation record says of this attack."""
        return {"targeted": self.targeted}


def towards_at_most(attack: Attack, classes: int) -> Attack:
    """Returns an attack towards its `classes` likeliest wrong ones, or all if these are fewer."""
    if attack.classes <= classes:
        return attack
    fewer = copy.copy(attack)
    fewer.classes = classes
    return fewer
