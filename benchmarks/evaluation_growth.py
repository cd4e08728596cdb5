"""AutoAttack's and a curve's time against images and replicas.

``python -m benchmarks.evaluation_growth --model_dir=runs/… --json=growth.json``. Every row runs
in a process of its own, in which the processor is split into as many logical devices as
there are replicas; the rows' ``verdicts`` are a digest of which images were left. ``--plot``
draws the rows as PNG.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

ATTACKS = ("autoattack", "pgd")


def measure(arguments: argparse.Namespace) -> dict:
    """Returns the seconds, wall and processor, of one evaluation, and its verdicts."""
    import dataclasses

    from tfadv import config
    from tfadv.attacks.autoattack import AutoAttack
    from tfadv.attacks.pgd import PGD
    from tfadv.evaluation.evaluator import Evaluator
    from tfadv.planning.distribution import Distribution
    from tfadv.planning.evaluation_parts import EvaluationParts
    from tfadv.planning.plan import build_plan
    from tfadv.runs import trained_run

    config.read([trained_run.config_file(arguments.model_dir)])
    devices = Distribution(virtual_cpus=arguments.replicas).create()
    with devices.scope():
        run = trained_run.load(arguments.model_dir, build_plan())
    epsilon = arguments.epsilon
    attack = {
        "autoattack": lambda: AutoAttack(epsilon, order=arguments.order),
        "pgd": lambda: PGD(epsilon, arguments.steps, epsilon / 16, targeted=False),
    }[arguments.attack]()
    evaluation = dataclasses.replace(
        run.plan.evaluation,
        attacks=("attack",),
        batch_size=arguments.batch,
        examples=arguments.images,
        worst_case=True,
    )
    parts = EvaluationParts(run.plan.splits.test, evaluation, {"attack": attack}, seed=0)
    branch = run.model.default_branch
    evaluator = Evaluator(run.model, parts, devices, [branch])
    began, used = time.monotonic(), time.process_time()
    (row,) = evaluator.evaluate()["attacks"]
    seconds, processor = time.monotonic() - began, time.process_time() - used
    left = evaluator.predictions[branch, "attack"] == parts.source.labels[evaluator.indices]
    return {
        "attack": arguments.attack,
        "order": list(arguments.order),
        "images": len(left),
        "replicas": arguments.replicas,
        "batch": arguments.batch,
        "seconds": seconds,
        "processor_seconds": processor,
        "accuracy": float(np.mean(left)),
        "passes_per_image": row["passes_per_image"],
        "verdicts": hashlib.sha256(left.tobytes()).hexdigest()[:12],
    }


def in_a_process(arguments: argparse.Namespace, images: int, replicas: int) -> dict:
    """Returns the row of a process of its own."""
    kept = ("model_dir", "attack", "epsilon", "steps", "batch")
    command = [f"--{name}={getattr(arguments, name)}" for name in kept]
    command += [f"--images={images}", f"--replicas={replicas}", "--here"]
    command += ["--order", *arguments.order]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.evaluation_growth", *command],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    return json.loads(done.stdout.splitlines()[-1])


def drawn(rows: list[dict], path: Path) -> None:
    """Draws the medians of the processor's seconds by images and replicas."""
    from benchmarks import growth

    seconds: dict[tuple[int, int], list[float]] = {}
    for row in rows:
        seconds.setdefault((row["replicas"], row["images"]), []).append(row["processor_seconds"])
    lines: dict[str, list[tuple[float, float]]] = {}
    for (replicas, images), found in sorted(seconds.items()):
        name = f"{replicas} replica" + "s" * (replicas > 1)
        lines.setdefault(name, []).append((images, float(np.median(found))))
    title = {"autoattack": "AutoAttack", "pgd": "PGD"}[rows[0]["attack"]]
    growth.draw(path, title, ("images", "seconds of the processor"), lines)


def parsed() -> argparse.Namespace:
    """Returns the flags."""
    from tfadv.attacks.autoattack import STAGES

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model_dir", type=Path, required=True)
    parser.add_argument("--attack", choices=ATTACKS, default="autoattack")
    parser.add_argument("--order", nargs=4, choices=STAGES, default=STAGES, help="of AutoAttack")
    parser.add_argument("--epsilon", type=float, default=8.0, help="in pixels")
    parser.add_argument("--steps", type=int, default=1000, help="of PGD, worst case")
    parser.add_argument("--batch", type=int, default=128, help="over all replicas")
    parser.add_argument("--images", type=int, nargs="+", default=[125, 250, 500, 1000])
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=1, help="of all rows, one after the other")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="a PNG file")
    parser.add_argument("--here", action="store_true", help="one row, in this process")
    return parser.parse_args()


def main() -> None:
    """Measures every row: all images on one replica, and the most images on more."""
    arguments = parsed()
    if arguments.here:
        (arguments.images,), (arguments.replicas,) = arguments.images, arguments.replicas
        print(json.dumps(measure(arguments)))
        return
    wanted = [(images, arguments.replicas[0]) for images in arguments.images]
    wanted += [(arguments.images[-1], replicas) for replicas in arguments.replicas[1:]]
    rows = []
    for number in range(arguments.rounds):
        for images, replicas in wanted:
            row = in_a_process(arguments, images, replicas) | {"round": number}
            print(json.dumps(row), flush=True)
            rows.append(row)
    names = ("images", "replicas", "seconds", "processor_seconds", "accuracy", "verdicts")
    table = Table(*names)
    for row in rows:
        table.add_row(
            *(f"{row[n]:.3g}" if isinstance(row[n], float) else f"{row[n]}" for n in names)
        )
    Console().print(table)
    if arguments.json:
        record = {"host": platform.platform(), "rows": rows}
        arguments.json.write_text(json.dumps(record, indent=2) + "\n")
    if arguments.plot:
        drawn(rows, arguments.plot)


if __name__ == "__main__":
    main()
