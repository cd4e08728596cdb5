"""What a model must keep to: its contract, its logits, its variables."""

import functools
import json
import tempfile
import unittest
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfadv.errors import UserError
from tfadv.models.classifier import Trainable, norm_variables
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.layer_norm import LayerNorm
from tfadv.norms.mode import NormMode, is_branch_name
from tfadv.runs.checkpoints import Checkpoints
from tfadv.testing.faults import (
    distance,
    require,
    require_near,
    require_no_python_state,
    require_untouched,
    values,
)
from tfadv.testing.model_cases import (
    CLASSES,
    MakeModel,
    as_it_starts,
    built,
    mixture,
    require_exportable,
    require_same_function,
    some_images,
)

# Of the largest logit, in bfloat16, which has 8 bits.
COARSE = 0.1
BATCH = NormMode(statistics="batch")


def says_what_it_is(make: MakeModel) -> None:
    """Name, images, classes, branches, dtypes and kernels, and JSON for the record."""
    for norm in (BatchNorm, mixture):
        model = built(make, norm)
        named = isinstance(model.name, str) and model.name != ""
        require(named, f"its name is {model.name!r}")
        require(model.classes == CLASSES, f"of {CLASSES} classes it says {model.classes}")
        right = len(model.image_shape) == 3 and "float32" in model.dtypes
        require(right, f"it is of images {model.image_shape} in {model.dtypes}")
        named = all(is_branch_name(branch) for branch in model.branches)
        named &= model.default_branch in model.branches
        require(named, f"its branches are {model.branches}, by default {model.default_branch!r}")
        json.dumps(model.describe(), allow_nan=False)
        _require_kernels(model)


def _require_kernels(model: Trainable) -> None:
    of_norms = {id(variable) for variable in norm_variables(model)}
    trained = {id(variable) for variable in model.trainable_variables}
    kernels = model.kernels
    require(len(kernels) > 0, "it has no `kernels`: nothing for weight decay")
    for kernel in kernels:
        fault = f"among its `kernels`, which weight decay applies to, is {kernel.path}"
        require(id(kernel) in trained - of_norms and len(kernel.shape) >= 2, fault)


def returns_logits_of_any_batch(make: MakeModel) -> None:
    """float32 [N, K], finite, and no probabilities: eagerly and traced with N unknown."""
    model = built(make)
    shape = tf.TensorSpec((None, *model.image_shape), tf.float32)
    for count in (1, 3):
        images = some_images(model, count=count)
        for function in (
            model,
            model.logits_fn(),
            model.logits_fn(constant=True),
            tf.function(model, input_signature=[shape], autograph=False),
            functools.partial(model, mode=BATCH),
        ):
            logits = function(images)
            said = f"{count} images have logits of {logits.dtype.name} {logits.shape}"
            right = logits.shape == (count, CLASSES) and logits.dtype == tf.float32
            require(right, f"{said}, not float32 [{count}, {CLASSES}]")
            finite = bool(tf.reduce_all(tf.math.is_finite(logits)))
            require(finite, f"{count} images have logits that are not finite")
            sums = tf.reduce_sum(logits, -1)
            shares = distance(sums, tf.ones_like(sums)) < 1e-4 and float(tf.reduce_min(logits)) >= 0
            require(not shares, "it returns probabilities, not logits: leave the softmax out")


def has_gradients_by_its_pixels(make: MakeModel) -> None:
    """Finite, and of each image's own logits not 0, in every branch."""
    model = built(make, mixture)
    x = some_images(model)
    for branch in model.branches:
        mode = NormMode(branch)
        for function in (model.logits_fn(mode), functools.partial(model, mode=mode)):
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = tf.reduce_sum(tf.sin(function(x)))
            gradient = tape.gradient(loss, x)
            require(gradient is not None, f"no gradient reaches the pixels (branch {branch})")
            finite = bool(tf.reduce_all(tf.math.is_finite(gradient)))
            require(finite, f"the gradient by the pixels is not finite (branch {branch})")
            none = int(np.sum(~np.any(np.asarray(gradient), axis=(1, 2, 3))))
            fault = (
                f"the gradient by the pixels of {none} of {len(x)} images is 0 (branch {branch})"
            )
            require(none == 0, fault)


def is_to_an_attack_what_it_is(make: MakeModel) -> None:
    """`logits_fn` is the model, logits and gradient, in every branch."""
    model = built(make, mixture)
    x = some_images(model)
    for branch in model.branches:
        mode = NormMode(branch)
        for constant in (False, True):
            require_same_function(
                model.logits_fn(mode, constant=constant),
                functools.partial(model, mode=mode),
                x,
                1e-3,
                f"logits_fn({mode}, constant={constant}) is another function than the model",
            )


def computes_in_every_dtype_it_says(make: MakeModel) -> None:
    """In bfloat16 the logits are float32 and near those in float32, for attacks and training."""
    model = built(make)
    x = some_images(model)
    expected = model(x)
    for dtype in model.dtypes:
        for function in (model.logits_fn(dtype=dtype), functools.partial(model, dtype=dtype)):
            logits = function(x)
            fault = f"in {dtype} the logits are {logits.dtype.name}"
            require(logits.dtype == tf.float32, fault)
            far = f"in {dtype} the logits are others than in float32"
            require_near(logits, expected, 1e-4 if dtype == "float32" else COARSE, far)


