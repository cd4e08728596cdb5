"""Times input pipelines for ImageNet: ``python -m benchmarks.data_speed FOLDER``.

Training images of 224 pixels, cropped, resized, recoloured and flipped: ours of a folder and
of a packed set, Keras' ``image_dataset_from_directory`` with its preprocessing layers, and the
same augmentation written by hand of ``tf.image``; and ours with MixUp and CutMix, and with
RandAugment and random erasing besides. FOLDER's JPEGs are written again with a shorter side of 375
pixels, which most of ImageNet's have, and stay in memory. The pipelines run in turns, each from
its start; the medians of what they cost once they run are compared.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

SIZE, SHORTER_SIDE, BATCH = 224, 256, 64
# Batches in which a pipeline starts.
STARTING = 2
# Images a second that 8 H100 take in float32, by `--dry_run` with Hardware.device = 'H100',
# Hardware.devices = 8 of adv_100_clean_0 at scale imagenet_8gpu: 4.29 s and 0.169 s for 4096.
DEMAND = {"PGD-30, ResNet-152": 4096 / 4.29, "PGD-2, ResNet-50": 4096 / 0.169}
# Returns an endless data set of batches.
Pipeline = Callable[[], object]


class Cost(NamedTuple):
    """Milliseconds an image, of all cores together and on the clock."""

    cpu: float
    wall: float


def pipelines(folder: Path, packed_folder: Path) -> dict[str, Pipeline]:
    """Returns the pipelines by name, ours first."""
    from benchmarks import data_peers
    from tfadv import config
    from tfadv.data.drawing import Drawing
    from tfadv.data.image_folder import image_folder
    from tfadv.data.mixing import Mixing
    from tfadv.data.order import Passes
    from tfadv.data.packed import packed
    from tfadv.data.packing import pack
    from tfadv.data.pipeline import ALL, train_batches
    from tfadv.planning.plan import Plan  # noqa: F401  (what a scale binds is known then)
    from tfadv.registry import AUGMENTATIONS

    chain = "Chain.augmentations = ('inception_crop', 'rand_augment', 'random_erasing')"
    config.read([], [f"InceptionCrop.image_size = {SIZE}", chain])

    def ours(splits, augmentation="inception_crop", mixing=None):
        source, part = splits.train, AUGMENTATIONS.build(augmentation)
        drawing = mixing and Drawing(Passes(len(source), 0), len(source), 0, mixing)
        return lambda: train_batches(source, part, BATCH, ALL, 0, 0, drawing)

    view = {"image_size": SIZE, "shorter_side": SHORTER_SIDE, "antialias": False}
    in_folder = image_folder(str(folder), str(folder), **view)
    pack(in_folder, packed_folder, quiet=True)
    return {
        "ours, folder": ours(in_folder),
        "ours, packed": ours(packed(str(packed_folder), **view)),
        "mixed in pairs": ours(in_folder, mixing=Mixing(0.2, 1.0)),
        "augmented more": ours(in_folder, "chain"),
        "by hand": lambda: data_peers.by_hand(folder, SIZE, BATCH),
        "keras, cut out": lambda: data_peers.keras_layers(folder, SIZE, BATCH, "crop"),
        "keras, zoomed": lambda: data_peers.keras_layers(folder, SIZE, BATCH, "zoom"),
    }


def cost(pipeline: Pipeline, batches: int) -> Cost:
    """Returns what a pipeline costs once it runs, as fast as it can."""
    elements = iter(pipeline())
    for _ in range(STARTING):
        next(elements)
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(batches):
        next(elements)
    scale = 1e3 / (batches * BATCH)
    return Cost(scale * (time.process_time() - cpu), scale * (time.perf_counter() - wall))


def measure(made: Mapping[str, Pipeline], batches: int, rounds: int) -> dict[str, list[Cost]]:
    """Returns the costs of each pipeline in each round."""
    found = {name: [] for name in made}
    for number in range(rounds + 1):
        for name, pipeline in made.items():
            costs = cost(pipeline, batches)
            if number:  # the first one warms up
                found[name].append(costs)
    return found


def report(found: Mapping[str, list[Cost]]) -> None:
    """Prints medians, and how many times as fast the first one is."""
    first = next(iter(found.values()))
    for name, costs in found.items():
        cpu, wall = (statistics.median(column) for column in zip(*costs, strict=True))
        by_cpu, by_wall = (
            statistics.median(
                theirs[n] / ours[n] for theirs, ours in zip(costs, first, strict=True)
            )
            for n in range(2)
        )
        print(
            f"{name:15} {cpu:5.2f} ms of CPU an image, {1000 / cpu:4.0f} images/s a core; "
            f"the first one is {by_cpu:.2f} times as fast (on the clock {by_wall:.2f})"
        )
    rate = 1000 / statistics.median(cost.cpu for cost in first)
    for name, images in DEMAND.items():
        cores = images / rate
        print(f"8 H100, {name}: {images:,.0f} images/s, which {cores:.1f} such cores make")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of JPEGs")
    parser.add_argument("--side", type=int, default=375, help="the images' shorter side")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--batches", type=int, default=6, help="of 64, a round")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cores", type=int, help="how many to use; all, unless given")
    parser.add_argument("--only", nargs="*", help="names of pipelines")
    arguments = parser.parse_args()
    # Before TensorFlow is imported, which makes a thread for each.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.cores])
    from benchmarks.image_speed import write_copies

    with tempfile.TemporaryDirectory() as scratch:
        copies = Path(scratch) / "images"
        copies.mkdir()
        write_copies(arguments.folder, arguments.side, arguments.images, copies)
        made = pipelines(copies, Path(scratch) / "packed")
        chosen = {name: made[name] for name in arguments.only or made}
        report(measure(chosen, arguments.batches, arguments.rounds))


if __name__ == "__main__":
    main()
