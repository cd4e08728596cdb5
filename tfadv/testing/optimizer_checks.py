"""What an optimizer must keep to."""

import tempfile
import types
import unittest
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfadv.runs.checkpoints import Checkpoints
from tfadv.testing.faults import require, require_near, require_untouched, values
from tfadv.testing.optimizer_cases import (
    KERNEL,
    STEPS,
    WEIGHTS,
    Arrays,
    ConstantRate,
    MakeOptimizer,
    apply,
    built,
    by_formula,
    falling_rate,
    some_gradients,
)
from tfadv.testing.replicas import on_each, two_cpus

NAMES = list(WEIGHTS)


def is_built_before_its_first_step(make: MakeOptimizer) -> None:
    """It is Keras', counts from 0, and has all of its variables, with names of their own."""
    optimizer, weights = built(make)
    is_one = isinstance(optimizer, keras.optimizers.Optimizer)
    require(is_one, f"it is a {type(optimizer).__name__}, no keras.optimizers.Optimizer")
    require(int(optimizer.iterations) == 0, f"it begins at step {int(optimizer.iterations)}")
    before = [variable.path for variable in optimizer.variables]
    require(len(set(before)) == len(before), f"two of its variables have one path: {before}")
    again = [variable.path for variable in built(make)[0].variables]
    fault = f"made again, its variables are called {again[0]}, not {before[0]}: give it a name"
    require(again == before, fault)
    apply(optimizer, weights, some_gradients()[0])
    new = {variable.path for variable in optimizer.variables} - set(before)
    fault = f"its first step makes variables, which `build` must make: {', '.join(sorted(new))}"
    require(not new, fault)


def counts_its_steps(make: MakeOptimizer) -> None:
    """A run's step is `iterations`: each update adds one."""
    optimizer, weights = built(make)
    for step, gradients in enumerate(some_gradients(), 1):
        apply(optimizer, weights, gradients)
        count = int(optimizer.iterations)
        require(count == step, f"after {step} steps its `iterations` are {count}")
    for weight in weights:
        finite = bool(tf.reduce_all(tf.math.is_finite(weight)))
        require(finite, f"after {STEPS} steps '{weight.name}' is not finite")


def is_its_formula(make: MakeOptimizer) -> None:
    """Momentum SGD, Adam, AdamW, RMSProp and Lion, at a falling rate, against NumPy.

    Raises:
        SkipTest: it is another one.
    """
    optimizer, weights = built(make)
    rate = falling_rate()
    rates = [float(rate(tf.constant(step))) for step in range(STEPS)]
    expected = by_formula(optimizer, values(weights), some_gradients(), rates)
    if expected is None:
        raise unittest.SkipTest(f"the formula of {type(optimizer).__name__} isn't known here")
    for gradients in some_gradients():
        apply(optimizer, weights, gradients)
    for weight, end in zip(weights, expected, strict=True):
        fault = (
            f"after {STEPS} steps at the run's rates '{weight.name}' is not where the formula of "
            f"{type(optimizer).__name__} leads"
        )
        require_near(weight, end, 1e-4, fault)


def takes_the_rate_of_the_run(make: MakeOptimizer) -> None:
    """At a rate of 0 nothing moves, and at a rate that isn't 0 everything does."""
    for rate in (0.0, 0.02):
        optimizer, weights = built(make, ConstantRate(rate))
        before = values(weights)
        for gradients in some_gradients():
            apply(optimizer, weights, gradients)
        if rate == 0:
            fault = "at a learning rate of 0 it moves the weights: it has a rate of its own"
            require_untouched(weights, before, fault)
            continue
        for weight, old in zip(weights, before, strict=True):
            moved = not np.array_equal(weight, old)
            require(moved, f"'{weight.name}' never moves, whatever its gradient")


def goes_downhill(make: MakeOptimizer) -> None:
    """It brings ½‖w‖² down, whose gradient is w."""
    optimizer, weights = built(make, ConstantRate(0.01))

    @tf.function(autograph=False)
    def step():
        apply(optimizer, weights, [weight.value for weight in weights])

    def loss():
        return sum(float(tf.reduce_sum(tf.square(weight))) / 2 for weight in weights)

    before = loss()
    for _ in range(40):
        step()
    require(loss() < before, f"in 40 steps ½‖w‖² goes from {before:.4g} to {loss():.4g}")


