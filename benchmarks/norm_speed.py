"""Times what a norm costs beside batch norm: ``python -m benchmarks.norm_speed``.

Of group norm an attack's step, where batch norm on running statistics is folded into the
convolutions; of ghost batches of 32 an update, where batch norm has whole batches. The two sides
take turns; time is that of the wall and, steadier where others compute too, of the processor.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf
from rich.console import Console
from rich.table import Table

from benchmarks.cases import CASES, EPSILON, STEP_SIZE, Case
from tfadv.attacks.pgd import PGD
from tfadv.models.resnet import ResNet
from tfadv.norms import NormMode
from tfadv.norms.base import Norm
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm

STEPS = 5
GHOST_BATCH = 32


def model_of(case: Case, norm: type[Norm]) -> ResNet:
    """Returns a case's network with another norm, its weights random."""
    shape = (case.image, case.image, 3)
    return ResNet(case.blocks, shape, case.classes, norm, case.width, case.stem)


def attack(case: Case, norm: type[Norm], dtype: str) -> Callable[[], object]:
    """Returns a run of PGD-`STEPS`."""
    model, pgd = model_of(case, norm), PGD(EPSILON, STEPS, STEP_SIZE, jit_compile=False)
    images = tf.constant(case.images)
    labels, index = tf.range(case.batch) % case.classes, tf.range(case.batch, dtype=tf.int64)
    seeds = tf.stack([index, index], 1)

    @tf.function(autograph=False)
    def run():
        return pgd(model.logits_fn(NormMode(), dtype), images, labels, seeds)

    return run


def update(case: Case, ghost_batches: int, dtype: str) -> Callable[[], object]:
    """Returns a run of a training forward and its gradients by the weights."""
    model, images = model_of(case, BatchNorm), tf.constant(case.images)
    labels = tf.range(case.batch) % case.classes
    mode = NormMode(None, "batch", False, ghost_batches)
    weights = [variable.value for variable in model.trainable_variables]

    @tf.function(autograph=False)
    def run():
        with tf.GradientTape() as tape:
            logits = model(images, mode=mode, dtype=dtype)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        return tf.add_n([tf.reduce_sum(g) for g in tape.gradient(loss, weights)])

    return run


def measure(case: Case, dtype: str, rounds: int) -> list[dict]:
    """Returns a row for each comparison, its medians in milliseconds a step."""
    sides = {
        "attack": (STEPS, "batch norm", attack(case, BatchNorm, dtype)),
        "attack, group norm": (STEPS, "group norm", attack(case, GroupNorm, dtype)),
    }
    if case.batch > GHOST_BATCH:
        ghosts = case.batch // GHOST_BATCH
        sides |= {
            "update": (1, "whole batches", update(case, 1, dtype)),
            "update, ghost batches": (
                1,
                f"ghost batches of {GHOST_BATCH}",
                update(case, ghosts, dtype),
            ),
        }
    walls: dict[str, list[float]] = {key: [] for key in sides}
    cpus: dict[str, list[float]] = {key: [] for key in sides}
    for number in range(rounds + 1):
        for key, (steps, _, run) in sides.items():
            wall, cpu = time.perf_counter(), time.process_time()
            tf.nest.map_structure(lambda value: value.numpy(), run())
            if number:  # the first one traces
                walls[key].append(1000 * (time.perf_counter() - wall) / steps)
                cpus[key].append(1000 * (time.process_time() - cpu) / steps)
    rows = []
    for key, (_, norm, _) in sides.items():
        base = key.split(",")[0]
        rows.append(
            {
                "model": case.name,
                "batch": case.batch,
                "precision": dtype,
                "what": base,
                "norm": norm,
                "milliseconds": statistics.median(walls[key]),
                "cpu_milliseconds": statistics.median(cpus[key]),
                "ratio": _ratio(walls[key], walls[base]),
                "cpu_ratio": _ratio(cpus[key], cpus[base]),
            }
        )
    return rows


def _ratio(values, base) -> float:
    return statistics.median(a / b for a, b in zip(values, base, strict=True))


def main() -> None:
    """Measures the networks asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--models", nargs="+", default=["small-32", "resnet50-64"], choices=list(CASES)
    )
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    table = Table("model", "precision", "what", "norm", "ms", "CPU ms", "ratio", "CPU ratio")
    rows = []
    for case in (CASES[name] for name in arguments.models):
        for dtype in arguments.dtypes:
            rows += measure(case, dtype, arguments.rounds)
    for row in rows:
        numbers = (f"{row['milliseconds']:.1f}", f"{row['cpu_milliseconds']:.1f}")
        ratios = (f"{row['ratio']:.2f}", f"{row['cpu_ratio']:.2f}")
        table.add_row(row["model"], row["precision"], row["what"], row["norm"], *numbers, *ratios)
    Console().print(table)
    if arguments.json:
        record = {"host": platform.platform(), "rows": rows}
        arguments.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
