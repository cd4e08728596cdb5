"""Bytes of the tensors that are there at once, counted by hand."""

import tensorflow as tf

from tfadv.planning.live_tensors import peak_bytes, prepared

KIB = 1024  # of 256 numbers
X = tf.TensorSpec((256,), tf.float32)


def graph_of(function):
    return tf.function(function, autograph=False).get_concrete_function(X).graph


def test_a_chain_takes_two_at_once():
    assert peak_bytes(graph_of(lambda x: tf.reduce_sum(tf.sin(tf.sin(tf.sin(x)))))) == 2 * KIB


def test_what_a_gradient_takes_stays():
    """Of tanh its output: three of them, and the gradient that is underway twice."""

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.tanh(tf.tanh(tf.tanh(x))))
        return tf.sin(tape.gradient(y, x))

    assert 4 * KIB <= peak_bytes(graph_of(gradient)) - 4 <= 5 * KIB


def test_other_words_for_a_tensor_take_nothing():
    def function(x):
        y = tf.reshape(tf.identity(tf.sin(x)), (16, 16))
        return tf.reduce_sum(tf.stop_gradient(y))

    assert peak_bytes(graph_of(function)) == KIB


def test_what_no_result_needs_takes_nothing():
    def function(x):
        tf.sin(x)
        return tf.reduce_sum(x)

    assert peak_bytes(graph_of(function)) == 0


def test_what_stays_is_there_at_the_end():
    """A kernel that is made of a variable, taken twice of the images."""
    kernel = tf.Variable(tf.ones((256,)))

    def function(x):
        scaled = tf.sin(kernel)
        y = tf.reduce_sum(scaled * x)
        return tf.reduce_sum(tf.cos(tf.cos(x * y)))

    graph = graph_of(function)
    names = prepared(graph.inputs[0], graph)
    assert [graph.get_tensor_by_name(name).op.type for name in names] == ["Sin"]
    assert peak_bytes(graph, names) - peak_bytes(graph) == KIB
