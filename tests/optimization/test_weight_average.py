"""Averages of weights, by their formulas."""

import keras
import numpy as np
import tensorflow as tf

from tfadv.optimization.weight_average import EqualAverage, MovingAverage, WeightAverage


def test_it_is_its_formula_and_takes_whole_numbers_as_they_are():
    weight, count = keras.Variable([1.0, -2.0]), keras.Variable(0, dtype="int64")
    average = WeightAverage([weight, count], MovingAverage(0.6), tf.distribute.get_strategy())
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


def test_swa_is_the_mean_at_the_ends_of_epochs():
    """Three steps an epoch, from the second epoch on; the weights themselves until then."""
    weight = keras.Variable([0.0, 0.0])
    rule = EqualAverage(from_epoch=1, steps_per_epoch=3)
    average = WeightAverage([weight], rule, tf.distribute.get_strategy())
    random, ends = np.random.default_rng(0), []
    for step in range(15):
        value = random.normal(size=2).astype("float32")
        weight.assign(value)
        average.update(tf.constant(step, tf.int64))
        done = step + 1
        if done % 3 == 0 and done > 3:
            ends.append(value)
        expected = np.mean(ends, 0) if ends else value
        np.testing.assert_allclose(average.averages[0], expected, rtol=1e-5)
    assert len(ends) == 4 and average.measured_at is None
