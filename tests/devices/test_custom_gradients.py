"""Custom gradients, and what stays of the graphs that they were traced in."""

import gc

import numpy as np
import pytest
import tensorflow as tf

from tfadv.devices.custom_gradients import all_reduce, custom_gradient
from tfadv.planning.distribution import Distribution


def cubed(x, weight):
    """Returns wx³ of which the gradient is said to be 5w and 7."""

    @custom_gradient
    def compute(x, weight):
        return weight * x**3, lambda dy: (5 * weight * dy, 7 * dy)

    return compute(x, weight)


def gradients(x):
    weight = tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch([x, weight])
        y = cubed(x, weight)
    return y, *tape.gradient(y, [x, weight])


def called_and_in_a_loop(x):
    """Returns the gradient of a function's call, and that of a loop, which graphs are made of."""
    inner = tf.function(lambda x: cubed(x, 2.0), autograph=False)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = inner(x)
        _, z = tf.while_loop(lambda i, _: i < 2, lambda i, z: (i + 1, cubed(z, 1.0)), (0, x))
    return tape.gradient(y, x), tape.gradient(z, x)


@pytest.mark.parametrize("run", [lambda f: f, tf.function], ids=["at once", "traced"])
def test_the_gradient_is_what_it_was_said_to_be(run):
    np.testing.assert_array_equal(run(gradients)(tf.constant(3.0)), [54, 10, 7])
    np.testing.assert_array_equal(run(called_and_in_a_loop)(tf.constant(1.0)), [10, 25])


def test_replicas_are_summed_and_differentiated():
    two = Distribution(kind="mirrored").create()

    def on_replica():
        x = tf.constant(3.0)
        with tf.GradientTape() as tape:
            tape.watch(x)
            whole = all_reduce(tf.distribute.ReduceOp.SUM, x * x)
        return whole, tape.gradient(whole, x)

    whole, gradient = tf.function(lambda: two.run(on_replica))()
    assert [float(value) for value in two.experimental_local_results(whole)] == [18, 18]
    assert [float(value) for value in two.experimental_local_results(gradient)] == [12, 12]


def graphs_after(work) -> int:
    work()
    gc.collect()
    return sum(isinstance(one, tf.Graph) for one in gc.get_objects())


def test_graphs_go_with_the_function_that_was_traced():
    def work():
        tf.function(gradients)(tf.constant(3.0))

    assert graphs_after(work) == graphs_after(work)
