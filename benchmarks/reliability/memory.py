"""Measures whether memory and traces grow while a run trains and evaluates.

``python -m benchmarks.reliability.memory`` trains a tiny network for 10,000 steps, with its
checkpoints, metrics and strips, then evaluates one on 2,000 batches, clean and attacked. Of each
it prints how much more resident memory its end takes than its beginning, and how many functions
TensorFlow made meanwhile and in a tenth of that work: each trace makes some. It ends with 1 if
memory grows by 2% or more, or if more work makes more functions.
"""

import argparse
import contextlib
import dataclasses
import gc
import itertools
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from tensorflow.python.eager import context

from tfadv import config
from tfadv.planning.plan import build_plan
from tfadv.runs.run_directory import RunDirectory
from tfadv.training.session import Session
from tfadv.training.trainer import Trainer

MOST = 0.02
WARM_UP, PART = 0.2, 0.1  # of the looks since the last trace
BATCH, STEPS_PER_EPOCH = 4, 100
TINY = (
    "ResNet.blocks = (1,)",
    "PGD.steps = 1",
    f"Training.batch_size = {BATCH}",
    f"Evaluation.batch_size = {BATCH}",
    f"synthetic.train_examples = {BATCH * STEPS_PER_EPOCH}",
)


@dataclasses.dataclass
class Watch:
    """What a process took at regular times.

    Attributes:
        bytes: of resident memory.
        functions: that TensorFlow held.
    """

    bytes: list[int] = dataclasses.field(default_factory=list)
    functions: list[int] = dataclasses.field(default_factory=list)

    def look(self) -> None:
        """Notes both as they are now, without garbage that only waits for Python's collector."""
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.bytes.append(pages * os.sysconf("SC_PAGE_SIZE"))
        self.functions.append(len(context.context().list_function_names()))

    @property
    def made(self) -> int:
        """How many functions were made."""
        return sum(max(0, b - a) for a, b in itertools.pairwise(self.functions))

    @property
    def levels(self) -> tuple[float, float]:
        """Median memory in two tenths of the looks since the last trace, MiB.

        The one after the first fifth, by which all buffers are there, and the last one.
        """
        pairs = enumerate(itertools.pairwise(self.functions), 1)
        last_trace = max((place for place, (a, b) in pairs if b > a), default=0)
        looks = [taken / 2**20 for taken in self.bytes[last_trace:]]
        first, length = int(WARM_UP * len(looks)), max(1, int(PART * len(looks)))
        return statistics.median(looks[first : first + length]), statistics.median(looks[-length:])

    @property
    def growth(self) -> float:
        """The second of `levels` over the first, less 1."""
        before, after = self.levels
        return after / before - 1


@contextlib.contextmanager
def watched(seconds: float) -> Iterator[Watch]:
    """Looks at this process every so many seconds while the work inside goes on."""
    gc.collect()
    gc.freeze()  # so that looks collect what is made from now on, which takes little
    watch, ended = Watch(), threading.Event()
    watch.look()

    def look_on() -> None:
        while not ended.wait(seconds):
            watch.look()

    thread = threading.Thread(target=look_on, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        ended.set()
        thread.join()
        gc.unfreeze()


def session_of(*bindings: str) -> tuple[config.Config, Session]:
    """Returns a session of the tiny network."""
    read = config.read(["gin/adv_100_clean_0.gin", "gin/scale/smoke.gin"], [*TINY, *bindings])
    return read, Session(Trainer(build_plan(read), tf.distribute.get_strategy()))


def training(steps: int, every: float) -> Watch:
    """Trains for so many steps as the command does."""
    read, session = session_of(f"Training.epochs = {steps // STEPS_PER_EPOCH}")
    session.evaluate = dict  # its memory is a matter of its own
    with tempfile.TemporaryDirectory() as folder:
        directory = RunDirectory(Path(folder) / "run")
        directory.claim(read, [], 0)
        with watched(every) as watch:
            session.run(directory)
    return watch


def evaluation(batches: int, every: float) -> Watch:
    """Evaluates clean and attacked images, so many batches of each."""
    _, session = session_of(f"synthetic.test_examples = {batches * BATCH}")
    with watched(every) as watch:
        session.evaluate()
    return watch


def main() -> None:
    """Prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--batches", type=int, default=2_000)
    parser.add_argument("--every", type=float, default=0.2, help="seconds between two looks")
    arguments = parser.parse_args()
    failed = False
    for what, work, count in (
        ("training, steps", training, arguments.steps),
        ("evaluation, batches", evaluation, arguments.batches),
    ):
        few, began = work(count // 10, arguments.every).made, time.monotonic()
        watch = work(count, arguments.every)
        seconds, (before, after) = time.monotonic() - began, watch.levels
        print(
            f"{what}: {count}; resident {before:.1f} MiB after the warm-up, {after:.1f} MiB in the "
            f"end ({watch.growth:+.2%}); {watch.made} functions made, {few} by a tenth of that; "
            f"{len(watch.bytes)} looks in {seconds:.0f} s",
            flush=True,
        )
        failed |= watch.growth >= MOST or watch.made > few
    sys.exit(failed)


if __name__ == "__main__":
    main()
