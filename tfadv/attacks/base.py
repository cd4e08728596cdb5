"""What every attack shares: its interface, threat model and bounds."""

import inspect
from collections.abc import Callable, Mapping

import tensorflow as tf

from tfadv.attacks.threat_model import BALL_NAMES, ThreatModel
from tfadv.errors import UserError
from tfadv.pixels import PIXEL_RANGE, LogitsFn

__all__ = ["PIXEL_RANGE", "Attack", "LogitsFn", "input_gradient", "with_input_gradient"]

# The class of an image that a model gives no finite answer for.
NOT_FINITE = -2


def input_gradient(tape: tf.GradientTape, loss: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """Returns a loss's gradient by the images: 0 where no operation on the way has one."""
    return tape.gradient(loss, images, unconnected_gradients=tf.UnconnectedGradients.ZERO)


def classified(logits: tf.Tensor, images: tf.Tensor | None = None) -> tf.Tensor:
    """Returns the class of the largest logit, int32 [N], or `NOT_FINITE`.

    Args:
        logits: [N, K]; a row with a NaN or an infinity names no class.
        images: [N, H, W, C], what they are of: those that are not finite have no class.
    """
    fine = tf.reduce_all(tf.math.is_finite(logits), -1)
    if images is not None:
        fine &= tf.reduce_all(tf.math.is_finite(images), [1, 2, 3])
    return tf.where(fine, tf.argmax(logits, -1, tf.int32), NOT_FINITE)


def is_broken(gradient: tf.Tensor) -> tf.Tensor:
    """Returns bool [N]: where `with_input_gradient` found a number that is not finite."""
    return tf.math.is_nan(gradient[:, 0, 0, 0])


def unless_broken(images: tf.Tensor, broken: tf.Tensor) -> tf.Tensor:
    """Returns images, those that are marked in `broken`, bool [N], as NaN."""
    return tf.where(broken[:, None, None, None], float("nan"), images)


def with_input_gradient(function: Callable) -> Callable:
    """Returns a function that differentiates a loss by the images, as one call of the graph.

    The call is kept whole. TensorFlow chooses a CPU's kernels node by node, and inside
    a loop in an order that varies from trace to trace: a max-pooling's gradient is
    oneDNN's if its pooling came first, else Eigen's, which is slower and shares ties
    otherwise. A function of its own has no such cycle, so a run's bits are repeatable.

    Args:
        function: maps images [N, H, W, C] and any more tensors to a pair: losses [N],
            and whatever else is wanted of the same pass.

    Returns:
        A function of the same arguments that returns the gradient of the losses' sum
        [N, H, W, C], the losses and the rest. An image whose loss or gradient is not
        finite has nothing but NaN for a gradient. For use in a traced function.
    """

    @tf.function(autograph=False, experimental_attributes={"_noinline": True})
    def differentiated(images, *others):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            losses, rest = function(images, *others)
            total = tf.reduce_sum(losses)
        gradient = input_gradient(tape, total, images)
        fine = tf.reduce_all(tf.math.is_finite(gradient), [1, 2, 3]) & tf.math.is_finite(losses)
        return unless_broken(gradient, ~fine), losses, rest

    return differentiated


class Attack:
    """Base class of the attacks.

    An attack sees a function from images to logits and nothing of the model
    behind it. It touches no variable and draws all its randomness from the
    seeds it is given.

    Attributes:
        targeted: whether it drives images towards a chosen wrong class.
        borrows: what gin binds for every attack unless it is bound for one: the
            threat model.
    """

    targeted = False
    borrows = ("PGD.epsilon", "PGD.ball")

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
        raise TypeError(f"{type(self).__name__} defines no __call__")

    def succeeded(self, logits: tf.Tensor, labels: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """Returns bool [N]: whether the attack reached its own goal.

        For an untargeted attack that is any wrong class.
        """
        return classified(logits) != tf.cast(labels, tf.int32)

    def check_classes(self, classes: int) -> None:
        """Raises `UserError` where the attack can't be run on so many classes."""

    @property
    def title(self) -> str:
        """What tables call it: its class's name, if it says nothing else."""
        return type(self).__name__

    @property
    def passes(self) -> float:
        """About how many forward and backward passes each image costs."""
        return 1.0

    def stages(self) -> Mapping[str, "Attack"]:
        """Returns the attacks that this one is a sequence of, by name, if it is one.

        Each is meant for the images that none before it fooled.
        """
        return {}

    def describe(self) -> dict[str, object]:
        """Returns what an evaluation record says of this attack."""
        return {"targeted": self.targeted}