def keeps_images_apart(make: MakeModel) -> None:
    """In inference an image's logits don't depend on the others of its batch."""
    model = built(make, mixture)
    x = some_images(model)
    others = tf.concat([255 - x[:2], x[2:3], 255 - x[3:]], 0)
    for branch in model.branches:
        mode = NormMode(branch)
        for function in (model.logits_fn(mode), functools.partial(model, mode=mode)):
            fault = "an image's logits change with the others of its batch: it leaks across it"
            require_near(function(others)[2:3], function(x)[2:3], 1e-4, fault)


def takes_any_norm(make: MakeModel) -> None:
    """Norms with statistics and without them: batch, mixture, group and layer norm."""
    for norm in (BatchNorm, mixture, GroupNorm, LayerNorm):
        name = getattr(norm, "__name__", "MixtureBatchNorm")
        model = as_it_starts(make, norm)
        logits = model(some_images(model), mode=BATCH)
        finite = bool(tf.reduce_all(tf.math.is_finite(logits)))
        require(finite, f"with {name} the logits are not finite")
        kinds = {type(one).__name__ for one in model.norms.values()}
        require(not kinds or name in kinds, f"with {name} it has norms of {', '.join(kinds)}")


def is_made_by_its_seed(make: MakeModel) -> None:
    """The same seed draws the same weights, another one others.

    Raises:
        SkipTest: every seed makes the same weights, as those of a file are.
    """
    results = []
    for seed in (0, 0, 1):
        keras.utils.set_random_seed(seed)
        results.append(as_it_starts(make))
    first, again, other = (values(model.variables) for model in results)
    fault = "of the same seed it is made of other weights: it draws from a generator of its own"
    require_untouched(results[0].variables, again, fault)
    same = all(np.array_equal(one, new) for one, new in zip(first, other, strict=True))
    if same:
        raise unittest.SkipTest("every seed makes it of the same weights")


def names_its_variables(make: MakeModel) -> None:
    """By paths of their own, which are the same whatever was built before."""
    first, again = (
        [variable.path for variable in as_it_starts(make, mixture).variables] for _ in range(2)
    )
    twice = sorted({path for path in first if first.count(path) > 1})
    require(not twice, f"two variables have one path: {', '.join(twice)}: name the layers")
    changed = [f"{old} and {new}" for old, new in zip(first, again, strict=True) if old != new]
    fault = f"built again, a variable has another path: {', '.join(changed[:3])}: name the layers"
    require(not changed, fault)


def keeps_all_it_has_in_its_variables(make: MakeModel) -> None:
    """Restored from a run's checkpoint, a model that is made anew is the same to the bit."""
    model, again = built(make, mixture), as_it_starts(make, mixture)
    with tempfile.TemporaryDirectory() as folder:
        _checkpoints(folder, model).save()
        _checkpoints(folder, again).restore()
    x = some_images(model)
    for branch in model.branches:
        for mode in (NormMode(branch), NormMode(branch, "batch")):
            fault = (
                "restored from a checkpoint its logits are others: it keeps something that is "
                "none of its `variables`"
            )
            require_near(again(x, mode=mode), model(x, mode=mode), 0.0, fault)


def _checkpoints(folder: str, model: Trainable) -> Checkpoints:
    optimizer = keras.optimizers.SGD(0.1, name="sgd")
    optimizer.build(model.trainable_variables)
    return Checkpoints(Path(folder), model, optimizer)


def draws_by_the_seed_of_a_call(make: MakeModel) -> None:
    """Dropout and its kin act where a call has a seed, and draw of nothing else."""
    model = built(make)
    x, results = some_images(model), []
    for seed in (1, 2):
        tf.random.set_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        drawn = model(x, mode=BATCH, seed=tf.constant([3, 4], tf.int64))
        results.append((drawn, model(x, mode=BATCH), model(x)))
    for one, again, what in zip(*results, ("the same seed", "no seed", "inference"), strict=True):
        require_near(again, one, 0.0, f"two calls with {what} give other logits")


def refuses_what_there_is_not(make: MakeModel) -> None:
    """An unknown branch, and Keras' ``training=True``, which says too little."""
    model = built(make, mixture)
    x = some_images(model)
    for what, call in (
        ("the branch 'nobody'", lambda: model(x, mode=NormMode("nobody"))),
        ("the branch 'nobody' in logits_fn", lambda: model.logits_fn(NormMode("nobody"))),
        ("training=True", lambda: model(x, training=True)),
    ):
        try:
            call()
        except UserError:
            continue
        require(False, f"it takes {what} without a word")


def has_no_python_state(make: MakeModel) -> None:
    """Nothing depends on what Python did while it was traced."""
    model = built(make)
    x = some_images(model)
    modes = (NormMode(), BATCH)
    require_no_python_state(model, lambda: [model(x, mode=mode) for mode in modes], 0.01)


def survives_the_export(make: MakeModel) -> None:
    """As a SavedModel of plain TensorFlow it keeps logits and gradients, each branch."""
    model = built(make, mixture)
    require_exportable(model, some_images(model))


CHECKS = (
    says_what_it_is,
    returns_logits_of_any_batch,
    has_gradients_by_its_pixels,
    is_to_an_attack_what_it_is,
    computes_in_every_dtype_it_says,
    keeps_images_apart,
    takes_any_norm,
    is_made_by_its_seed,
    names_its_variables,
    keeps_all_it_has_in_its_variables,
    draws_by_the_seed_of_a_call,
    refuses_what_there_is_not,
    has_no_python_state,
    survives_the_export,
)
