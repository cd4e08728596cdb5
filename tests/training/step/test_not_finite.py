"""What is not finite is found, wherever it is."""

import tensorflow as tf

from tfadv.training.step.not_finite import not_finite, not_finite_by_image


def test_numbers_that_are_not_finite_are_found_wherever_they_are():
    tensors = [tf.zeros([3, 4]), tf.constant([1.0, float("nan")]), tf.constant(float("-inf"))]
    assert not_finite(tensors).numpy().tolist() == [0, 1, 1]
    large = [tf.constant([3e38, -3e38]), tf.zeros([2])]  # finite, and their squares are not
    assert not_finite(large).numpy().tolist() == [0, 0]


def test_images_that_are_not_finite_are_found_by_their_places():
    two = tf.constant([[1.0, 2.0], [float("inf"), 0.0]])
    three = tf.constant([[[0.0]], [[0.0]], [[float("nan")]]])
    places = tf.constant([4, 0, 2])
    found = not_finite_by_image([two, three], places, 5, tf.constant(True)).numpy()
    assert found.tolist() == [[1, 0, 0, 0, 0], [0, 0, 1, 0, 0]]
    assert not not_finite_by_image([two, three], places, 5, tf.constant(False)).numpy().any()
