"""A folder in which documented commands run in minutes: a copy of the project, made small."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets

from shared.documents import blocks
from shared.evaluation_records import listed_record
from shared.project import ROOT
from tfadv.files import write_record

FOLDERS = (".ci", "benchmarks", "docs", "gin", "plugins", "tfadv")
FILES = (
    "Makefile",
    "requirements-docs.txt",
    "requirements-suites.txt",
    "requirements-trackers.txt",
    "requirements.lock",
    "setup.py",
)
# What is cut: the network, how long it is trained and how many images are evaluated; nothing that
# a command names. Attacks keep their steps, and overlays stay as they are.
SMALLER = {
    "gin/scale/digits.gin": {
        "ResNet.blocks": "(1,)",
        "ResNet.width": "8",
        "Training.epochs": "2",
        "StepDecay.boundaries": "(1,)",
        "LearningRate.warmup_epochs": "1",
        "NormPolicy.freeze_last_epochs": "1",
        "Evaluation.batch_size": "16",
        "Evaluation.examples": "16",
        "eval/Checkup.examples": "8",
        "eval/Checkup.steps": "10",
        "eval/Checkup.queries": "50",
        "eval/Square.queries": "200",
    },
    "gin/scale/cifar10.gin": {"Evaluation.examples": "16", "eval/Square.queries": "200"},
    "gin/scale/cifar10_laptop.gin": {
        "ResNet.blocks": "(1,)",
        "ResNet.width": "8",
        "tfds.train_split": "'train[:640]'",
        "tfds.test_split": "'test'",
        "Training.epochs": "1",
        "NormPolicy.freeze_last_epochs": "1",
        "StepDecay.boundaries": "()",
        "LearningRate.warmup_epochs": "0",
        "Evaluation.examples": "16",
    },
}
# Pages with files that a reader writes; each names its file in its first line.
PRINTED = ("docs/data.md", "docs/network.md")
# Images that TFDS and `$TFADV_DATA_DIR` have.
TRAIN, TEST = 2_000, 500
CLASSES = 10


class Workplace:
    """The folder, with what its commands read.

    Args:
        folder: is made.
    """

    def __init__(self, folder: Path):
        self.project = folder / "project"
        self.data = folder / "data"
        for name in FOLDERS:
            shutil.copytree(ROOT / name, self.project / name)
        for name in FILES:
            shutil.copy(ROOT / name, self.project / name)
        for file, bindings in SMALLER.items():
            path = self.project / file
            path.write_text(_bound(path.read_text(), bindings))
        for block in (block for page in PRINTED for block in blocks(ROOT / page)):
            if name := re.match(r'(?:# |""")([\w/]+\.(?:gin|py))', block.text):
                path = self.project / name[1]
                path.parent.mkdir(exist_ok=True)
                path.write_text(block.text)
        train, test = _images(TRAIN, 0), _images(TEST, 1)
        _as_npz(self.data / "cifar10", train, test)
        _as_tfds(self.data / "tfds", train, test)
        _as_folders(self.project / "photos", train, test)
        _external_model(*train).save(self.project / "mine.keras")
        shutil.copy(self.project / "mine.keras", self.project / "theirs.keras")
        write_record(self.project / "listed.json", listed_record())

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the commands see: this Python, and the made data alone."""
        paths = [str(self.project), os.environ.get("PYTHONPATH", "")]
        return os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": ":".join(filter(None, paths)),
            "TFDS_DATA_DIR": str(self.data / "tfds"),
            "TFADV_DATA_DIR": str(self.data),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }

    def run(self, text: str) -> subprocess.CompletedProcess:
        """Gives a line to a shell in the project's folder."""
        return subprocess.run(
            ["bash", "-c", text],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


def _bound(text: str, bindings: dict[str, str]) -> str:
    """Returns a gin file with other values in place of its own, or after them."""
    for name, value in bindings.items():
        line = f"{name} = {value}"
        text, found = re.subn(rf"^{re.escape(name)} = .*$", line, text, flags=re.MULTILINE)
        text += "" if found else f"{line}\n"
    return text


def _images(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns noisy uint8 images [count, 32, 32, 3] whose grey tells their class, and labels."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    grey = 20 + 20 * labels[:, None, None, None]
    noise = random.normal(0, 25, (count, 32, 32, 3))
    return np.clip(grey + noise, 0, 255).astype(np.uint8), labels


def _as_npz(folder: Path, train, test) -> None:
    folder.mkdir(parents=True)
    for name, (images, labels) in (("train_10k", train), ("test_2k", test)):
        np.savez(folder / f"{name}.npz", image=images, label=labels)


def _as_folders(folder: Path, train, test) -> None:
    """Writes the first images of each class as JPEGs."""
    for split, (images, labels) in (("train", train), ("test", test)):
        for number, (image, label) in enumerate(zip(images[:200], labels[:200], strict=True)):
            path = folder / split / f"class_{label}" / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(tf.io.encode_jpeg(image).numpy())


def _as_tfds(folder: Path, train, test) -> None:
    """Prepares TFDS' own CIFAR-10 from these images: its code finds it and downloads nothing."""
    builder = tensorflow_datasets.builder("cifar10", data_dir=folder)
    splits = {}
    for name, (images, labels) in (("train", train), ("test", test)):
        ids = np.array([f"{name}_{number:05d}" for number in range(len(labels))])
        columns = {"id": ids, "image": images, "label": labels}
        splits[name] = tf.data.Dataset.from_tensor_slices(columns)
    tensorflow_datasets.dataset_builders.store_as_tfds_dataset(
        name="cifar10",
        version=str(builder.version),
        features=builder.info.features,
        split_datasets=splits,
        data_dir=folder,
    )


def _external_model(images: np.ndarray, labels: np.ndarray) -> keras.Model:
    """Returns a classifier of images in 0..1 that another would have made."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Conv2D(32, 8, 8, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),  # images of any size
            keras.layers.Dense(32, "relu"),
            keras.layers.Dense(CLASSES),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit(images / np.float32(255), labels, 256, epochs=2, verbose=0)
    return model
