"""What skipping cycles saves on a trained model, and whether it changes a bit.

``python -m benchmarks.attack_cycles --model_dir=runs/…`` runs PGD with α = ε/16 up to
2,000 steps on the run's test images, with cycles skipped and step by step, and
compares the final images and the predictions at every length.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tfadv import config, randomness
from tfadv.attacks.pgd import PGD
from tfadv.data.pipeline import evaluation_batches, evaluation_indices
from tfadv.evaluation.trajectory.curve import Curve
from tfadv.evaluation.trajectory.rolling_batch import Outcome
from tfadv.norms import NormMode
from tfadv.planning.plan import build_plan
from tfadv.runs import trained_run

LENGTHS = (10, 20, 100, 500, 1000, 2000)


def walk(run: trained_run.TrainedRun, dtype: str, arguments, skip: bool) -> tuple[list, float]:
    """Returns the outcomes in the images' order, and the seconds they took."""
    epsilon, model = run.plan.attack.epsilon, run.model
    lengths = [length for length in LENGTHS if length <= arguments.longest]
    curve = Curve(PGD(epsilon, 1, epsilon / 16), lengths, skip_cycles=skip)
    logits_fn = model.logits_fn(NormMode(model.default_branch), dtype, constant=True)
    source = run.plan.splits.test
    indices = evaluation_indices(source, arguments.examples)
    batches = evaluation_batches(source, indices, arguments.batch)
    start = time.monotonic()
    found = list(
        curve.run(logits_fn, batches, lambda i: randomness.example_seeds(0, "evaluate", i))
    )
    return sorted(found, key=lambda outcome: outcome.index), time.monotonic() - start


def row(dtype: str, skip: bool, outcomes: list[Outcome], seconds: float) -> list[str]:
    """Returns a line of the table."""
    passes = np.array([outcome.passes for outcome in outcomes])
    periods = np.array([outcome.period for outcome in outcomes])
    robust = np.mean([outcome.predictions[-1] == outcome.label for outcome in outcomes])
    return [
        dtype,
        "skipped" if skip else "walked",
        f"{seconds:.1f}",
        f"{passes.mean():.0f}",
        str(passes.max()),
        f"{np.mean(periods > 0):.1%}",
        str(periods.max()),
        f"{robust:.1%}",
    ]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model_dir", type=Path, required=True)
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--longest", type=int, default=2000, choices=LENGTHS)
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    arguments = parser.parse_args()
    config.read([trained_run.config_file(arguments.model_dir)])
    run = trained_run.load(arguments.model_dir, build_plan())
    columns = ("precision", "cycles", "seconds", "passes", "most", "in a cycle", "period", "robust")
    table, console = Table(*columns), Console()
    for dtype in arguments.dtypes:
        (fast, fast_seconds), (slow, slow_seconds) = (
            walk(run, dtype, arguments, skip) for skip in (True, False)
        )
        table.add_row(*row(dtype, True, fast, fast_seconds))
        table.add_row(*row(dtype, False, slow, slow_seconds))
        same = all(
            np.array_equal(a.final, b.final) and np.array_equal(a.predictions, b.predictions)
            for a, b in zip(fast, slow, strict=True)
        )
        ratio = slow_seconds / fast_seconds
        console.print(f"{dtype}: {'the same bits' if same else 'OTHER BITS'}, {ratio:.1f} times")
    console.print(table)


if __name__ == "__main__":
    main()
