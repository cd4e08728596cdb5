"""How functions are traced."""

import contextlib
from collections.abc import Callable, Iterator

import tensorflow as tf


@contextlib.contextmanager
def functions_opened() -> Iterator[None]:
    """Lets every ``tf.function`` that is called inside run as plain Python.

    Within a trace, what it computes becomes part of the graph that is traced: no calls are left
    that only TensorFlow can look into.
    """
    eagerly = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(eagerly)


def on_replicas(distribution: tf.distribute.Strategy, function: Callable) -> Callable:
    """Returns a function, traced, that each replica runs.

    A traced function that is given to ``run`` itself stays in memory as long as `distribution`.
    """
    return tf.function(lambda *given: distribution.run(function, given), autograph=False)


def variables_of_one_name() -> contextlib.AbstractContextManager:
    """Has the variables that are made inside bear one name, which Keras' own hide.

    TensorFlow prepares to make a variable for each name anew, which takes ten times as long.
    """

    def named(create, **given):
        return create(**given | {"name": "variable/"})  # whatever scope it is in

    return tf.variable_creator_scope(named)


@contextlib.contextmanager
def as_traced() -> Iterator[None]:
    """Has functions that are called inside run as they were traced.

    TensorFlow optimizes a function's graph when it runs for the first time, which takes longer
    than all else where the graph calls hundreds of others. Those that were traced outside are
    still optimized, each on its own. The switch is the whole process's, and put back at the end.
    """
    switch = "disable_meta_optimizer"
    before = tf.config.optimizer.get_experimental_options().get(switch, False)
    tf.config.optimizer.set_experimental_options({switch: True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({switch: before})
