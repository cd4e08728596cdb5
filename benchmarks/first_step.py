"""Times a run's first step against depth and replicas, each row in a process of its own."""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import cluster

RECIPE = ["gin/mbn_alp.gin", "gin/scale/smoke.gin"]


def _now() -> tuple[float, float]:
    """Returns seconds: on the clock, and of this process's computing."""
    return time.perf_counter(), time.process_time()


def _between(before: tuple[float, float], after: tuple[float, float]) -> list[float]:
    return [round(b - a, 2) for a, b in zip(before, after, strict=True)]


def _operations(graph) -> int:
    """Returns how many a graph has, those of its functions among them."""
    return len(graph.node) + sum(len(function.node_def) for function in graph.library.function)


def measure(blocks: tuple[int, ...], replicas: int, size: int, steps: int) -> dict[str, float]:
    """Returns what one process found.

    Args:
        blocks: of a narrow bottleneck ResNet, a number a stage.
        replicas: virtual CPUs.
        size: height and width of the images.
        steps: steps to time after the first one.
    """
    began = _now()
    from tfadv.quiet_start import import_tensorflow

    import_tensorflow()  # as the commands do
    import tensorflow as tf

    from tfadv import config, digests
    from tfadv.planning.distribution import Distribution
    from tfadv.planning.plan import build_plan
    from tfadv.training.batches import Batches
    from tfadv.training.trainer import Trainer

    bindings = {"ResNet.blocks": blocks, "synthetic.image_size": size, "Training.batch_size": 16}
    config.read(RECIPE, [f"{name} = {value!r}" for name, value in bindings.items()])
    distribution = Distribution(virtual_cpus=replicas if replicas > 1 else 0).create()
    imported = _now()
    trainer = Trainer(build_plan(), distribution)
    built = _now()
    feed = Batches(trainer.batches, trainer.image_size)
    arguments = (feed.at(0), tf.constant(1), tf.constant(0), trainer._none().totals)
    call = trainer._train_call(trainer.train_step.phase(0), trainer.image_size(0), arguments)
    traced = _now()
    trainer.do(feed.at(0), 1)
    first = _now()
    for _ in range(steps):
        trainer.do(feed.at(trainer.step), 1)
    last = _now()
    return {
        "blocks": list(blocks),
        "replicas": replicas,
        "import_s": _between(began, imported),
        "build_s": _between(imported, built),
        "trace_s": _between(built, traced),
        "first_run_s": _between(traced, first),
        "first_step_s": _between(began, first),
        "step_ms": round(1000 * (last[0] - first[0]) / max(steps, 1), 1),
        "cpu_s": time.process_time(),
        "nodes": _operations(call.trace(*arguments).graph.as_graph_def()),
        "weights": digests.of_model(trainer.model),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def started(text: str, replicas: int, options: argparse.Namespace, **more) -> subprocess.Popen:
    """Starts the process of a row."""
    command = [sys.executable, "-m", "benchmarks.first_step", "--here", "--blocks", text]
    command += ["--replicas", str(replicas), "--size", str(options.size)]
    command += ["--steps", str(options.steps)]
    return subprocess.Popen(command, env=os.environ | more, stdout=subprocess.PIPE, text=True)


def row_of(process: subprocess.Popen) -> dict[str, object]:
    """Returns what a process found, once it has ended."""
    printed, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return json.loads(printed.splitlines()[-1])


def apart(text: str, replicas: int, options: argparse.Namespace) -> dict[str, object]:
    """Returns the row of replicas that are a process each: that of the slowest."""
    workers = [started(text, 1, options, **more) for more in cluster.environments(replicas)]
    slowest = max(map(row_of, workers), key=lambda row: row["first_step_s"])
    return slowest | {"replicas": replicas, "apart": True}


def drawn(rows: list[dict], path: Path) -> None:
    """Draws the seconds of the processor by depth, a line for each number of replicas."""
    from benchmarks import growth

    lines: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        name = f"{row['replicas']} replica" + "s" * (row["replicas"] > 1)
        name += ", each a process" * row.get("apart", False)
        layers = 3 * sum(row["blocks"]) + 2
        lines.setdefault(name, []).append((layers, row["first_step_s"][1]))
    title = "From the start to the end of the first step"
    growth.draw(path, title, ("layers", "seconds of the processor"), lines)


def main() -> None:
    """Prints a row for each depth and number of replicas."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", nargs="+", default=["3,4,6,3", "3,4,23,3", "3,8,36,3"])
    parser.add_argument("--replicas", nargs="+", type=int, default=[1])
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--json", type=Path, help="adds the rows to those of a file")
    parser.add_argument("--plot", type=Path, help="a PNG file of that file's rows")
    parser.add_argument("--apart", action="store_true", help="each replica a process, a worker")
    parser.add_argument("--here", action="store_true", help="in this process")
    options = parser.parse_args()
    rows = json.loads(options.json.read_text()) if options.json and options.json.exists() else []
    for text in options.blocks:
        for replicas in options.replicas:
            if options.here:
                blocks = tuple(map(int, text.split(",")))
                row = measure(blocks, replicas, options.size, options.steps)
            elif options.apart:
                row = apart(text, replicas, options)
            else:
                row = row_of(started(text, replicas, options))
            print(json.dumps(row), flush=True)
            rows.append(row)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    if options.plot:
        drawn(rows, options.plot)


if __name__ == "__main__":
    main()
