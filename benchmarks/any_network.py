"""Any network under two recipes: two steps of training at 64x64 pixels, and out again.

``python -m benchmarks.any_network`` takes five networks of keras.applications, with random weights
and statistics, and three built-in ones, under mixture batch norm with logit pairing and under
group norm. A row says, of each:

- before: how far the logits are from Keras' own before training, of the largest one;
- statistics: how far the running statistics of each branch are, after a batch of its own, from
  those that Keras' own batch norm takes of that batch, of the largest one;
- others: how many variables that batch changes which are not its branch's statistics, or that
  its loss has a gradient by although they are another branch's;
- loss: after two steps;
- logits, cosine: how far the exported logits are from the trained network's, of the largest one,
  and the cosine of both gradients by the images.

``-`` stands where there is nothing to compare with: other norms, or no branches.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from tfadv import config
from tfadv.interop.bundle_writer import write_bundle
from tfadv.interop.reference import distance as distance_of
from tfadv.interop.saved_model import endpoint
from tfadv.models import Model
from tfadv.norms.mode import NormMode
from tfadv.planning.plan import build_plan
from tfadv.runs import trained_run
from tfadv.runs.run_directory import RunDirectory
from tfadv.training.session import Session
from tfadv.training.trainer import Trainer

SHAPE, CLASSES = (64, 64, 3), 10
RECIPES = ("mbn_alp", "gn")
INSIDE, AROUND_0 = (0.0, 1.0), (127.5, 127.5)  # mean and std of what a model's first layer takes
APPLICATIONS = {
    "MobileNetV2": AROUND_0,
    "EfficientNetB0": INSIDE,
    "ConvNeXtTiny": INSIDE,
    "DenseNet121": AROUND_0,
    "ResNet50V2": AROUND_0,
}
BUILT_IN = ("wide_resnet", "convnext", "vit")
SIZES = (
    "synthetic.image_size = 64",
    f"synthetic.classes = {CLASSES}",
    "synthetic.test_examples = 8",
    "Training.epochs = 1",
    "Training.batch_size = 8",
    "NormPolicy.freeze_last_epochs = 0",
    "Evaluation.attacks = ()",
    "Evaluation.batch_size = 8",
)


def stored(name: str, path: Path) -> keras.Model:
    """Stores a network of keras.applications with random statistics, and returns it."""
    build = getattr(keras.applications, name)
    sizes = {"weights": None, "input_shape": SHAPE, "classes": CLASSES}
    model = build(**sizes, classifier_activation=None)
    draw = np.random.default_rng(0)
    for variable in model.weights:
        if "moving" in variable.path or variable.path.endswith(("gamma", "beta")):
            noise = draw.uniform(size=variable.shape)
            variable.assign(np.asarray(variable) + 0.1 * noise)
    model.save(path)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0  # draws of its own would change statistics
    return model


def before(model: Model, theirs: keras.Model, pixels: tf.Tensor, prepared: tf.Tensor) -> float:
    """Compares logits of every branch with Keras' own."""
    expected = theirs(prepared)
    return max(distance_of(model.logits_fn(NormMode(b))(pixels), expected) for b in model.branches)


def statistics(model: Model, theirs: keras.Model, prepared: tf.Tensor, pixels: tf.Tensor) -> float:
    """Compares the running statistics of every branch after a batch of its own."""
    start, worst = [np.asarray(weight) for weight in theirs.weights], 0.0
    for branch in model.branches:
        for weight, value in zip(theirs.weights, start, strict=True):
            weight.assign(value)
        theirs(prepared, training=True)
        expected = {v.path: np.asarray(v) for v in theirs.weights if "moving" in v.path}
        forward(model, branch, pixels, seed=None)
        for path, value in expected.items():
            norm, name = path.split("/")[-2:]
            own = f"/{norm}/{branch}/{name}"
            found = next(v for v in model.variables if f"/{v.path}".endswith(own))
            worst = max(worst, distance_of(found, value))
    return worst


