"""A replica's batch: soft labels, weights, micro-batches."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.pgd import PGD
from tfadv.attacks.square import Square
from tfadv.strategies import Batch

GIVEN = {
    "image": tf.constant(np.arange(6 * 12).reshape(6, 2, 2, 3), tf.uint8),
    "label": tf.constant([0, 1, 2, 0, 1, 2]),
    "index": tf.range(10, 16, dtype=tf.int64),
}
VIEW = tf.random.stateless_uniform([6, 2, 2, 3], [1, 2])
SOFT = tf.constant(np.eye(3)[[1, 1, 1, 2, 2, 0]] * 0.6 + 0.4 / 3, tf.float32)


def test_hard_labels_are_as_given():
    batch = Batch.of(GIVEN, 7)
    assert batch.images.dtype == tf.float32 and batch.truth is batch.labels
    np.testing.assert_array_equal(batch.labels, GIVEN["label"])
    expected = randomness.example_seeds(7, "attack", GIVEN["index"])
    np.testing.assert_array_equal(batch.seeds("attack"), expected)


def test_of_soft_labels_the_largest_share_is_the_label():
    batch = Batch.of(GIVEN | {"target": SOFT}, 0)
    np.testing.assert_array_equal(batch.labels, [1, 1, 1, 2, 2, 0])
    assert batch.truth is SOFT
    assert batch.labels_for(PGD(8.0, 1)) is SOFT
    assert batch.labels_for(Square(8.0, 10)) is batch.labels


def test_an_objective_of_its_own_gets_hard_labels():
    class Own(PGD):
        def objective(self, logits_fn, images, labels, draw):
            return lambda logits: -tf.gather(logits, labels, batch_dims=1)

    batch = Batch.of(GIVEN | {"target": SOFT}, 0)
    assert batch.labels_for(Own(8.0, 1)) is batch.labels


@pytest.mark.parametrize("extra", [{}, {"target": SOFT, "weight": tf.range(6.0), "view": VIEW}])
def test_a_micro_batch_is_every_nth_image_with_all_that_is_its(extra):
    batch = Batch.of(GIVEN | extra, 3)
    part = batch.portion(tf.constant(1), 3)
    assert part.run_seed == 3
    assert list(part.tensors) == list(batch.tensors)
    for name, value in part.tensors.items():
        np.testing.assert_array_equal(value, batch.tensors[name].numpy()[1::3])
    assert batch.portion(0, 1) is batch
