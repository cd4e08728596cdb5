"""Times reading, cropping and augmenting photographs: ``python -m benchmarks.image_speed FOLDER``.

One thread's CPU time, with files in memory: what a core has to give for an image in
training and in evaluation at 224 pixels. FOLDER's images are written again with a shorter
side of 375 pixels, as in ImageNet. Only what has been here for long is called, so that
commits can be compared: run it from each of them in turn.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from pathlib import Path

import tensorflow as tf
from PIL import Image

from tfadv import randomness
from tfadv.data.image_folder import image_folder
from tfadv.data.inception_crop import InceptionCrop


def write_copies(folder: Path, side: int, count: int, target: Path) -> None:
    """Writes JPEGs of one size below ``target/a`` and ``target/b``."""
    found = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in (".jpg", ".jpeg"))
    files = list(found)
    for number, file in enumerate(itertools.islice(files, 0, None, max(len(files) // count, 1))):
        path = target / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        with Image.open(file) as image:
            scale = side / min(image.size)
            size = [round(scale * length) for length in image.size]
            image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(path, quality=90)


def milliseconds(function, arguments, rounds: int) -> float:
    """Returns the median over the rounds of a call's mean CPU time."""
    times = []
    for _ in range(rounds + 1):
        began = time.process_time()
        for argument in arguments:
            function(argument)
        times.append(1e3 * (time.process_time() - began) / len(arguments))
    return statistics.median(times[1:])  # the first one traces


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=375)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    with tempfile.TemporaryDirectory() as copies:
        write_copies(arguments.folder, arguments.side, arguments.images, Path(copies))
        source = image_folder(copies, copies, 224, 256, antialias=False).train
        augmentation = InceptionCrop(224)

        @tf.function
        def training(index):
            seeds = randomness.example_seeds(0, "augmentation", tf.reshape(index, [1]))
            return augmentation(source.fetch_original(index)[0], seeds[0])

        indices = [tf.constant(number, tf.int64) for number in range(len(source))]
        for name, function in (("training", training), ("evaluation", tf.function(source.fetch))):
            found = milliseconds(function, indices, arguments.rounds)
            print(f"{name:10} {found:.2f} ms of CPU an image, {1000 / found:.0f} images/s a core")


if __name__ == "__main__":
    main()
