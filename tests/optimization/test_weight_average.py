"""The moving average of weights, by its formula."""

import keras
import numpy as np
import tensorflow as tf

from tfadv.optimization.weight_average import WeightAverage


def test_it_is_its_formula_and_takes_whole_numbers_as_they_are():
    weight, count = keras.Variable([1.0, -2.0]), keras.Variable(0, dtype="int64")
    average = WeightAverage([weight, count], 0.6, tf.distribute.get_strategy())
    expected = np.array([1.0, -2.0])
    for step, value in enumerate(([3.0, 4.0], [5.0, 0.0], [-1.0, 2.0])):
        weight.assign(value)
        count.assign(100 * (step + 1))
        average.update(tf.constant(step))
        decay = min(0.6, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * np.array(value)
    ours, counted = average.averages
    np.testing.assert_allclose(ours, expected, rtol=1e-6)
    assert int(counted.numpy()) == 300
