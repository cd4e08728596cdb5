"""What a normalization must keep to: mathematics, modes and serialization."""

import json
import math

import numpy as np
import tensorflow as tf

from tfadv.models.conv_norm import ConvNorm
from tfadv.norms.base import norms_in, write_statistics
from tfadv.norms.mode import NormMode
from tfadv.testing.faults import (
    require,
    require_near,
    require_no_python_state,
    require_untouched,
    values,
)
from tfadv.testing.norm_cases import SHAPE, MakeNorm, built, modes, some_maps


def keeps_shapes_and_dtypes(make: MakeNorm) -> None:
    """The output is like the input, float32 or bfloat16; variables are float32."""
    for activated in (True, False):
        norm = built(make, activated)
        for mode in modes(norm):
            for dtype in ("float32", "bfloat16"):
                for x in (some_maps(), some_maps()[:2, :1, :1]):
                    y = norm(tf.cast(x, dtype), mode=mode)
                    said = f"of {x.dtype.name} {x.shape} in {mode}"
                    require(y.shape == x.shape, f"the output {said} has the shape {y.shape}")
                    require(y.dtype == dtype, f"the output {said} as {dtype} is {y.dtype.name}")
                    finite = bool(tf.reduce_all(tf.math.is_finite(tf.cast(y, tf.float32))))
                    require(finite, f"the output {said} is not finite")
        for variable in norm.variables:
            require(variable.dtype == "float32", f"{variable.name} is {variable.dtype}")


def takes_any_rank(make: MakeNorm) -> None:
    """Tokens are normalized as maps of width 1, vectors as maps of one pixel."""
    norm = built(make)
    for shape in ((4, 8), (4, 9, 8), (2, 3, 2, 5, 8)):
        x = tf.reshape(some_maps(), [-1])[: math.prod(shape)]
        tokens, maps = tf.reshape(x, shape), tf.reshape(x, [shape[0], -1, 1, shape[-1]])
        for mode in modes(norm):
            y, expected = norm(tokens, mode=mode), norm(maps, mode=mode)
            said = f"of {list(shape)} in {mode}"
            require(y.shape == shape, f"the output {said} has the shape {y.shape}")
            fault = f"the output {said} is not that of maps of width 1"
            require_near(tf.reshape(y, maps.shape), expected, 1e-5, fault)


def stands_constant_maps(make: MakeNorm) -> None:
    """Maps without any variance, 0 among them, leave output and gradient finite."""
    norm = built(make)
    for mode in modes(norm):
        for value in (0.0, 7.0):
            x = tf.fill(SHAPE, value)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = norm(x, mode=mode)
            for what, tensor in (("output", y), ("gradient", tape.gradient(y, x))):
                finite = bool(tf.reduce_all(tf.math.is_finite(tensor)))
                fault = f"on maps that are {value:g} everywhere the {what} in {mode} is not finite"
                require(finite, fault + ": is an epsilon missing?")


def computes_in_float32(make: MakeNorm) -> None:
    """On bfloat16 maps only the input and the output are rounded."""
    norm = built(make)
    narrow = tf.cast(some_maps() + 20.0, tf.bfloat16)
    for mode in modes(norm):
        wide = norm(tf.cast(narrow, tf.float32), mode=mode)
        y = tf.cast(norm(narrow, mode=mode), tf.float32)
        require_near(y, wide, 2**-7, f"bfloat16 maps are not normalized in float32 in {mode}")


def has_true_gradients(make: MakeNorm) -> None:
    """By the input and by every trained variable, against finite differences."""
    for activated in (True, False):
        norm = built(make, activated)
        for mode in modes(norm)[:2]:
            _compare_gradients(norm, mode)