def forward(
    model: Model, branch: str, pixels: tf.Tensor, seed: Sequence[int] | None = (1, 2)
) -> list[keras.Variable]:
    """Runs a training forward; returns the variables by which its logits have a gradient."""
    drops = None if seed is None else tf.constant(seed, tf.int64)
    mode, variables = NormMode(branch, "batch", update=True), model.trainable_variables
    values = [variable.value for variable in variables]

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            logits = model(pixels, mode=mode, seed=drops)
        return [
            tf.reduce_max(tf.abs(tf.convert_to_tensor(gradient)))
            for gradient in tape.gradient(
                logits, values, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
        ]

    return [v for v, largest in zip(variables, gradients(), strict=True) if largest > 0]


def others(model: Model, pixels: tf.Tensor) -> int:
    """Counts what a batch of one branch does to variables of others."""
    count = 0
    for branch in model.branches:
        values = {v.path: v.numpy() for v in model.variables}
        with_gradient = forward(model, branch, pixels)
        changed = {v.path for v in model.variables if (v.numpy() != values[v.path]).any()}
        count += sum(f"/{branch}/moving_" not in path for path in changed)
        apart = [f"/{other}/" for other in model.branches if other != branch]
        count += sum(any(other in v.path for other in apart) for v in with_gradient)
    return count


def exported(run: trained_run.TrainedRun, folder: Path, pixels: tf.Tensor) -> tuple[float, float]:
    """Exports a run; returns how far its logits are from its model's, and the least cosine."""
    branches = list(run.branches)
    write_bundle(run, folder, branches, (0.0, 255.0), "unspecified")
    bundle, distance, least = tf.saved_model.load(str(folder)), 0.0, 1.0
    for branch in branches:
        serve = getattr(bundle, endpoint(branch) if len(run.model.branches) > 1 else "serve")
        logits, gradient = logits_and_gradient(serve, pixels)
        own = logits_and_gradient(lambda x, b=branch: run.model(x, mode=NormMode(b)), pixels)
        distance = max(distance, distance_of(logits, own[0]))
        least = min(least, cosine(gradient, own[1]))
    return distance, least


def logits_and_gradient(function, pixels: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Returns logits, and the gradient of the sum of the first ones by the pixels."""
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits = function(pixels)
        chosen = tf.reduce_sum(logits[:, 0])
    return logits.numpy(), tape.gradient(chosen, pixels).numpy()


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the cosine of two arrays."""
    one, other = one.astype("float64").ravel(), other.astype("float64").ravel()
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))


def row(name: str, recipe: str, folder: Path) -> str:
    """Trains a network under a recipe, and returns its row."""
    bindings, theirs = [*SIZES, f"Experiment.model = '{name}'"], None
    mean, std = INSIDE
    if name in APPLICATIONS:
        mean, std = APPLICATIONS[name]
        path = folder / "theirs.keras"
        theirs = stored(name, path)
        bindings = [*SIZES, "Experiment.model = 'keras'", f"Keras.path = '{path}'"]
        bindings += [f"Keras.pixel_mean = {mean}", f"Keras.pixel_std = {std}"]
        if not any("moving" in weight.path for weight in theirs.weights):
            bindings.append("Keras.replace = ('LayerNormalization',)")
    read = config.read([f"gin/{recipe}.gin", "gin/scale/smoke.gin"], bindings)
    plan = build_plan(read)
    pixels = tf.constant(np.random.default_rng(1).uniform(0, 255, (8, *SHAPE)), tf.float32)
    fresh, cells = plan.build_model(), ["-", "-", "-"]
    if len(fresh.branches) > 1:
        if theirs is not None and any("moving" in weight.path for weight in theirs.weights):
            prepared = (pixels - mean) / std
            cells[0] = f"{before(fresh, theirs, pixels, prepared):.0e}"
            cells[1] = f"{statistics(fresh, theirs, prepared, pixels):.0e}"
        cells[2] = str(others(fresh, pixels))
    del fresh
    directory = RunDirectory(folder / "run")
    directory.claim(read, ["CPU"], 0)
    Session(Trainer(plan, tf.distribute.get_strategy())).run(directory)
    metrics = (folder / "run/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    run = trained_run.load(folder / "run", plan)
    distance, least = exported(run, folder / "bundle", pixels)
    cells += [f"{json.loads(metrics[-1])['loss']:.2f}", f"{distance:.0e}", f"{least:.6f}"]
    return f"{name:15}{recipe:9}" + "".join(f"{cell:>12}" for cell in cells)


def main() -> None:
    """Prints the table, each row by a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", choices=[*APPLICATIONS, *BUILT_IN], help="one of them")
    parser.add_argument("--recipe", choices=RECIPES, help="one of them")
    arguments = parser.parse_args()
    if arguments.network and arguments.recipe:
        with tempfile.TemporaryDirectory() as name:
            print(row(arguments.network, arguments.recipe, Path(name)), flush=True)
        return
    titles = ("before", "statistics", "others", "loss", "logits", "cosine")
    print(f"{'network':15}{'recipe':9}" + "".join(f"{title:>12}" for title in titles), flush=True)
    for network in [arguments.network] if arguments.network else [*APPLICATIONS, *BUILT_IN]:
        for recipe in [arguments.recipe] if arguments.recipe else RECIPES:
            words = [sys.executable, "-m", "benchmarks.any_network"]
            subprocess.run([*words, f"--network={network}", f"--recipe={recipe}"], check=True)


if __name__ == "__main__":
    main()
