"""Networks, images and what a network does of them, for the checks of models."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfadv.errors import UserError
from tfadv.interop.saved_model import DEFAULT_ENDPOINT, Endpoints, endpoint
from tfadv.models.classifier import Trainable
from tfadv.norms.base import Norm
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.norms.mode import ADV, CLEAN, NormMode
from tfadv.pixels import PIXEL_RANGE
from tfadv.strategies import Network
from tfadv.testing.faults import require, require_near

MakeModel = Callable[..., Trainable]
MakeNorm = Callable[..., Norm]
CLASSES = 5
IMAGES = 6
# The smallest images that a model can be built for are those that it is checked on.
SIDES = (16, 32, 64, 224)
BRANCHES = (CLEAN, ADV)
mixture = functools.partial(MixtureBatchNorm, BRANCHES)


def as_it_starts(make: MakeModel, norm: MakeNorm = BatchNorm) -> Trainable:
    """Returns a model for images of the first of `SIDES` that it can be built for.

    Raises:
        UserError: it can't be built for any.
    """
    for side in SIDES:
        try:
            return make(image_shape=(side, side, 3), classes=CLASSES, make_norm=norm)
        except UserError:
            if side == SIDES[-1]:
                raise
    raise AssertionError("there are no sides")


def built(make: MakeModel, norm: MakeNorm = BatchNorm) -> Trainable:
    """Returns a model as training leaves it, the same each time: each branch has moments."""
    keras.utils.set_random_seed(0)
    model = as_it_starts(make, norm)
    random = np.random.default_rng(0)
    for weight in model.trainable_variables:
        if len(weight.shape) < 2 or not np.any(weight):
            weight.assign_add(random.normal(0, 0.1, weight.shape))
    for number, branch in enumerate(model.branches):
        mode = NormMode(branch, "batch", update=True)
        model(some_images(model, number), mode=mode)
    return model


def some_images(model: Trainable, seed: int = 0, count: int = IMAGES) -> tf.Tensor:
    """Returns float32 images [count, H, W, C] in 0..255, smooth ones under noise."""
    random = np.random.default_rng(seed)
    height, width, channels = model.image_shape
    coarse = random.uniform(0, 255, (count, 4, 4, channels))
    smooth = tf.image.resize(tf.constant(coarse, tf.float32), (height, width), "nearest")
    noise = random.normal(0, 25, (count, height, width, channels))
    return tf.clip_by_value(smooth + tf.constant(noise, tf.float32), 0.0, 255.0)


def require_same_function(
    function: Callable, expected: Callable, x: tf.Tensor, tolerance: float, fault: str
) -> None:
    """Raises `ConformanceError` unless two functions agree on images: logits and gradient.

    Args:
        function: from images to logits.
        expected: likewise.
        x: the images.
        tolerance: of the logits, and of the gradient as a share of its largest value.
        fault: what it means.
    """
    (logits, gradient), (others, slope) = (_with_gradient(f, x) for f in (function, expected))
    require_near(logits, others, tolerance, fault)
    largest = tf.maximum(tf.reduce_max(tf.abs(slope)), 1e-12)
    require_near(gradient / largest, slope / largest, tolerance, f"{fault}, in its gradient")


def _with_gradient(function, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = function(x)
        loss = tf.reduce_sum(tf.sin(tf.cast(logits, tf.float32)))
    gradient = tape.gradient(loss, x)
    require(gradient is not None, "no gradient reaches the pixels")
    return logits, gradient


def gradients(model: Trainable, loss: Callable[[], tf.Tensor]) -> dict[str, tf.Tensor]:
    """Returns a loss's gradients by the trainable variables that it reaches, by their paths."""
    with tf.GradientTape() as tape:
        value = loss()
    found = tape.gradient(value, [weight.value for weight in model.trainable_variables])
    return {
        weight.path: gradient
        for weight, gradient in zip(model.trainable_variables, found, strict=True)
        if gradient is not None and np.any(np.asarray(gradient))
    }


def require_all_trained(model: Trainable, images: tf.Tensor) -> None:
    """Raises `ConformanceError` unless training all branches reaches all weights, finitely."""
    reached = {}
    for branch in model.branches:

        def loss(branch=branch):
            network = Network(model, kinds={branch: branch})
            logits = network.train_logits({branch: images})[0][branch]
            return tf.reduce_sum(tf.sin(logits))

        reached |= gradients(model, loss)
    for path, gradient in reached.items():
        finite = bool(tf.reduce_all(tf.math.is_finite(gradient)))
        require(finite, f"the gradient of {path} is not finite")
    for weight in model.trainable_variables:
        require(weight.path in reached, f"no gradient reaches {weight.path}")


def require_exportable(model: Trainable, images: tf.Tensor) -> None:
    """Raises `ConformanceError` unless a SavedModel keeps logits and gradients of each branch."""
    with tempfile.TemporaryDirectory() as folder:
        Endpoints(model, model.branches, PIXEL_RANGE).save(Path(folder))
        loaded = tf.saved_model.load(folder)
        for branch in model.branches:
            name = endpoint(branch) if len(model.branches) > 1 else DEFAULT_ENDPOINT
            require_same_function(
                getattr(loaded, name),
                functools.partial(model, mode=NormMode(branch)),
                images,
                1e-4,
                f"exported, branch {branch} gives other values",
            )
