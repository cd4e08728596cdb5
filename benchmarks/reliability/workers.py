"""Kills workers, and resumes a run on other numbers of replicas.

``python -m benchmarks.reliability.workers`` trains on two workers and kills one or the other 10
times, by SIGKILL and SIGTERM in turn; both are started again, and the run is compared with an
unbroken one. Then a run goes on on 1, 2 and 4 replicas, and is compared with one on 1.
"""

import argparse
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks import cluster
from benchmarks.reliability.left_files import contents, differences, leftovers, newest_tensors

_WAIT = 300.0  # seconds for anything
_CONFIGURATION = (
    "Experiment.deterministic = True",
    "Training.steps_per_call = 1",
    "synthetic.train_examples = 64",
    "Evaluation.examples = 16",
    "Evaluation.attacks = ()",
)
_TWO_WORKERS = ("Training.epochs = 12", "NormPolicy.across_replicas = 'sync'")
_REPLICAS = (1, 2, 4)
_SAME_SCIENCE = ("Training.epochs = 6", "NormPolicy.ghost_batch_size = 4")


def train(folder: Path, *bindings: str, variables: dict | None = None) -> subprocess.Popen:
    """Starts a training at the smoke scale."""
    words = [sys.executable, "-m", "tfadv.train", f"--model_dir={folder}"]
    words += ["--gin_file=gin/mbn_alp.gin", "--gin_file=gin/scale/smoke.gin"]
    words += [f"--gin_bindings={binding}" for binding in (*_CONFIGURATION, *bindings)]
    environment = os.environ | (variables or {})
    return subprocess.Popen(
        words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def two_workers(folder: Path) -> list[subprocess.Popen]:
    """Starts both workers of a run."""
    return [
        train(folder, *_TWO_WORKERS, variables=variables) for variables in cluster.environments(2)
    ]


def lines(folder: Path) -> int:
    """Returns how many lines of metrics there are."""
    path = folder / "metrics.jsonl"
    return path.read_text(encoding="utf-8").count("\n") if path.exists() else 0


def wait_for_lines(folder: Path, count: int, process: subprocess.Popen) -> bool:
    """Waits for more lines of metrics, or the end of a process; returns whether there are."""
    before, deadline = lines(folder), time.monotonic() + _WAIT
    while lines(folder) < before + count and process.poll() is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {count} steps in {_WAIT:g} s")
        time.sleep(0.02)
    return process.poll() is None


def ended(process: subprocess.Popen) -> tuple[int, list[str]]:
    """Waits for a process; returns its exit code and the lines of its errors."""
    _, errors = process.communicate(timeout=_WAIT)
    return process.returncode, errors.splitlines()


def kill_workers(count: int, folder: Path, rng: random.Random) -> Iterator[str]:
    """Kills one of two workers so many times; yields what should not have been."""
    for worker in two_workers(folder / "whole"):
        if ended(worker)[0]:
            raise RuntimeError("an unbroken run ended with an error")
    expected, run, longest = contents(folder / "whole"), folder / "killed-0", 0.0
    turns = itertools.cycle(itertools.product((signal.SIGKILL, signal.SIGTERM), range(2)))
    killed = 0
    while killed < count:
        started, (number, victim) = two_workers(run), next(turns)
        if wait_for_lines(run, rng.randint(1, 6), started[0]):
            began, killed = time.monotonic(), killed + 1
            started[victim].send_signal(number)
        codes = [ended(worker) for worker in started]
        if (run / "results.json").exists():
            yield from _unlike(run, expected)
            run = folder / f"killed-{killed}"
            continue
        longest = max(longest, time.monotonic() - began)
        yield from _wrong_end(codes, number, victim)
    if not (run / "results.json").exists() and lines(run):
        for worker in two_workers(run):
            ended(worker)
        yield from _unlike(run, expected)
    print(
        f"{killed} kills of two workers: the other ends after {longest:.1f} s at most", flush=True
    )


def _unlike(run: Path, expected: dict[str, object]) -> Iterator[str]:
    yield from (f"{run.name}: {path} differs" for path in differences(contents(run), expected))
    yield from (f"{run.name}: {path} is left" for path in leftovers(run))


def _wrong_end(codes: Sequence[tuple[int, list[str]]], number: int, victim: int) -> Iterator[str]:
    if number == signal.SIGKILL:
        right = {victim: -number, 1 - victim: 3}
    else:
        right = {0: 128 + number, 1: 128 + number}
    for worker, (code, errors) in enumerate(codes):
        if code != right[worker] or any("Traceback" in line for line in errors):
            last = errors[-1] if errors else ""
            yield f"worker {worker} ends with {code} instead of {right[worker]}: {last}"


def other_replicas(folder: Path) -> Iterator[str]:
    """Resumes a run on 1, 2 and 4 replicas; yields what should not have been."""
    if ended(train(folder / "one", *_SAME_SCIENCE))[0]:
        raise RuntimeError("an unbroken run ended with an error")
    run = folder / "several"
    for replicas in _REPLICAS:
        devices = f"Distribution.virtual_cpus = {replicas}"
        process = train(run, *_SAME_SCIENCE, devices)
        if replicas != _REPLICAS[-1] and wait_for_lines(run, 8, process):
            process.send_signal(signal.SIGTERM)
        code, errors = ended(process)
        if code != (0 if replicas == _REPLICAS[-1] else 128 + signal.SIGTERM):
            yield f"{replicas} replicas: exit code {code}, {errors[-1:]}"
            return
    starts = json.loads((run / "run.json").read_text(encoding="utf-8"))["starts"]
    found = tuple(start["replicas"] for start in starts)
    if found != _REPLICAS:
        yield f"run.json says that there were {found} replicas"
    one, several = (newest_tensors(path / "checkpoints") for path in (folder / "one", run))
    distance = max(np.abs(one[name] - several[name]).max() for name in one if "model" in name)
    print(f"resumed on {_REPLICAS} replicas: weights differ by {distance:.1g} at most", flush=True)
    if distance > 1e-5:
        yield f"weights differ by {distance:.1g} from those of one replica"


def main() -> None:
    """Does both; exits with 1 if something is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        wrong = list(kill_workers(arguments.kills, Path(name), random.Random(arguments.seed)))
        wrong += other_replicas(Path(name))
    for text in wrong:
        print(text)
    print(f"{len(wrong)} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
