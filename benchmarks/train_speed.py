"""Times a whole adversarial training step: ``python -m benchmarks.train_speed``.

Ours is the trainer's own step (attack on running statistics, then one update on
batch statistics); the others are the loops that users of Keras and PyTorch
write: an attack in evaluation mode, an update in training mode.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import torch
from rich.console import Console
from rich.table import Table
from torch.nn import functional

from benchmarks import jax_peers
from benchmarks.cases import CASES, EPSILON, STEP_SIZE, Case
from benchmarks.torch_resnet import Network
from tfadv.devices.local import processor_name

Step = Callable[[], object]
RATE = 1e-3


def tfadv(case: Case, steps: int, attack_dtype: str, dtype: str = "float32") -> Step:
    """Our trainer's step, the attack in one dtype and the update in another."""
    trainer = case.trainer("adv_100_clean_0", steps, attack_dtype, dtype)
    batch = case.training_batch
    phase = trainer.train_step.phase(epoch=0)
    traces = trainer.train_step.traces(phase)

    @tf.function(autograph=False)
    def run():
        with traces.in_use():
            return trainer.train_step(batch, phase)

    return lambda: run()[0]["loss"].numpy()


def keras_loop(case: Case, steps: int) -> Step:
    """A Keras model, the attack's loop and the update in one tf.function."""
    model = keras.models.clone_model(case.stock)
    optimizer = keras.optimizers.SGD(RATE, momentum=0.9, nesterov=True)
    optimizer.build(model.trainable_variables)
    images, labels = tf.constant(case.images), tf.constant(case.labels)

    def loss(x, training):
        logits = model(x, training=training)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)

    @tf.function
    def run():
        x = images + tf.random.uniform(images.shape, -EPSILON, EPSILON)
        for _ in tf.range(steps):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = loss(x, training=False)
            x = x + STEP_SIZE * tf.sign(tape.gradient(value, x))
            x = tf.clip_by_value(x, images - EPSILON, images + EPSILON)
            x = tf.clip_by_value(x, 0.0, 255.0)
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(loss(x, training=True))
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return value

    return lambda: run().numpy()


def torch_loop(case: Case, steps: int, bfloat16: bool, compiled: bool = False) -> Step:
    """PyTorch, channels last; autocast covers attack and update. Eager, or the network compiled."""
    network = Network(case.model).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), RATE, momentum=0.9, nesterov=True)
    if compiled:
        network = torch.compile(network, dynamic=False)
    images = torch.tensor(np.transpose(case.images, (0, 3, 1, 2)))
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.tensor(case.labels, dtype=torch.int64)
    low, high = (images - EPSILON).clamp(0, 255), (images + EPSILON).clamp(0, 255)

    def loss(x):
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits = network(x)
        return functional.cross_entropy(logits.float(), labels)

    def run():
        network.eval()
        x = images + torch.empty_like(images).uniform_(-EPSILON, EPSILON)
        for _ in range(steps):
            x = x.detach().requires_grad_(True)
            x = x + STEP_SIZE * torch.autograd.grad(loss(x), x)[0].sign()
            x = torch.maximum(torch.minimum(x, high), low)
        network.train()
        optimizer.zero_grad()
        value = loss(x.detach())
        value.backward()
        optimizer.step()
        return float(value.detach())

    return run


def measure(case: Case, steps: int, rounds: int, only: str = "") -> list[dict]:
    """Returns a row for each implementation, its median images/s."""
    sides = {
        ("tfadv", "bfloat16"): tfadv(case, steps, "bfloat16", "bfloat16"),
        ("tfadv", "bfloat16 attack"): tfadv(case, steps, "bfloat16"),
        ("tfadv", "float32"): tfadv(case, steps, "float32"),
        ("keras loop", "float32"): keras_loop(case, steps),
        ("torch loop", "float32"): torch_loop(case, steps, bfloat16=False),
        ("torch loop", "bfloat16"): torch_loop(case, steps, bfloat16=True),
        ("torch.compile loop", "float32"): torch_loop(case, steps, False, compiled=True),
        ("torch.compile loop", "bfloat16"): torch_loop(case, steps, True, compiled=True),
        ("jax.jit loop", "float32"): jax_peers.training(case, steps, "float32"),
    }
    sides = {key: run for key, run in sides.items() if only in " ".join(key)}
    times: dict[tuple[str, str], list[float]] = {key: [] for key in sides}
    for number in range(rounds + 1):  # the first round traces and warms up
        order = list(sides)[:: -1 if number % 2 else 1]  # nobody always comes after the same one
        for key in order:
            run, began = sides[key], time.perf_counter()
            run()
            times[key].append(time.perf_counter() - began)
    names = {"model": case.name, "batch": case.batch, "attack_steps": steps}
    return [
        names
        | {
            "impl": key[0],
            "precision": key[1],
            "images_per_second": case.batch / statistics.median(times[key][1:]),
        }
        for key in sides
    ]


def main() -> None:
    """Measures the networks asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--steps", nargs="+", type=int, default=[10, 30])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="implementations whose name holds this")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    console, rows = Console(), []
    for case in (CASES[name] for name in arguments.models):
        for steps in arguments.steps:
            found = measure(case, steps, arguments.rounds, arguments.only)
            title = f"{case.name}, batch {case.batch}, PGD-{steps}"
            table = Table("implementation", "precision", "images/s", "ratio", title=title)
            for row in found:
                ratio = found[0]["images_per_second"] / row["images_per_second"]
                speed = f"{row['images_per_second']:.3g}"
                table.add_row(row["impl"], row["precision"], speed, f"{ratio:.2f}")
            console.print(table)
            rows += found
    if arguments.json:
        record = {"host": processor_name(), "rows": rows}
        arguments.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
