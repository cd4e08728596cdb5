"""What a training step computes and keeps, and what that comes to on some devices."""

import dataclasses
import math

import tensorflow as tf

from tfadv import randomness
from tfadv.attacks import Attack
from tfadv.attacks.base import LogitsFn
from tfadv.errors import check, check_choice
from tfadv.models import Model
from tfadv.registry import configurable
from tfadv.strategies import Network, Strategy

# TFLOP/s of dense convolutions, by the vendors' data sheets: V100 SXM2 (float32),
# A100 SXM and H100 SXM (TensorFloat-32 for float32), TPU chips (bfloat16 alone).
PEAKS = {
    "V100": {"float32": 15.7},
    "A100": {"float32": 156.0, "bfloat16": 312.0},
    "H100": {"float32": 494.7, "bfloat16": 989.4},
    "TPU v3": {"bfloat16": 123.0},
    "TPU v4": {"bfloat16": 275.0},
}
# A gradient by the inputs costs a forward; that by inputs and weights two.
ATTACK_PASSES = 2
TRAINING_PASSES = 3


@configurable
@dataclasses.dataclass(frozen=True)
class Hardware:
    """The devices that a run is planned for; it trains on those it finds.

    Attributes:
        device: a name in `PEAKS`, or None.
        devices: how many; None takes the replicas of this machine.
        images_per_device: of a batch; says how many devices instead.
        utilization: share of the peak that a run reaches.
        bandwidth: GB/s from each device to the others.
        price_per_hour: of one device, in any currency.
        images_per_second: measured, over all devices, as ``metrics.jsonl``
            reports it; goes before the peak.
    """

    device: str | None = None
    devices: int | None = None
    images_per_device: int | None = None
    utilization: float = 0.35
    bandwidth: float | None = None
    price_per_hour: float | None = None
    images_per_second: float | None = None

    def __post_init__(self):
        if self.device is not None:
            check_choice("Hardware.device", self.device, PEAKS)
        for name in (
            "devices",
            "images_per_device",
            "bandwidth",
            "price_per_hour",
            "images_per_second",
        ):
            value = getattr(self, name)
            check(value is None or value > 0, f"Hardware.{name}", "be > 0", value)
        check(0 < self.utilization <= 1, "Hardware.utilization", "be in 0..1", self.utilization)

    def count(self, batch_size: int, replicas: int) -> int:
        """Returns the number of devices, `replicas` where nothing is said."""
        if self.images_per_device:
            return max(1, batch_size // self.images_per_device)
        return self.devices or replicas

    def seconds(self, flops: dict[str, float], devices: int) -> float | None:
        """Returns how long all devices take, by the stated peaks; None without them.

        Args:
            flops: operations in each dtype.
            devices: how many share them.
        """
        peaks = PEAKS.get(self.device, {})
        if not set(flops) <= set(peaks):
            return None
        seconds = sum(count / (peaks[dtype] * 1e12) for dtype, count in flops.items())
        return seconds / devices / self.utilization

    def all_reduce_seconds(self, size: float, devices: int) -> float | None:
        """Returns how long a ring takes to add up `size` bytes; None without a bandwidth."""
        if self.bandwidth is None:
            return None
        return 2 * (devices - 1) / devices * size / (self.bandwidth * 1e9)


@dataclasses.dataclass(frozen=True)
class Workload:
    """What one image costs in one training step, on average over a batch.

    Attributes:
        forward_flops: operations of one forward; a multiplication and an
            addition are two.
        outputs: numbers that the convolutions of one forward put out.
        attack_steps: gradient steps for each image of the batch.
        trained_images: images in the loss for each image of the batch.
    """

    forward_flops: float
    outputs: float
    attack_steps: float
    trained_images: float

    def flops(self, dtype: str, attack_dtype: str) -> dict[str, float]:
        """Returns operations for each image of the batch, by dtype.

        Args:
            dtype: of the training forward and backward.
            attack_dtype: of the attack.
        """
        found = dict.fromkeys((attack_dtype, dtype), 0.0)
        found[attack_dtype] += self.forward_flops * ATTACK_PASSES * self.attack_steps
        found[dtype] += self.forward_flops * TRAINING_PASSES * self.trained_images
        return {name: count for name, count in found.items() if count}

    def activation_bytes(self, images: int, dtype: str, attack_dtype: str) -> float:
        """Estimates what one replica keeps for the gradient of `images` at once.

        Training keeps each convolution's output before and after its norm; the
        attack, whose norms are folded, the output alone. The greater of the two
        counts: they are not there at the same time.
        """
        training = 2 * tf.as_dtype(dtype).size * self.outputs * self.trained_images
        attack = tf.as_dtype(attack_dtype).size * self.outputs if self.attack_steps else 0
        return images * max(training, attack)


def measure_workload(model: Model, strategy: Strategy, attack: Attack, images: int) -> Workload:
    """Counts what a step of `images` computes: the network on shapes, the attack by its looks."""
    forward_flops, outputs = _forward(model)
    looks, trained = _images_used(model, strategy, attack, images)
    return Workload(forward_flops, outputs, looks / images, trained / images)


def _forward(model: Model) -> tuple[float, float]:
    operations, outputs = [], []

    def unit(layer, x):
        y = layer(x)
        operations.append(2 * math.prod(layer.kernel.shape[:3]) * math.prod(y.shape[1:]))
        outputs.append(math.prod(y.shape[1:]))
        return y

    def forward(x):
        return model.forward(x, unit)

    tf.function(forward, autograph=False).get_concrete_function(
        tf.TensorSpec((1, *model.image_shape), tf.float32)
    )
    convolutions = {id(layer.kernel) for layer in model.units}
    dense = [kernel for kernel in model.kernels if id(kernel) not in convolutions]
    return sum(operations) + sum(2 * math.prod(kernel.shape) for kernel in dense), sum(outputs)


class _Watched(Network):
    """A network that answers every attack alike, and counts the images that it is asked about."""

    looks = 0

    def _prepared(self, branch: str) -> LogitsFn:
        def logits(images: tf.Tensor) -> tf.Tensor:
            self.looks += images.shape[0]
            brightness = tf.reduce_mean(images, [1, 2, 3])[:, tf.newaxis]
            return brightness * tf.range(self.model.classes, dtype=tf.float32)

        return logits


def _images_used(model: Model, strategy: Strategy, attack: Attack, images: int) -> tuple[int, int]:
    """Returns at how many images a step's attacks look, whosever they are, and how many train.

    The strategy does what it does in a step, on images of a few pixels and step by step.
    """
    network = _Watched(model, kinds=strategy.kinds)
    x, labels = tf.zeros((images, 4, 4, 3)), tf.zeros((images,), tf.int32)
    seeds = randomness.example_seeds(0, "workload", tf.range(images))
    eagerly = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        found = strategy.training_images(network, attack, x, labels, seeds)
    finally:
        tf.config.run_functions_eagerly(eagerly)
    return network.looks, sum(batch.shape[0] for batch in found.values())
