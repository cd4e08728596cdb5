"""Times targeted PGD against every peer: ``python -m benchmarks.attack_speed``.

The sides are interleaved, round by round; medians and ratios are printed.
Success and loss stand beside each time: no one wins by attacking less. The share is of the rate
at which this machine multiplies matrices in the same precision.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from benchmarks import jax_peers, limits, tensorflow_peers, torch_peers
from benchmarks.cases import CASES, Case
from tfadv.devices.local import processor_name

Attack = Callable[[], np.ndarray]


def sides(case: Case, steps: int) -> dict[tuple[str, str], Attack]:
    """Returns every implementation by name and precision."""
    ours, torches = tensorflow_peers.tfadv, torch_peers.pytorch
    return {
        ("tfadv", "bfloat16"): ours(case, steps, "bfloat16"),
        ("tfadv", "float32"): ours(case, steps, "float32"),
        ("keras graph loop", "float32"): tensorflow_peers.keras_graph_loop(case, steps),
        ("foolbox", "float32"): tensorflow_peers.foolbox(case, steps, wrapped=False),
        ("foolbox in tf.function", "float32"): tensorflow_peers.foolbox(case, steps, wrapped=True),
        ("art", "float32"): tensorflow_peers.art(case, steps),
        ("cleverhans", "float32"): tensorflow_peers.cleverhans(case, steps),
        ("torch eager", "float32"): torches(case, steps, bfloat16=False, compiled=False),
        ("torch eager", "bfloat16"): torches(case, steps, bfloat16=True, compiled=False),
        ("torch.compile", "float32"): torches(case, steps, bfloat16=False, compiled=True),
        ("torch.compile", "bfloat16"): torches(case, steps, bfloat16=True, compiled=True),
        ("jax.jit", "float32"): jax_peers.attack(case, steps, "float32"),
        ("jax.jit", "bfloat16"): jax_peers.attack(case, steps, "bfloat16"),
    }


def measure(case: Case, steps: int, rounds: int, only: str) -> list[dict]:
    """Returns a row for each implementation."""
    chosen = {key: run for key, run in sides(case, steps).items() if only in " ".join(key)}
    outcomes = {key: case.outcome(run()) for key, run in chosen.items()}  # and warm-up
    times: dict[tuple[str, str], list[float]] = {key: [] for key in chosen}
    for _ in range(rounds):
        for key, run in chosen.items():
            began = time.perf_counter()
            run()
            times[key].append(1e3 * (time.perf_counter() - began) / steps)
    return [
        {
            "model": case.name,
            "image": case.image,
            "batch": case.batch,
            "impl": key[0],
            "precision": key[1],
            "ms_per_step": statistics.median(times[key]),
            "share_of_peak": limits.share_of_peak(case, key[1], statistics.median(times[key])),
            **outcomes[key],
        }
        for key in chosen
    ]


def table(rows: list[dict]) -> Table:
    """Returns the rows of one network, each with its ratio to the first."""
    first = rows[0]["ms_per_step"]
    title = f"{rows[0]['model']}, batch {rows[0]['batch']}"
    names = ("implementation", "precision", "ms a step", "ratio", "of peak", "success", "loss")
    shown = Table(*names, title=title)
    for row in rows:
        shown.add_row(
            row["impl"],
            row["precision"],
            f"{row['ms_per_step']:.1f}",
            f"{row['ms_per_step'] / first:.2f}",
            f"{row['share_of_peak']:.0%}",
            f"{row['attack_success']:.1%}",
            f"{row['mean_target_loss']:.3f}",
        )
    return shown


def main() -> None:
    """Measures the networks asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="implementations whose name holds this")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    console, rows, bounds = Console(), [], []
    for case in (CASES[name] for name in arguments.models):
        found = measure(case, arguments.steps, arguments.rounds, arguments.only)
        rows += found
        console.print(table(found))
        for dtype in ("bfloat16", "float32"):
            milliseconds = limits.convolutions_ms(case, dtype)
            names = {"model": case.name, "image": case.image, "batch": case.batch}
            bounds.append(names | {"precision": dtype, "convolutions_ms": milliseconds})
            console.print(f"its convolutions alone, {dtype}: {milliseconds:.1f} ms")
        tf.keras.backend.clear_session()
    if arguments.json:
        rates = {dtype: limits.matrix_rate(dtype) for dtype in ("bfloat16", "float32")}
        record = {"host": processor_name(), "matrix_products_per_second": rates, "rows": rows}
        record["limits"] = bounds
        arguments.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
