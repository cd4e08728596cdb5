"""How time and memory grow with steps and batch: ``python -m benchmarks.attack_growth``.

Every row runs in a process of its own, whose peak memory is read at its end.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROWS = ((10, 32), (50, 32), (100, 32), (200, 32), (10, 64), (10, 128), (10, 256))


def measure(steps: int, batch: int) -> dict[str, float]:
    """Returns one attack's seconds and the process's peak memory in MiB."""
    import dataclasses

    from benchmarks import tensorflow_peers
    from benchmarks.cases import CASES

    case = dataclasses.replace(CASES["small-32"], batch=batch)
    run = tensorflow_peers.tfadv(case, steps, "bfloat16")
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    run()
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "steps": steps,
        "batch": batch,
        "seconds": min(seconds),
        "before_mib": idle,
        "peak_mib": peak,
    }


def main() -> None:
    """Measures every row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--row", nargs=2, type=int, help="one row: steps and batch")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.row:
        print(json.dumps(measure(*arguments.row)))
        return
    table = Table("steps", "batch", "seconds", "ms a step", "peak MiB", "of it the attack's")
    rows = []
    for steps, batch in ROWS:
        command = [
            sys.executable,
            "-m",
            "benchmarks.attack_growth",
            "--row",
            f"{steps}",
            f"{batch}",
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        row = json.loads(done.stdout.splitlines()[-1])
        rows.append(row)
        table.add_row(
            f"{steps}",
            f"{batch}",
            f"{row['seconds']:.2f}",
            f"{1e3 * row['seconds'] / steps:.1f}",
            f"{row['peak_mib']:.0f}",
            f"{row['peak_mib'] - row['before_mib']:.0f}",
        )
    Console().print(table)
    if arguments.json:
        record = {"host": platform.platform(), "rows": rows}
        arguments.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
