"""Times input pipelines for ImageNet: ``python -m benchmarks.data_speed FOLDER``.

Training images of 224 pixels, cropped, resized, recoloured and flipped: ours of a folder and
of a packed set, Keras' ``image_dataset_from_directory`` with its preprocessing layers, and the
same augmentation written by hand of ``tf.image``. FOLDER's JPEGs are written again with a
shorter side of 375 pixels, which most of ImageNet's have. All stay in memory; the pipelines
are run in turns, each from its start, and the medians of their CPU time are compared.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

SIZE, SHORTER_SIDE, BATCH = 224, 256, 64
# Adversarial training's images per second on 8 H100, which benchmarks cannot tell of here.
Pipeline = Callable[[], object]


def pipelines(folder: Path, packed_folder: Path, names: list[str]) -> dict[str, Pipeline]:
    """Returns functions from a name to an endless data set of batches."""
    import tensorflow as tf

    from benchmarks import data_peers
    from tfadv.data.image_folder import image_folder
    from tfadv.data.inception_crop import InceptionCrop
    from tfadv.data.packed import packed
    from tfadv.data.packing import pack
    from tfadv.data.pipeline import ALL, train_batches

    def ours(splits):
        return lambda: train_batches(splits.train, InceptionCrop(SIZE), BATCH, ALL, 0, 0)

    view = {"image_size": SIZE, "shorter_side": SHORTER_SIDE, "antialias": False}
    in_folder = image_folder(str(folder), str(folder), **view)
    pack(in_folder, packed_folder, quiet=True)
    made = {
        "ours, folder": ours(in_folder),
        "ours, packed": ours(packed(str(packed_folder), **view)),
        "keras, cut out": lambda: data_peers.keras_layers(folder, SIZE, BATCH, "crop"),
        "keras, zoomed": lambda: data_peers.keras_layers(folder, SIZE, BATCH, "zoom"),
        "by hand": lambda: data_peers.by_hand(folder, SIZE, BATCH),
    }
    del tf
    return {name: made[name] for name in made if not names or name in names}


def measure(
    made: Mapping[str, Pipeline], batches: int, rounds: int
) -> dict[str, list[tuple[float, float]]]:
    """Returns the CPU and wall time in ms an image of each pipeline in each round."""
    found = {name: [] for name in made}
    kept = {name: make() for name, make in made.items()}
    for number in range(rounds + 1):
        for name, dataset in kept.items():
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in dataset.take(batches):
                pass
            times = time.process_time() - cpu, time.perf_counter() - wall
            if number:  # the first one warms up
                found[name].append(tuple(1e3 * each / (batches * BATCH) for each in times))
    return found


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=375)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--batches", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cores", type=int, default=0, help="0 takes all")
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    if arguments.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.cores])
    from benchmarks.image_speed import write_copies

    with tempfile.TemporaryDirectory() as scratch:
        copies = Path(scratch) / "images"
        copies.mkdir()
        write_copies(arguments.folder, arguments.side, arguments.images, copies)
        made = pipelines(copies, Path(scratch) / "packed", arguments.only)
        found = measure(made, arguments.batches, arguments.rounds)
    ours = found[next(iter(found))]
    for name, times in found.items():
        cpu, wall = (statistics.median(column) for column in zip(*times, strict=True))
        ratios = [theirs[0] / our[0] for theirs, our in zip(times, ours, strict=True)]
        walls = [theirs[1] / our[1] for theirs, our in zip(times, ours, strict=True)]
        print(
            f"{name:16} {cpu:6.2f} ms CPU, {wall:6.2f} ms an image, {1000 / cpu:5.0f} images/s a core, "
            f"ours is {statistics.median(ratios):.2f} (wall {statistics.median(walls):.2f}) times as fast"
        )


if __name__ == "__main__":
    main()