def decays_kernels_alone(make: MakeOptimizer) -> None:
    """Where the gradient is 0 nothing moves, but kernels by the optimizer's own weight decay."""
    optimizer, weights = built(make, ConstantRate(0.02))
    before = values(weights)
    for _ in range(2):
        apply(optimizer, weights, [np.zeros(shape, np.float32) for shape in WEIGHTS.values()])
    decay = optimizer.weight_decay or 0.0
    for weight, old in zip(weights, before, strict=True):
        share = (1 - 0.02 * decay) ** 2 if weight.name == KERNEL else 1.0
        fault = f"without a gradient '{weight.name}' moves"
        if weight.name != KERNEL:
            fault += ": of a weight decay, leave out all but kernels (exclude_from_weight_decay)"
        require_near(weight, share * old, 0.0 if share == 1 else 1e-6, fault)


def updates_what_it_is_given(make: MakeOptimizer) -> None:
    """A run that trains some of the weights it was built with leaves the others alone."""
    optimizer, weights = built(make)
    before, gradients = values(weights), some_gradients()[0]
    apply(optimizer, weights[1:3], gradients[1:3])
    others = [weights[0], *weights[3:]]
    fault = f"a step of {NAMES[1]} and {NAMES[2]} alone moves others"
    require_untouched(others, [before[0], *before[3:]], fault)
    moved = not np.array_equal(weights[1], before[1])
    require(moved, f"a step of {NAMES[1]} and {NAMES[2]} alone doesn't move them")


def is_traced_once(make: MakeOptimizer) -> None:
    """One trace does every step, each at its own rate, compiled by XLA too."""
    expected, own = built(make)
    for gradients in some_gradients():
        apply(expected, own, gradients)
    for compiled in (False, True):
        optimizer, weights = built(make)

        @tf.function(autograph=False, jit_compile=compiled)
        def step(*gradients):
            apply(optimizer, weights, gradients)  # noqa: B023  (called before the next)

        for gradients in some_gradients():
            step(*map(tf.constant, gradients))
        where = "compiled by XLA" if compiled else "traced"
        traces = step.experimental_get_tracing_count()
        require(traces == 1, f"{STEPS} steps take {traces} traces")
        for weight, eager in zip(weights, own, strict=True):
            fault = (
                f"{where}, {STEPS} steps at a falling rate leave another '{weight.name}' than "
                "eagerly: something is read or counted in Python"
            )
            require_near(weight, eager, 1e-4, fault)


def resumes_to_the_bit(make: MakeOptimizer) -> None:
    """From a run's checkpoint it goes on exactly as if nothing had been."""
    optimizer, weights = built(make)
    steps = some_gradients()
    for gradients in steps[:3]:
        apply(optimizer, weights, gradients)
    resumed, others = built(make)
    with tempfile.TemporaryDirectory() as folder:
        _checkpoints(folder, optimizer, weights).save()
        _checkpoints(folder, resumed, others).restore()
    for gradients in steps[3:]:
        apply(optimizer, weights, gradients)
        apply(resumed, others, gradients)
    for weight, again in zip(weights, others, strict=True):
        fault = (
            f"resumed from a checkpoint it leads '{weight.name}' elsewhere: it keeps something "
            "that is none of its `variables`, or draws at random"
        )
        require_near(again, weight, 0.0, fault)


def _checkpoints(folder: str, optimizer, weights) -> Checkpoints:
    return Checkpoints(Path(folder), types.SimpleNamespace(variables=weights), optimizer)


def agrees_across_replicas(make: MakeOptimizer) -> None:
    """Two replicas that have half of the gradient each end where one does that has it all."""
    alone, own = built(make)
    for gradients in some_gradients(2):
        apply(alone, own, gradients)
    distribution = two_cpus()
    with distribution.scope():
        optimizer, weights = built(make)

    def step(flat):
        apply(optimizer, weights, _unpacked(flat))

    random = np.random.default_rng(3)
    for gradients in some_gradients(2):
        whole = np.concatenate([gradient.ravel() for gradient in gradients])
        part = random.normal(0, 1, whole.shape).astype("float32")
        on_each(distribution, step, [tf.constant(part), tf.constant(whole - part)])
    for weight, expected in zip(weights, own, strict=True):
        for replica in distribution.experimental_local_results(weight.value):
            fault = (
                f"on two replicas '{weight.name}' ends elsewhere than on one: what isn't linear "
                "in a gradient, such as clipping, must see the sum over the replicas"
            )
            require_near(replica, expected, 1e-4, fault)


def _unpacked(flat: tf.Tensor) -> Arrays:
    shapes = list(WEIGHTS.values())
    parts = tf.split(flat, [int(np.prod(shape)) for shape in shapes])
    return [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]


CHECKS = (
    is_built_before_its_first_step,
    counts_its_steps,
    is_its_formula,
    takes_the_rate_of_the_run,
    goes_downhill,
    decays_kernels_alone,
    updates_what_it_is_given,
    is_traced_once,
    resumes_to_the_bit,
    agrees_across_replicas,
)
