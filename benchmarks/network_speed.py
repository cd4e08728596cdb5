"""Times attack steps of keras.applications' ResNet50 beside those of our ResNet-50.

``python -m benchmarks.network_speed [--dtype=bfloat16] [--network=ResNet50]``: five PGD steps in
one traced call, each network in turn; medians of milliseconds a step and of their ratio.
"""

import argparse
import statistics
import time

import numpy as np
import tensorflow as tf

from tfadv.devices.local import processor_name
from tfadv.models.functional.from_keras import Keras
from tfadv.models.resnet import ResNet
from tfadv.norms import NormMode
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm

_STEPS = 5


def attacked(model, labels: tf.Tensor, dtype: str):
    """Returns a function that does some steps along the gradient's sign."""

    @tf.function(autograph=False)
    def attack(images):
        logits_fn = model.logits_fn(NormMode("adv"), dtype)

        def step(number, x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits_fn(x))
            return number + 1, x + tf.sign(tape.gradient(loss, x))

        return tf.while_loop(lambda number, _: number < _STEPS, step, (0, images))[1]

    return attack


def main() -> None:
    """Prints the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--network", default="ResNet50", help="of keras.applications")
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    shape = (given.size, given.size, 3)
    draw = np.random.default_rng(0)
    images = tf.constant(draw.uniform(0, 255, (given.images, *shape)), tf.float32)
    labels = tf.range(given.images) % 10
    build = f"keras.applications.{given.network}"
    models = {
        "ours": ResNet((3, 4, 6, 3), shape, 10, MixtureBatchNorm),
        given.network: Keras(shape, 10, MixtureBatchNorm, build=build),
    }
    attacks = {name: attacked(model, labels, given.dtype) for name, model in models.items()}
    seconds: dict[str, list[float]] = {name: [] for name in attacks}
    for number in range(given.rounds + 1):
        for name, attack in attacks.items():
            began = time.perf_counter()
            attack(images).numpy()
            if number:  # the first one traces
                seconds[name].append((time.perf_counter() - began) / _STEPS)
    ratio = statistics.median(b / a for a, b in zip(*seconds.values(), strict=True))
    medians = ", ".join(f"{n} {1000 * statistics.median(s):.1f} ms" for n, s in seconds.items())
    print(f"{processor_name()}, {given.dtype}: {medians} a step; ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