def _compare_gradients(norm, mode):
    random = np.random.default_rng(5)
    weights = tf.constant(random.normal(size=SHAPE), tf.float32)
    x = tf.Variable(some_maps())

    def loss():
        return tf.reduce_sum(weights * norm(x.value(), mode=mode))

    sources = [("the input", x), *((v.name, v) for v in norm.trainable_variables)]
    with tf.GradientTape() as tape:
        value = loss()
    tensors = [x, *(variable.value for variable in norm.trainable_variables)]
    gradients = tape.gradient(value, tensors)
    for (name, variable), gradient in zip(sources, gradients, strict=True):
        direction = tf.constant(random.choice([-1.0, 1.0], variable.shape), tf.float32)
        kept, step = tf.identity(variable), 1e-2
        variable.assign(kept + step * direction)
        above = loss()
        variable.assign(kept - step * direction)
        below = loss()
        variable.assign(kept)
        slope = float((above - below) / (2 * step))
        tape_slope = 0.0 if gradient is None else float(tf.reduce_sum(gradient * direction))
        require(
            abs(slope - tape_slope) <= 0.03 * abs(slope) + 0.3,
            f"the gradient by {name} in {mode} is {tape_slope:.4g} along a direction in which the "
            f"output really changes by {slope:.4g}: something on its way stops it",
        )


def writes_nothing_unasked(make: MakeNorm) -> None:
    """Without `update` no variable changes and nothing is collected: attacks leave no trace."""
    norm = built(make)
    for mode in modes(norm):
        before = values(norm.variables)
        norm(some_maps(3), mode=mode)
        tf.function(norm, autograph=False)(some_maps(3), mode=mode)
        _, collected = norm(some_maps(3), mode=mode, collect=True)
        fault = f"a call without update ({mode}) writes, as every step of an attack would"
        require_untouched(norm.variables, before, fault)
        require(not collected, f"a call without update ({mode}) collects statistics")


def writes_when_asked(make: MakeNorm) -> None:
    """An update moves running statistics, collected or at once alike, and nothing else."""
    for branch in built(make).branches:
        mode = NormMode(branch, "batch", update=True)
        at_once, later = built(make), built(make)
        before = values(at_once.trainable_variables)
        statistics = values(at_once.non_trainable_variables)
        at_once(some_maps(3), mode=mode)
        _, collected = later(some_maps(3), mode=mode, collect=True)
        require_untouched(
            later.variables, values(built(make).variables), "a call with `collect` writes at once"
        )
        write_statistics(norms_in(later), collected, "mean")
        for one, other in zip(at_once.variables, later.variables, strict=True):
            require_near(one, other, 1e-6, f"{one.name} written at once is another than collected")
        require_untouched(at_once.trainable_variables, before, "an update of statistics")
        now = values(at_once.non_trainable_variables)
        moved = any(not np.array_equal(a, b) for a, b in zip(now, statistics, strict=True))
        require(moved or not statistics, f"update=True in branch {branch} writes no statistic")


def keeps_branches_apart(make: MakeNorm) -> None:
    """Training one branch changes no other branch's output."""
    norm = built(make)
    require(norm.default_branch in norm.branches, f"no branch is called {norm.default_branch!r}")
    for trained in norm.branches:
        others = [branch for branch in norm.branches if branch != trained]
        before = [norm(some_maps(), mode=NormMode(branch)) for branch in others]
        norm(some_maps(4) * 3, mode=NormMode(trained, "batch", update=True))
        for branch, old in zip(others, before, strict=True):
            new = norm(some_maps(), mode=NormMode(branch))
            fault = f"statistics written in branch {trained} change the output of branch {branch}"
            require_near(new, old, 0.0, fault)


def keeps_images_apart(make: MakeNorm) -> None:
    """In inference an image's output doesn't depend on the others of its batch."""
    norm = built(make)
    x = some_maps()
    others = tf.concat([5 - 2 * x[:3], x[3:4], 5 - 2 * x[4:]], 0)
    for branch in norm.branches:
        mode = NormMode(branch)
        y = norm(x, mode=mode)[3:4]
        fault = (
            f"in inference ({mode}) an image's output changes with the other images of its "
            "batch: it leaks across the batch"
        )
        require_near(norm(others, mode=mode)[3:4], y, 1e-4, fault)
        require_near(norm(x[3:4], mode=mode), y, 1e-4, fault)


def keeps_ghost_batches_apart(make: MakeNorm) -> None:
    """With ghost batches, each part (images i, i + 2, …) has statistics of its own."""
    norm = built(make)
    x = some_maps()
    for branch in norm.branches:
        y = norm(x, mode=NormMode(branch, "batch", ghost_batches=2))
        for part in range(2):
            alone = norm(x[part::2], mode=NormMode(branch, "batch"))
            fault = "a ghost batch is normalized otherwise than it would be alone"
            require_near(y[part::2], alone, 1e-3, fault)


