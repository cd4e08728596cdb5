"""Compiles, checks and times what ``tfadv.export --to=stablehlo`` wrote, on whatever jax finds.

``python benchmarks/stablehlo_time.py FOLDER`` needs jax with the accelerator's jaxlib, and NumPy:
neither TensorFlow nor this package. Programs are interleaved, round by round; medians are printed,
and their share of the device's peak, which is ``--peak`` or what a large matrix product reaches.
It ends with 1 where a program's results are not TensorFlow's.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import jax
import numpy as np
from jaxlib import xla_client

# Largest difference of logits, losses and gradients, in parts of the largest one. XLA takes
# TensorFloat-32 for float32 where a GPU has it.
TOLERANCE = {"float32": 1e-2, "bfloat16": 5e-2}
# Of the pixels of an attack's step, whose sign is that of rounding where a gradient is near 0.
ALIKE = {"float32": 0.95, "bfloat16": 0.8}
# What is left of the largest gradients after the rounding of a whole backward pass.
OF_GRADIENTS = 4


class Compiled:
    """One program on one device.

    Args:
        described: what ``stablehlo.json`` says of it.
        folder: where it is.
        arrays: whatever programs take, on the device, by name.
        device: jax's.
    """

    def __init__(self, described: dict, folder: Path, arrays: dict, device):
        self.described = described
        self.title = " ".join(filter(None, (described["name"], described["convolutions"])))
        self._arrays = arrays
        text = (folder / described["file"]).read_text()
        began = time.perf_counter()
        self._executable = device.client.compile_and_load(
            text, xla_client.DeviceList((device,)), xla_client.CompileOptions()
        )
        self.compile_seconds = time.perf_counter() - began

    def __call__(self, **instead) -> dict[str, np.ndarray]:
        """Runs it; returns its outputs by name, once they are there."""
        names = [parameter["name"] for parameter in self.described["parameters"]]
        found = self._executable.execute([instead.get(n, self._arrays[n]) for n in names])
        jax.block_until_ready(found)
        return dict(zip((o["name"] for o in self.described["outputs"]), found, strict=True))

    def milliseconds(self) -> float:
        """Returns how long it runs."""
        began = time.perf_counter()
        self()
        return 1e3 * (time.perf_counter() - began)


def difference(found, expected) -> float:
    """Returns the largest difference, in parts of the largest number."""
    found = np.asarray(found, np.float32)
    largest = np.abs(found).max() or 1.0
    # Of a gradient its first numbers are known.
    known = found.ravel()[: expected.size] - np.ravel(expected)
    return float(np.abs(known).max() / largest)


def faults(program: Compiled, logits: Compiled, expected: dict, dtype: str) -> list[str]:
    """Returns in what a program's results are not TensorFlow's."""
    found, wrong = program(), []
    for name, value in found.items():
        wanted, limit = expected[f"{program.described['name']}/{name}"], TOLERANCE[dtype]
        if name == "iterate" and program.described["name"] == "attack_step":
            alike = np.mean(np.abs(np.asarray(value) - wanted) < 1e-3)
            print(f"{program.title}: {alike:.2%} of the pixels are TensorFlow's")
            wrong += [f"{name}: {alike:.1%} alike"] if alike < ALIKE[dtype] else []
            continue
        if name == "iterate":  # which after many steps is another one, as far on its way
            ours, theirs = (
                np.mean(logits(images=jax.device_put(x))["losses"]) for x in (value, wanted)
            )
            print(f"{program.title}: objective {ours:.5g}, of TensorFlow's images {theirs:.5g}")
            value, wanted = ours, theirs
        elif name.startswith("gradient"):
            limit *= OF_GRADIENTS
        apart = difference(value, wanted)
        wrong += [f"{name}: {apart:.2g} of the largest apart"] if not apart <= limit else []
    return wrong


def matrix_product_rate(dtype: str, rows: int) -> float:
    """Returns the operations a second of a product of two large matrices."""
    matrix = jax.numpy.ones((rows, rows), dtype)
    product = jax.jit(lambda x, y: x @ y)
    jax.block_until_ready(product(matrix, matrix))
    best = float("inf")
    for _ in range(10):
        began = time.perf_counter()
        jax.block_until_ready(product(matrix, matrix))
        best = min(best, time.perf_counter() - began)
    return 2 * rows**3 / best


def row(program: Compiled, times: list[float], steps: int, peak: float) -> dict:
    """Returns a program's times and share of the peak."""
    median = statistics.median(times)
    of_steps = {"ms_per_step": median / steps} if program.described["name"] == "attack" else {}
    return {
        "program": program.described["name"],
        "convolutions": program.described["convolutions"],
        "compile_seconds": program.compile_seconds,
        "ms": median,
        **of_steps,
        "share_of_peak": program.described["flops"] / (1e-3 * median) / peak,
    }


def main() -> None:
    """Measures a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", default="", help="programs whose name holds this, and logits")
    parser.add_argument("--peak", type=float, help="operations a second")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    folder, device = arguments.folder, jax.devices()[0]
    record = json.loads((folder / "stablehlo.json").read_text())
    dtype, expected = record["dtype"], dict(np.load(folder / "expected.npz"))
    arrays = {k: jax.device_put(v, device) for k, v in np.load(folder / "arrays.npz").items()}
    programs = [
        Compiled(described, folder, arrays, device)
        for described in record["programs"]
        if described["name"] == "logits" or arguments.only in described["name"]
    ]
    wrong = [
        f"{one.title}: {fault}"
        for one in programs
        for fault in faults(one, programs[0], expected, dtype)
    ]
    rows = 2048 if device.platform == "cpu" else 8192
    peak = arguments.peak or matrix_product_rate(dtype, rows)
    times: list[list[float]] = [[] for _ in programs]
    for _ in range(arguments.rounds):
        for program, measured in zip(programs, times, strict=True):
            measured.append(program.milliseconds())
    steps = record["attack"]["steps"]
    found = [row(one, ms, steps, peak) for one, ms in zip(programs, times, strict=True)]
    title = f"{device.device_kind}, {dtype}, batch {record['batch_size']}"
    print(f"{title}: peak {peak / 1e12:.4g} TFLOP/s")
    for one in found:
        words = [f"{k} {v:.4g}" if isinstance(v, float) else v for k, v in one.items()]
        print("  ".join(filter(None, words)))
    if arguments.json:
        made = {"device": device.device_kind, "dtype": dtype, "peak": peak, "rows": found}
        arguments.json.write_text(json.dumps(made, indent=2) + "\n")
    sys.exit("\n".join(wrong) or None)


if __name__ == "__main__":
    main()
