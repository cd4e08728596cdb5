"""Times and weighs a run's start on a set of ImageNet's size, without its first step.

    python -m benchmarks.data_startup FOLDER

links FOLDER's photographs as often as asked into 1,000 class folders, and opens those in a
fresh process: lists and checks the files, identifies them and reads a first batch. What the
links lead to is small and was read just before: no disk is waited for.

    python -m benchmarks.data_startup FOLDER --epoch_images=50000

reads so many images through the training pipeline too, to see that memory doesn't grow.
"""

import argparse
import contextlib
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

CLASSES = 1000
PHOTOGRAPHS = 48  # different ones
SIDE = 224
# An image to test on for so many to train on, as in ImageNet.
TRAIN_TO_TEST = 25
SHOWN_EVERY = 5000  # images


def write_links(photographs: Path, images: int, target: Path) -> None:
    """Makes hard links to some photographs, below ``target/train`` and ``target/test``."""
    found = sorted(p for p in photographs.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    copies = target / "copies"
    copies.mkdir()
    chosen = found[:: max(len(found) // PHOTOGRAPHS, 1)][:PHOTOGRAPHS]
    files = [shutil.copy(file, copies / f"{n}.jpg") for n, file in enumerate(chosen)]
    each = itertools.cycle(map(os.fspath, files))
    per_class = max(images // CLASSES, 1)
    splits = {"train": per_class, "test": max(per_class // TRAIN_TO_TEST, 1)}
    for split, count in splits.items():
        for number in range(CLASSES):
            folder = target / split / f"n{number:08}"
            folder.mkdir(parents=True)
            for image in range(count):
                os.link(next(each), f"{folder}/n{number:08}_{image}.JPEG")


def mebibytes(field: str) -> float:
    """Returns this process's memory now (``VmRSS``) or at most (``VmHWM``)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) / 1024


@contextlib.contextmanager
def timed(name: str) -> Iterator[None]:
    """Prints what a part of the start takes."""
    began, used = time.perf_counter(), time.process_time()
    yield
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    print(f"{name:30} {seconds:7.1f} s {cpu:7.1f} s of CPU, {mebibytes('VmHWM'):6.0f} MiB at most")


def start(folder: Path, epoch_images: int) -> None:
    """Does what a run does before its first step with the data, and prints each part."""
    with timed("import"):
        from tfadv import config
        from tfadv.data.alike import oddities
        from tfadv.data.inception_crop import InceptionCrop
        from tfadv.data.pipeline import ALL, train_batches
        from tfadv.planning import plan as _registers_the_built_in_parts  # noqa: F401
        from tfadv.planning.images import build_splits
    bindings = [f"image_folder.{split} = '{folder / split}'" for split in ("train", "test")]
    config.read([], [*bindings, f"image_folder.image_size = {SIDE}"])
    with timed("all of the start"):
        with timed("listing, headers, labels"):
            splits = build_splits("image_folder")
        with timed("warnings"):
            oddities(splits)
        with timed("identity"):
            for source in splits:
                source.manifest()
        with timed("first batch"):
            batches = train_batches(splits.train, InceptionCrop(SIDE), 100, ALL, seed=0, start=0)
            batches = iter(batches)
            next(batches)
    print(f"{len(splits.train):,} images to train on and {len(splits.test):,} to test on")
    for done in range(100, epoch_images + 1, 100):
        if done % SHOWN_EVERY == 0 or done == 100:
            print(f"{done:9,} images read: {mebibytes('VmRSS'):6.0f} MiB")
        next(batches)


def main() -> None:
    """Makes the links, and starts in a process of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=1_280_000)
    parser.add_argument("--epoch_images", type=int, default=0)
    parser.add_argument("--linked", action="store_true", help="the folder holds the links")
    arguments = parser.parse_args()
    if arguments.linked:
        start(arguments.folder, arguments.epoch_images)
        return
    with tempfile.TemporaryDirectory() as target:
        write_links(arguments.folder, arguments.images, Path(target))
        command = [sys.executable, "-m", "benchmarks.data_startup", target, "--linked"]
        subprocess.run([*command, f"--epoch_images={arguments.epoch_images}"], check=True)


if __name__ == "__main__":
    main()
