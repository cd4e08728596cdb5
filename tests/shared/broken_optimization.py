"""Optimizers and decays that each break one rule; the conformance kit must name the fault."""

import keras
import tensorflow as tf

from tfadv.registry import DECAYS, OPTIMIZERS


@OPTIMIZERS.register("has_a_rate_of_its_own")
def has_a_rate_of_its_own(learning_rate):
    return keras.optimizers.SGD(0.1, name="sgd")


@OPTIMIZERS.register("decays_all_it_trains")
def decays_all_it_trains(learning_rate):
    return keras.optimizers.AdamW(learning_rate, 0.1, name="adamw")


@OPTIMIZERS.register("clips_what_it_says_nothing_of")
def clips_what_it_says_nothing_of(learning_rate):
    return keras.optimizers.SGD(learning_rate, clipvalue=0.5, name="sgd")


@OPTIMIZERS.register("clips_on_each_replica")
def clips_on_each_replica(learning_rate):
    return keras.optimizers.SGD(learning_rate, global_clipnorm=0.5, name="sgd")


@OPTIMIZERS.register("has_no_name")
def has_no_name(learning_rate):
    return keras.optimizers.Adam(learning_rate)


@OPTIMIZERS.register("climbs")
class Climbs(keras.optimizers.SGD):
    """Adds the gradient."""

    def __init__(self, learning_rate):
        super().__init__(learning_rate, name="sgd")

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(-gradient, variable, learning_rate)


@OPTIMIZERS.register("counts_twice")
class CountsTwice(keras.optimizers.SGD):
    """Counts a step more."""

    def __init__(self, learning_rate):
        super().__init__(learning_rate, name="sgd")

    def apply(self, grads, trainable_variables=None):
        super().apply(grads, trainable_variables)
        self.iterations.assign_add(1)


@OPTIMIZERS.register("shrinks_all_it_knows")
class ShrinksAllItKnows(keras.optimizers.SGD):
    """Shrinks what it was built with, given or not."""

    def __init__(self, learning_rate):
        super().__init__(learning_rate, name="sgd")

    def apply(self, grads, trainable_variables=None):
        super().apply(grads, trainable_variables)
        for weight in self._trainable_variables:
            weight.assign(0.999 * weight)


@OPTIMIZERS.register("counts_in_python_too")
class CountsInPythonToo(keras.optimizers.SGD):
    """Divides the rate by the number of calls, as Python counts them."""

    calls = 0

    def __init__(self, learning_rate):
        super().__init__(learning_rate, name="sgd")

    def update_step(self, gradient, variable, learning_rate):
        self.calls += 1
        super().update_step(gradient, variable, learning_rate / self.calls)


@OPTIMIZERS.register("hides_its_velocity")
class HidesItsVelocity(keras.optimizers.SGD):
    """Keeps velocities where no checkpoint looks."""

    def __init__(self, learning_rate):
        super().__init__(learning_rate, name="sgd")

    def build(self, variables):
        super().build(variables)
        made = [tf.Variable(tf.zeros(one.shape)) for one in variables]
        self.hidden = dict(zip(map(self._var_key, variables), made, strict=True))

    def update_step(self, gradient, variable, learning_rate):
        velocity = self.hidden[self._var_key(variable)]
        velocity.assign(0.9 * velocity + gradient)
        super().update_step(velocity, variable, learning_rate)


@DECAYS.register("falls_below_zero")
class FallsBelowZero:
    """A line that goes on after the end."""

    def __call__(self, step, steps_per_epoch, epochs):
        return 1 - tf.cast(step, tf.float32) / (max(epochs, 1) * steps_per_epoch)


@DECAYS.register("divides_by_no_epochs")
class DividesByNoEpochs:
    """Has no number for a run of no epochs."""

    def __call__(self, step, steps_per_epoch, epochs):
        done = tf.cast(step, tf.float32) / float(epochs * steps_per_epoch or float("nan"))
        return tf.maximum(1 - done, 0.0)


@DECAYS.register("counts_its_calls")
class CountsItsCalls:
    """Falls with each call."""

    calls = 0

    def __call__(self, step, steps_per_epoch, epochs):
        self.calls += 1
        return tf.constant(0.99**self.calls)


@DECAYS.register("begins_low")
class BeginsLow:
    """Scales the rate on its own."""

    def __call__(self, step, steps_per_epoch, epochs):
        return tf.constant(0.1)


@DECAYS.register("returns_a_number")
class ReturnsANumber:
    """Returns Python's."""

    def __call__(self, step, steps_per_epoch, epochs):
        return 1.0


@DECAYS.register("computes_the_step_in_advance")
class ComputesTheStepInAdvance:
    """Takes the value that a step has as it is traced for that of all steps."""

    def __call__(self, step, steps_per_epoch, epochs):
        known = tf.get_static_value(step)
        return tf.constant(1.0) if known is None else tf.constant(0.999 ** int(known))


# What the kit must say of each, in the check that is there for it.
FAULTS = {
    "optimizer has_a_rate_of_its_own": ("takes the rate of the run", "a rate of its own: .*kernel"),
    "optimizer decays_all_it_trains": ("decays kernels alone", "'bias' moves: .*exclude_from"),
    "optimizer clips_what_it_says_nothing_of": ("is its formula", "not where the formula of SGD"),
    "optimizer clips_on_each_replica": ("agrees across replicas", "the sum over the replicas"),
    "optimizer has_no_name": ("is built before its first step", "give it a name"),
    "optimizer climbs": ("goes downhill", "goes from"),
    "optimizer counts_twice": ("counts its steps", "after 1 steps its `iterations` are 2"),
    "optimizer shrinks_all_it_knows": ("updates what it is given", "alone moves others: kernel"),
    "optimizer counts_in_python_too": ("is traced once", "read or counted in Python"),
    "optimizer hides_its_velocity": ("resumes to the bit", "none of its `variables`"),
    "decay falls_below_zero": ("is finite and never negative", "the factor is -"),
    "decay divides_by_no_epochs": ("is finite and never negative", "of 0 epochs.*is nan"),
    "decay counts_its_calls": ("depends on the step alone", "it keeps something"),
    "decay begins_low": ("joins the warm up", "begins with the factor 1"),
    "decay returns_a_number": ("returns a float32 scalar", "returns a float, not a tensor"),
    "decay computes_the_step_in_advance": ("is traced once", "once for all steps"),
}
