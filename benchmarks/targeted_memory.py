"""Memory of AutoAttack's targeted stages by how many classes there are to aim at.

``python -m benchmarks.targeted_memory``. Each row runs in a process of its own: a linear
network of as many classes, whose every wrong class is aimed at, in a ball in which no image
can be beaten, so that all rounds are run. ``by row`` is what evaluations do, ``whole`` is the
attack as it is called.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

SHAPE, BATCH, EPSILON = (32, 32, 3), 32, 1e-3


def runs(stage: str, way: str, classes: int, steps: int) -> Callable[[], object]:
    """Returns a run of a stage on one batch."""
    import tensorflow as tf

    from tfadv import randomness
    from tfadv.attacks.apgd_targeted import APGDTargeted
    from tfadv.attacks.fab import FABTargeted
    from tfadv.devices.replicas import Replicas
    from tfadv.evaluation.trajectory.searching import Searching

    generator, pixels = np.random.default_rng(0), int(np.prod(SHAPE))
    weights = tf.constant(generator.normal(0, 0.01, (pixels, classes)), tf.float32)
    images = generator.uniform(0, 255, (BATCH, *SHAPE)).astype("float32")

    def logits_fn(images):
        return tf.reshape(images - 127.5, [-1, pixels]) @ weights

    def seeds_of(index):
        return randomness.example_seeds(0, "targeted memory", index)

    labels = tf.argmax(logits_fn(images), -1, tf.int32)
    kind = {"apgd_targeted": APGDTargeted, "fab_targeted": FABTargeted}[stage]
    attack = kind(EPSILON, steps, classes=classes - 1)
    if way == "whole":
        called = tf.function(lambda *batch: attack(logits_fn, *batch), autograph=False)
        return lambda: called(tf.constant(images), labels, seeds_of(tf.range(BATCH))).numpy()
    searching = Searching(attack.by_row(logits_fn), seeds_of, Replicas(), attack.jit_compile)
    index, counts = np.arange(BATCH), np.ones(BATCH, bool)
    batch = {"image": images, "label": labels, "index": index, "counts": counts}
    return lambda: list(searching.run([batch]))


def measure(arguments: argparse.Namespace) -> dict:
    """Returns what a first run adds to the process's peak, and the seconds it takes."""
    run = runs(arguments.stage, arguments.way, arguments.classes[0], arguments.steps)
    before, began = peak_mebibytes(), time.monotonic()
    run()
    seconds = time.monotonic() - began
    named = {name: getattr(arguments, name) for name in ("stage", "way", "steps")}
    peak = peak_mebibytes()
    found = {"classes": arguments.classes[0], "mebibytes": peak - before, "peak": peak}
    return named | found | {"seconds": seconds}


def peak_mebibytes() -> float:
    """Returns the most memory that the process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_a_process(stage: str, way: str, classes: int, steps: int) -> dict:
    """Returns the row of a process of its own."""
    chosen = [f"--stage={stage}", f"--way={way}", f"--classes={classes}", f"--steps={steps}"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.targeted_memory", "--here", *chosen],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measures every row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--steps", type=int, default=2, help="of each round")
    parser.add_argument("--stage", choices=("apgd_targeted", "fab_targeted"))
    parser.add_argument("--way", choices=("by row", "whole"))
    parser.add_argument("--here", action="store_true", help="one row, in this process")
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(measure(arguments)))
        return
    stages = [arguments.stage] if arguments.stage else ["apgd_targeted", "fab_targeted"]
    ways = [arguments.way] if arguments.way else ["by row", "whole"]
    table = Table("stage", "way", "classes", "MiB more", "peak, MiB", "seconds")
    for stage in stages:
        for way in ways:
            for classes in arguments.classes:
                row = in_a_process(stage, way, classes, arguments.steps)
                print(json.dumps(row), flush=True)
                figures = (f"{row[name]:.0f}" for name in ("mebibytes", "peak", "seconds"))
                table.add_row(stage, way, str(classes), *figures)
    Console().print(table)


if __name__ == "__main__":
    main()
