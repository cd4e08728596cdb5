"""Data sets of a few small images: arrays, .npz files, folders."""

import numpy as np
from PIL import Image

from tfadv.data import ArraySource

# Six images of three classes.
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])
NAMES = ["cat", "dog", "owl"]


def array_source(name="some", images=PIXELS, labels=LABELS, names=NAMES):
    """Returns a source of these six images, or of others."""
    return ArraySource(name, images, labels, names)


def random_examples(count, seed=0):
    """Returns random images uint8 [count, 8, 8, 3], and labels of four classes in turn."""
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, 8, 8, 3), np.uint8), np.arange(count) % 4


def dim_examples(count):
    """Returns images like `random_examples` whose largest pixel is 16, of 255."""
    images, labels = random_examples(count)
    return images % 17, labels


def write_npz(path, images, labels, **more):
    """Writes images and labels as the data set 'npz' reads them; returns the path as text."""
    np.savez(path, image=images, label=labels, **more)
    return str(path)


def write_splits(folder, train=32, test=20, seed=0):
    """Writes so many random examples as train.npz and test.npz of a folder; makes it if needed."""
    folder.mkdir(exist_ok=True)
    write_npz(folder / "train.npz", *random_examples(train, seed))
    write_npz(folder / "test.npz", *random_examples(test, seed + 1000))


def npz_arguments(folder):
    """Returns the arguments of the data set 'npz' for the two files of `write_splits`."""
    return {"train": f"{folder}/train.npz", "test": f"{folder}/test.npz"}


def npz_bindings(folder, train="train.npz", test="test.npz"):
    """Returns bindings that choose two files of a folder."""
    return [
        "Experiment.dataset = 'npz'",
        f"npz.train = '{folder}/{train}'",
        f"npz.test = '{folder}/{test}'",
    ]


def write_image_folders(path):
    """Writes train and test folders of two classes: JPEG, PNG, grey and large."""
    for split in ("train", "test"):
        for class_name, colour in (("blue", (0, 0, 255)), ("red", (255, 0, 0))):
            folder = path / split / class_name
            folder.mkdir(parents=True)
            Image.new("RGB", (20, 12), colour).save(folder / "a.png")
            Image.new("RGB", (8, 30), colour).save(folder / "b.JPEG", quality=95)
            Image.new("L", (9, 9), 40).save(folder / "c.jpg")


def contents(folder):
    """Returns the bytes of every file below a folder, by path."""
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
