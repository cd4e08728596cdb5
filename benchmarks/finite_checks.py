"""Times what the checks for finite numbers cost a training step.

``python -m benchmarks.finite_checks`` traces the trainer's own step twice, with the checks of
gradients, weights, statistics and the attack's own and what takes a step back that fails them,
and with these checks left out, and does both in turns: the ratio of each pair counts, since the
machine is shared.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import tensorflow as tf

from benchmarks.cases import CASES, Case


def step_of(case: Case, recipe: str, steps: int) -> Callable[[], None]:
    """Returns the trainer's step on one batch, traced."""
    trainer, batch = case.trainer(recipe, steps), case.training_batch
    phase = trainer.train_step.phase(epoch=0)

    @tf.function(autograph=False)
    def run():
        metrics, found = trainer.train_step(batch, phase)
        return metrics["loss"], found.is_broken

    def step() -> None:
        loss, broken = run()
        assert not broken.numpy(), loss.numpy()

    step()
    return step


def without_checks(case: Case, recipe: str, steps: int) -> Callable[[], None]:
    """Returns the same step with every check left out."""

    def none(tensors):
        return tf.zeros([len(list(tensors))])

    def none_by_image(tensors, places, batch_size, broken):
        return tf.zeros([len(tensors), batch_size])

    def unchanged(images, _):
        return images

    def none_of_values(blocks, variables, tensors):
        return none(tensors)

    training = "tfadv.training"
    with (
        mock.patch(f"{training}.training_step.not_finite_values", none_of_values),
        mock.patch(f"{training}.step.replica_step.not_finite_values", none_of_values),
        mock.patch(f"{training}.step.replica_step.not_finite", none),
        mock.patch(f"{training}.step.replica_step.not_finite_by_image", none_by_image),
        mock.patch("tfadv.attacks.gradients.unless_broken", unchanged),
    ):
        return step_of(case, recipe, steps)


def seconds(step: Callable[[], None], count: int) -> float:
    """Returns how long some steps take."""
    began = time.perf_counter()
    for _ in range(count):
        step()
    return time.perf_counter() - began


def main() -> None:
    """Prints a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", default=["small-32"], choices=list(CASES))
    parser.add_argument("--recipe", default="mbn")
    parser.add_argument("--attack_steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=2, help="of a round")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    for name in arguments.models:
        makers = (step_of, without_checks)
        checked, plain = (
            make(CASES[name], arguments.recipe, arguments.attack_steps) for make in makers
        )
        pairs = []
        for number in range(arguments.rounds):
            order = (checked, plain) if number % 2 else (plain, checked)
            times = {step: seconds(step, arguments.steps) for step in order}
            pairs.append((times[checked], times[plain]))
        ratios = [one / other for one, other in pairs]
        milliseconds = [
            1000 * statistics.median(side) / arguments.steps for side in zip(*pairs, strict=True)
        ]
        row = {
            "model": name,
            "checked_ms": milliseconds[0],
            "unchecked_ms": milliseconds[1],
            "ratio": statistics.median(ratios),
            "quartiles": statistics.quantiles(ratios, n=4)[::2],
        }
        rows.append(row)
        print(
            f"{name}: {row['checked_ms']:.1f} ms with checks, {row['unchecked_ms']:.1f} without; "
            f"median of the pairs' ratios {row['ratio']:.4f} "
            f"(quartiles {row['quartiles'][0]:.4f}, {row['quartiles'][1]:.4f})"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
