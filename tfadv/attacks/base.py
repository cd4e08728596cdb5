"""What every attack shares: its interface, threat model and bounds."""

from collections.abc import Callable, Mapping

import tensorflow as tf

LogitsFn = Callable[[tf.Tensor], tf.Tensor]

# Images are float RGB in this range everywhere outside the model.
PIXEL_RANGE = (0.0, 255.0)


def input_gradient(tape: tf.GradientTape, loss: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """Returns a loss's gradient by the images: 0 where no operation on the way has one."""
    return tape.gradient(loss, images, unconnected_gradients=tf.UnconnectedGradients.ZERO)


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
        [N, H, W, C], the losses and the rest. For use in a traced function.
    """

    @tf.function(autograph=False, experimental_attributes={"_noinline": True})
    def differentiated(images, *others):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            losses, rest = function(images, *others)
            total = tf.reduce_sum(losses)
        return input_gradient(tape, total, images), losses, rest

    return differentiated


class Attack:
    """Base class of the attacks.

    An attack sees a function from images to logits and nothing of the model
    behind it. It touches no variable and draws all its randomness from the
    seeds it is given.

    Attributes:
        targeted: whether it drives images towards a chosen wrong class.
        borrows: what holds for every attack unless it is bound for one: the
            threat model.
    """

    targeted = False
    borrows = ("PGD.epsilon", "PGD.ball")

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
            float32 [N, H, W, C] in 0..255.
        """
        raise TypeError(f"{type(self).__name__} defines no __call__")

    def succeeded(self, logits: tf.Tensor, labels: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """Returns bool [N]: whether the attack reached its own goal.

        For an untargeted attack that is any wrong class.
        """
        return tf.argmax(logits, -1, labels.dtype) != labels

    def check_classes(self, classes: int) -> None:
        """Raises `UserError` where the attack can't be run on so many classes."""

    @property
    def title(self) -> str:
        """What tables call it: its class's name, if it says nothing else."""
        return type(self).__name__

    @property
    def passes(self) -> float:
        """About how many forward and backward passes an image costs."""
        return 1.0

    def stages(self) -> Mapping[str, "Attack"]:
        """Returns the attacks that this one is a sequence of, by name, if it is one.

        Each is meant for the images that no one before it fooled.
        """
        return {}

    def describe(self) -> dict[str, object]:
        """Returns what an evaluation record says of this attack."""
        return {"targeted": self.targeted}
