"""Optimizers. Weight decay is not theirs: it is a term of the loss.

g is the gradient, w a weight, lr the learning rate of the step.
"""

import keras
from keras import ops

from tfadv.errors import check, check_choice
from tfadv.registry import OPTIMIZERS

Schedule = keras.optimizers.schedules.LearningRateSchedule


@OPTIMIZERS.register("momentum_sgd")
def momentum_sgd(
    learning_rate: Schedule,
    momentum: float = 0.9,
    nesterov: bool = True,
    rate_in: str = "update",
) -> keras.optimizers.Optimizer:
    """Momentum SGD (paper, section 3), Nesterov's in the released pipeline.

    Args:
        learning_rate: a schedule over steps.
        momentum: μ.
        nesterov: whether to look ahead along the velocity (Sutskever et al., 2013).
        rate_in: where the rate enters. ``update``, as in the released
            pipeline: ``v ← μv + g``, ``w ← w - lr·v``, with Nesterov
            ``w ← w - lr·(g + μv)``. ``velocity``, as in Keras: ``v ← μv - lr·g``,
            ``w ← w + v``, with Nesterov ``w ← w + μv - lr·g``. They differ for a
            while after each change of the rate.
    """
    check(0 <= momentum < 1, "momentum_sgd.momentum", "be in 0..1", momentum)
    check_choice("momentum_sgd.rate_in", rate_in, ("update", "velocity"))
    optimizer = keras.optimizers.SGD if rate_in == "velocity" else RateInUpdateSGD
    return optimizer(learning_rate, momentum=momentum, nesterov=nesterov, name="momentum_sgd")


@OPTIMIZERS.register("rmsprop")
def rmsprop(
    learning_rate: Schedule, rho: float = 0.9, momentum: float = 0.9, epsilon: float = 1.0
) -> keras.optimizers.Optimizer:
    """RMSProp, the original ALP's optimizer (appendix A).

    ``s ← ρs + (1 - ρ)·g²``, ``v ← μv + lr·g/√(s + ε)``, ``w ← w - v`` (Tieleman & Hinton, 2012).
    Neither paper gives its constants; the defaults are those that Szegedy et
    al. (2016) trained Inception-v3 with, at the same rate and decay, and the
    momentum of its published code.

    Args:
        learning_rate: a schedule over steps.
        rho: ρ, the weight of the old mean square.
        momentum: μ, of the scaled gradients.
        epsilon: ε, added to the mean square, under the root.
    """
    check(0 <= rho < 1, "rmsprop.rho", "be in 0..1", rho)
    check(0 <= momentum < 1, "rmsprop.momentum", "be in 0..1", momentum)
    check(epsilon > 0, "rmsprop.epsilon", "be > 0", epsilon)
    return keras.optimizers.RMSprop(
        learning_rate, rho=rho, momentum=momentum, epsilon=epsilon, name="rmsprop"
    )


class RateInUpdateSGD(keras.optimizers.SGD):
    """SGD whose velocity sums gradients alone: ``v ← μv + g``; see `momentum_sgd`."""

    def update_step(self, gradient, variable, learning_rate):
        """Moves one variable; see `keras.optimizers.Optimizer.update_step`."""
        if not self.momentum:
            self.assign_sub(variable, learning_rate * gradient)
            return
        velocity = self.momentums[self._get_variable_index(variable)]
        self.assign(velocity, ops.add(ops.multiply(velocity, self.momentum), gradient))
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        self.assign_sub(variable, ops.multiply(learning_rate, direction))