def runs_on_what_it_collected(make: MakeNorm) -> None:
    """After many updates on one batch, inference normalizes it as training does."""
    norm = built(make)
    if not norm.non_trainable_variables:
        return
    x = some_maps()
    for branch in norm.branches:
        update = NormMode(branch, "batch", update=True)

        def collect(count, mode=update):
            norm(x, mode=mode)
            return (count + 1,)

        tf.function(
            lambda step: tf.while_loop(lambda n: n < 3000, step, (tf.constant(0),)), autograph=False
        )(collect)
        running, batch = norm(x, mode=NormMode(branch)), norm(x, mode=NormMode(branch, "batch"))
        fault = f"running statistics of one batch alone don't normalize it as its own ({branch})"
        require_near(running, batch, 0.02, fault)


def folds_exactly(make: MakeNorm) -> None:
    """As an attack runs it, the unit of convolution and norm gives the same maps."""
    for relu in (True, False):
        unit = ConvNorm(SHAPE[-1], 3, make(), stride=2, relu=relu)
        unit.build((None, *SHAPE[1:]))
        random = np.random.default_rng(6)
        for variable in unit.trainable_variables:
            variable.assign_add(random.normal(0, 0.2, variable.shape))
        for branch in unit.norm.branches:
            unit(some_maps(), mode=NormMode(branch, "batch", update=True))
            mode = NormMode(branch)
            kernel = unit.norm.prepare_kernel(tf.convert_to_tensor(unit.kernel))
            x = tf.nn.conv2d(some_maps(), kernel, 2, "SAME")
            y = unit.norm(x, mode=mode)
            y = tf.nn.relu(y) if unit.relu else y
            fixed = unit.fixed(mode, tf.float32)(some_maps())
            require_near(fixed, y, 1e-4, f"folded into its convolution in {mode} it differs")


def starts_a_residual_at_zero(make: MakeNorm) -> None:
    """With ``gamma_initializer='zeros'`` a block's last norm starts as nothing."""
    norm = make(gamma_initializer="zeros", name="last")
    norm.activated = False
    norm.build((None, *SHAPE[1:]))
    require(norm.name == "last", f"name='last' is not taken: it is {norm.name!r}")
    for branch in norm.branches:
        y = norm(some_maps(), mode=NormMode(branch, "batch"))
        require_near(y, tf.zeros_like(y), 1e-6, "gamma_initializer='zeros' leaves an output")


def is_serializable(make: MakeNorm) -> None:
    """Its configuration is JSON, and with its weights makes the same layer."""
    norm = built(make)
    copy = type(norm).from_config(json.loads(json.dumps(norm.get_config())))
    require(
        json.dumps(copy.get_config()) == json.dumps(norm.get_config()),
        f"its copy is configured otherwise: {copy.get_config()} for {norm.get_config()}",
    )
    copy.activated = norm.activated
    copy.build((None, *SHAPE[1:]))
    paths = [variable.path for variable in norm.variables]
    require(len(set(paths)) == len(paths), f"two variables have one path: {', '.join(paths)}")
    again = [variable.path for variable in copy.variables]
    fault = "built again, a variable has another path, by which no checkpoint finds it"
    require(again == paths, f"{fault}: {', '.join(set(paths) - set(again))}: name the weights")
    for old, new in zip(norm.variables, copy.variables, strict=True):
        new.assign(old)
    for mode in modes(norm):
        require_near(
            copy(some_maps(), mode=mode),
            norm(some_maps(), mode=mode),
            1e-6,
            f"its copy with its weights acts otherwise in {mode}",
        )


def has_no_python_state(make: MakeNorm) -> None:
    """Nothing depends on what Python did while a step was traced."""
    norm = built(make)
    chosen = modes(norm)
    require_no_python_state(norm, lambda: [norm(some_maps(), mode=mode) for mode in chosen])


CHECKS = (
    keeps_shapes_and_dtypes,
    takes_any_rank,
    stands_constant_maps,
    computes_in_float32,
    has_true_gradients,
    writes_nothing_unasked,
    writes_when_asked,
    keeps_branches_apart,
    keeps_images_apart,
    keeps_ghost_batches_apart,
    runs_on_what_it_collected,
    folds_exactly,
    starts_a_residual_at_zero,
    is_serializable,
    has_no_python_state,
)
