"""The README's story: a small network trained by Keras' own `fit`, made robust by one command.

``python -m benchmarks.own_network --train=TRAIN.npz --test=TEST.npz`` takes CIFAR-10's images from
files with the arrays ``image`` and ``label``. For each seed it fits a small convolutional network,
saves it as ``.keras``, evaluates it, trains it further with mixture batch norm, and prints the
accuracies of the first and of each branch, clean and under PGD-100 at ε = 8, targeted as in
the recipe and untargeted.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

SETTINGS = {
    "Experiment.dataset": "npz",
    "PGD.epsilon": 8.0,
    "PGD.step_size": 2.0,
    "Evaluation.attacks": ("pgd100/pgd", "untargeted/pgd"),
    "eval/untargeted/PGD.steps": 100,
    "eval/untargeted/PGD.targeted": False,
}
RECIPES = ("--gin_file=gin/mbn_alp.gin", "--gin_file=gin/scale/cifar10_laptop.gin")


class Row(NamedTuple):
    """Accuracies in percent."""

    name: str
    clean: float
    targeted: float
    untargeted: float


def small_cnn() -> keras.Model:
    """Returns the network: pixels 0..255 in, logits of 10 classes out."""
    layers = [keras.Input((32, 32, 3)), keras.layers.Rescaling(1 / 127.5, -1)]
    for filters, strides in ((32, 1), (32, 2), (64, 1), (64, 2), (128, 1)):
        layers += [
            keras.layers.Conv2D(filters, 3, strides, padding="same", use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
        ]
    layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dropout(0.2)]
    return keras.Sequential([*layers, keras.layers.Dense(10)])


def fit(train: Path, path: Path, seed: int, epochs: int) -> None:
    """Trains the network and saves it as ``.keras``."""
    keras.utils.set_random_seed(seed)
    with np.load(train) as arrays:
        images, labels = arrays["image"].astype("float32"), arrays["label"]
    mirrored = images[:, :, ::-1]
    model = small_cnn()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(
        np.concatenate([images, mirrored]),
        np.tile(labels, 2),
        batch_size=64,
        epochs=epochs,
        verbose=2,
    )
    model.save(path)


def command(name: str, *words: str) -> None:
    """Runs one of the package's commands."""
    subprocess.run([sys.executable, "-m", f"tfadv.{name}", *words], check=True)


def story(train: Path, test: Path, folder: Path, seed: int, fit_epochs: int) -> list[Row]:
    """Returns the rows of the network as it was fitted, and of each branch afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    first, record, run = folder / "mine.keras", folder / "mine.json", folder / "run"
    if not first.exists():
        fit(train, first, seed, fit_epochs)
    judged = bindings({"npz.train": str(train), "npz.test": str(test), **SETTINGS})
    if not record.exists():
        outside = (f"--saved_model={first}", "--pixel_range=0,255", "--layout=NHWC")
        command("evaluate", *outside, *RECIPES, *judged, f"--output={record}")
    own = {"Experiment.model": "keras", "Keras.path": str(first), "Experiment.seed": seed}
    command("train", *RECIPES, *judged, *bindings(own), f"--model_dir={run}")
    return [*rows(record, "as fitted"), *rows(run / "results.json", "trained on")]


def bindings(values: Mapping[str, object]) -> list[str]:
    """Returns flags that bind parameters of gin."""
    return [f"--gin_bindings={name} = {value!r}" for name, value in values.items()]


def rows(path: Path, what: str) -> list[Row]:
    """Returns the rows of a record: percent, clean and under each attack."""
    record = json.loads(path.read_text(encoding="utf-8"))
    found = []
    for branch, clean in record["clean"].items():
        attacked = [row["accuracy"] for row in record["attacks"] if row["branch"] == branch]
        percent = tuple(round(100 * accuracy, 1) for accuracy in (clean["accuracy"], *attacked))
        found.append(Row(f"{what}, {branch}", *percent))
    return found


def main() -> None:
    """Prints a table, and whether it is as the README says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("runs/own_network"), help="resumes")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--fit_epochs", type=int, default=15)
    arguments = parser.parse_args()
    print(f"{'seed':5}{'network':22}{'clean':>8}{'PGD-100':>9}{'untargeted':>12}")
    for seed in map(int, arguments.seeds.split(",")):
        folder = arguments.output / f"seed{seed}"
        for row in story(arguments.train, arguments.test, folder, seed, arguments.fit_epochs):
            print(
                f"{seed:<5}{row.name:22}{row.clean:8}{row.targeted:9}{row.untargeted:12}",
                flush=True,
            )


if __name__ == "__main__":
    main()
