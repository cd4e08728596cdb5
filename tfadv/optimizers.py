"""Optimizers."""

import keras

from tfadv.errors import check
from tfadv.registry import configurable


@configurable
def momentum_sgd(
    learning_rate: keras.optimizers.schedules.LearningRateSchedule,
    momentum: float = 0.9,
    nesterov: bool = True,
) -> keras.optimizers.Optimizer:
    """Momentum SGD with the rate inside the velocity: v ← μv - lr·g, Keras' convention.

    The paper says 'momentum SGD'; the released pipeline's is Nesterov's, with
    the rate outside the velocity. The two differ for a while after each drop
    of the rate. Weight decay is not the optimizer's: it stands in the loss.

    Args:
        learning_rate: a schedule over steps.
        momentum: μ.
        nesterov: whether to look ahead along the velocity.
    """
    check(0 <= momentum < 1, "momentum_sgd.momentum", "be in 0..1", momentum)
    return keras.optimizers.SGD(
        learning_rate, momentum=momentum, nesterov=nesterov, name="momentum_sgd"
    )
