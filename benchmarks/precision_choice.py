"""Times what 'auto' measures beside whole steps: ``python -m benchmarks.precision_choice``.

For each network: the trial calls that a run makes where 'auto' is bound, in both dtypes, what they
choose and how long choosing takes; then whole steps (attack and update) with each choice bound,
in turns, which tell whether the choice was right.
"""

import argparse
import dataclasses
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf
from rich.console import Console
from rich.table import Table

from benchmarks.cases import CASES, Case
from tfadv.devices.local import processor_name
from tfadv.planning import precision_trials
from tfadv.planning.dtype_choice import EXACT, FAST, faster
from tfadv.planning.plan import Plan
from tfadv.training.trainer import Trainer

# Of training and of the attack in it.
SIDES = ((EXACT, EXACT), (EXACT, FAST), (FAST, FAST))


def trial_rows(plan: Plan, model, batch: int) -> list[dict]:
    """Returns a row for each trial: medians in milliseconds, the choice, and how long it took."""
    rows = []
    for trial in (
        precision_trials.attack_trial(plan, model, batch),
        precision_trials.training_trial(plan, model, batch),
        precision_trials.evaluation_trial(model, batch),
    ):
        began = time.perf_counter()
        found = trial.measure()
        times = {dtype: 1e3 * seconds for dtype, seconds in found.seconds.items()}
        chosen = {"chosen": faster(found.seconds), "measured_in": time.perf_counter() - began}
        rows.append({"what": found.what, "images": found.images, **times, **chosen})
    return rows


def step_of(case: Case, plan: Plan, dtype: str, attack_dtype: str) -> Callable[[], None]:
    """Returns a whole training step on the case's batch, traced."""
    training = dataclasses.replace(plan.training, dtype=dtype, attack_dtype=attack_dtype)
    of_dtypes = dataclasses.replace(plan, training=training)
    trainer, batch = Trainer(of_dtypes, tf.distribute.get_strategy()), case.training_batch
    phase = trainer.train_step.phase(epoch=0)
    run = tf.function(lambda: trainer.train_step(batch, phase)[0]["loss"], autograph=False)
    run()
    return lambda: run().numpy()


def step_rows(case: Case, plan: Plan, rounds: int) -> list[dict]:
    """Returns the medians of whole steps in milliseconds, of time and of CPU time, by dtypes."""
    steps = {side: step_of(case, plan, *side) for side in SIDES}
    taken: dict[tuple[str, str], list[tuple[float, float]]] = {side: [] for side in SIDES}
    order = list(steps)
    for _ in range(rounds):
        for side in order:
            began = time.perf_counter(), time.process_time()
            steps[side]()
            taken[side].append((time.perf_counter() - began[0], time.process_time() - began[1]))
        order.reverse()
    rows = []
    for (training, attack), found in taken.items():
        wall, cpu = (1e3 * statistics.median(times) for times in zip(*found, strict=True))
        rows.append({"training": training, "attack": attack, "ms": wall, "cpu_ms": cpu})
    return rows


def main() -> None:
    """Prints two tables for each network."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--recipe", default="adv_100_clean_0")
    parser.add_argument("--steps", type=int, default=5, help="of the attack")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    console, rows = Console(), []
    for case in (CASES[name] for name in arguments.models):
        trainer = case.trainer(arguments.recipe, arguments.steps)
        trials = trial_rows(trainer.plan, trainer.model, case.batch)
        table = Table("CPU time, ms", "images", EXACT, FAST, "chosen", "in s")
        table.title = f"{case.name} ({processor_name()})"
        for row in trials:
            times = (f"{row[name]:.3g}" for name in (EXACT, FAST))
            took = f"{row['measured_in']:.1f}"
            table.add_row(row["what"], str(row["images"]), *times, row["chosen"], took)
        console.print(table)
        steps = step_rows(case, trainer.plan, arguments.rounds)
        table = Table("training", "attack", "whole step, ms", "of CPU time")
        table.title = f"{case.name}, batch {case.batch}, PGD-{arguments.steps}"
        for row in steps:
            times = (f"{row[name]:.4g}" for name in ("ms", "cpu_ms"))
            table.add_row(row["training"], row["attack"], *times)
        console.print(table)
        rows.append({"model": case.name, "trials": trials, "steps": steps})
    if arguments.json:
        record = {"processor": processor_name(), "rows": rows}
        arguments.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
