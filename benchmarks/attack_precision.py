"""Whether bfloat16 attacks are as strong as float32's, on a trained model.

``python -m benchmarks.attack_precision --model_dir=runs/… [--steps 100]`` attacks the
run's test images in both precisions, from the same starts to the same targets,
and judges both in float32.
"""

import argparse
from pathlib import Path

import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from tfadv import config, randomness
from tfadv.attacks.pgd import PGD
from tfadv.data.pipeline import evaluation_batches, evaluation_indices
from tfadv.losses import cross_entropy
from tfadv.norms import NormMode
from tfadv.planning.plan import build_plan
from tfadv.runs import trained_run


def outcomes(plan, model, branch: str, steps: int, batch: int) -> dict[str, dict[str, float]]:
    """Returns success, mean loss at the target and robust accuracy for each precision."""
    epsilon = plan.attack.epsilon
    attack = PGD(epsilon, steps, max(1.0, epsilon / 16))
    judge, source = model.logits_fn(NormMode(branch)), plan.splits.test
    found = {}
    for dtype in ("float32", "bfloat16"):
        logits_fn = model.logits_fn(NormMode(branch), dtype, constant=True)
        run = tf.function(lambda *batch, f=logits_fn: attack(f, *batch), autograph=False)
        sums, count = np.zeros(3), 0
        for part in evaluation_batches(source, evaluation_indices(source), batch):
            images, labels, counts = part["image"], part["label"], part["counts"].numpy()
            seeds = randomness.example_seeds(0, "precision", part["index"])
            logits = judge(run(images, labels, seeds))
            targets = attack.targets(labels, logits.shape[-1], seeds)
            per_image = [
                np.argmax(logits, 1) == targets,
                cross_entropy(logits, targets),
                np.argmax(logits, 1) == labels,
            ]
            sums += [np.sum(np.array(values)[counts]) for values in per_image]
            count += counts.sum()
        found[dtype] = dict(zip(("success", "loss", "accuracy"), sums / count, strict=True))
    return found


def main() -> None:
    """Measures one run's branches."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model_dir", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch", type=int, default=128)
    arguments = parser.parse_args()
    config.read([trained_run.config_file(arguments.model_dir)])
    plan = build_plan()
    model = trained_run.load(arguments.model_dir, plan).model
    table = Table("branch", "precision", "success", "loss at target", "robust accuracy")
    for branch in model.branches:
        for dtype, row in outcomes(plan, model, branch, arguments.steps, arguments.batch).items():
            shown = (f"{row['success']:.2%}", f"{row['loss']:.4f}", f"{row['accuracy']:.2%}")
            table.add_row(branch, dtype, *shown)
    Console().print(table)


if __name__ == "__main__":
    main()
