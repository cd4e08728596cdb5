"""What a decay of the learning rate must keep to."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfadv.optimization.schedules import Decay, LearningRate
from tfadv.testing.faults import require, require_near, require_no_python_state

MakeDecay = Callable[..., Decay]
STEPS_PER_EPOCH, EPOCHS = 7, 20
STEPS = STEPS_PER_EPOCH * EPOCHS


def _factors(decay: Decay, steps: list[int]) -> np.ndarray:
    found = [decay(tf.constant(step, tf.int64), STEPS_PER_EPOCH, EPOCHS) for step in steps]
    return np.array([float(factor) for factor in found])


def returns_a_float32_scalar(make: MakeDecay) -> None:
    """A factor of the rate: one number for a step, whatever the number of epochs."""
    decay = make()
    for epochs in (1, EPOCHS):
        factor = decay(tf.constant(3, tf.int64), STEPS_PER_EPOCH, epochs)
        is_tensor = isinstance(factor, tf.Tensor)
        require(is_tensor, f"for a step it returns a {type(factor).__name__}, not a tensor")
        said = f"{factor.dtype.name} {factor.shape}"
        right = factor.dtype == tf.float32 and factor.shape == ()
        require(right, f"for a step it returns {said}, not a float32 scalar")


def is_finite_and_never_negative(make: MakeDecay) -> None:
    """At each step, after the last one, in runs of one epoch or none, and after 10⁹ steps."""
    decay = make()
    for steps_per_epoch, epochs in ((STEPS_PER_EPOCH, EPOCHS), (1, 1), (STEPS_PER_EPOCH, 0)):
        last = steps_per_epoch * epochs
        for step in (*range(last + 1), last + 1, 2 * last + 5, 10**9):
            factor = float(decay(tf.constant(step, tf.int64), steps_per_epoch, epochs))
            fault = (
                f"at step {step} of {epochs} epochs of {steps_per_epoch} steps the factor is "
                f"{factor:.4g}"
            )
            require(np.isfinite(factor) and factor >= 0, fault)


def depends_on_the_step_alone(make: MakeDecay) -> None:
    """Whatever steps were asked for before, and whichever object is asked."""
    decay, steps = make(), list(range(0, STEPS, 3))
    factors = _factors(decay, steps)
    fault = "asked for the same steps in another order it gives other factors: it keeps something"
    require_near(_factors(decay, steps[::-1])[::-1], factors, 0.0, fault)
    require_near(_factors(make(), steps), factors, 0.0, "made anew it gives other factors")
    step = tf.constant(5, tf.int64)
    require_no_python_state(decay, lambda: [decay(step, STEPS_PER_EPOCH, EPOCHS)])


def is_traced_once(make: MakeDecay) -> None:
    """The step is a tensor: one trace gives the factor of every step, compiled by XLA too."""
    decay, steps = make(), list(range(STEPS))
    expected = _factors(decay, steps)
    for compiled in (False, True):

        @tf.function(autograph=False, jit_compile=compiled)
        def traced(step):
            return decay(step, STEPS_PER_EPOCH, EPOCHS)

        found = np.array([float(traced(tf.constant(step, tf.int64))) for step in steps])
        where = "compiled by XLA" if compiled else "traced"
        require_near(found, expected, 1e-5, f"{where} once for all steps, it gives other factors")
        traces = traced.experimental_get_tracing_count()
        require(traces == 1, f"{STEPS} steps take {traces} traces")


def joins_the_warm_up(make: MakeDecay) -> None:
    """Where a warm-up of one epoch of 20 has reached the full rate, the decay goes on from it.

    One that warms up itself, as its attribute `warms_up` says, reaches the full rate at some step.
    """
    decay = make()
    if getattr(decay, "warms_up", False):
        most = _factors(decay, [*range(STEPS)]).max()
        require(0.5 <= most <= 1.001, f"it warms up to a factor of {most:.3g}, not to 1")
        return
    rate = LearningRate(256, STEPS_PER_EPOCH, EPOCHS, decay, 1.0, 1, 0.0)
    before, after = (float(rate(tf.constant(STEPS_PER_EPOCH + step))) for step in (-1, 0))
    fault = (
        f"the warm-up reaches {before:.3g} of the full rate, and the step after it has "
        f"{after:.3g}: a decay begins with the factor 1"
    )
    require(0.5 <= after <= 1.001, fault)


CHECKS = (
    returns_a_float32_scalar,
    is_finite_and_never_negative,
    depends_on_the_step_alone,
    is_traced_once,
    joins_the_warm_up,
)
