"""Clipping of the whole gradient, and rates by weights, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv.errors import UserError
from tfadv.optimization.updates import check_decays, clipped, decay_alone, scale_rates
from tfadv.testing import two_cpus

FIRST, SECOND = np.array([3.0, 0.0], "float32"), np.array([[-4.0]], "float32")


@pytest.mark.parametrize(("most", "share"), [(10.0, 1.0), (5.0, 1.0), (2.0, 0.4)])
def test_gradients_are_scaled_to_a_norm_of_all_of_them(most, share):
    found, norm = clipped([tf.constant(FIRST), tf.constant(SECOND)], most)
    assert float(norm) == pytest.approx(5.0)
    for gradient, ours in zip((FIRST, SECOND), found, strict=True):
        np.testing.assert_allclose(ours, share * gradient, rtol=1e-6)


def test_replicas_scale_by_the_norm_of_their_sum():
    distribution = two_cpus()
    parts = [np.array([9.0, 1.0], "float32"), np.array([-6.0, 3.0], "float32")]  # 3, 4: 5
    values = distribution.experimental_distribute_values_from_function(
        lambda context: tf.constant(parts[context.replica_id_in_sync_group])
    )
    ours = distribution.run(tf.function(lambda part: clipped([part], 2.5)), (values,))
    (found,), norm = ours
    for part, own in zip(parts, distribution.experimental_local_results(found), strict=True):
        np.testing.assert_allclose(own, 0.5 * part, rtol=1e-6)
    assert all(float(one) == 5 for one in distribution.experimental_local_results(norm))


def test_each_weight_moves_and_decays_at_its_own_rate():
    weights = [keras.Variable([1.0], name=name) for name in ("kernel", "bias", "vectors")]
    optimizer = keras.optimizers.SGD(0.1, momentum=0.5, weight_decay=0.2)
    decay_alone(optimizer, [weights[0], weights[2]], weights)
    optimizer.build(weights)
    check_decays(optimizer, [weights[0], weights[2]], weights)
    scale_rates(optimizer, [0.25, 0.5, 1.0])
    expected, velocity = np.ones(3), np.zeros(3)
    for gradient in (2.0, -1.0):
        optimizer.apply([tf.constant([gradient])] * 3, weights)
        rates = 0.1 * np.array([0.25, 0.5, 1.0])
        velocity = 0.5 * velocity - rates * gradient
        expected = expected * (1 - rates * [0.2, 0, 0.2]) + velocity
    np.testing.assert_allclose(np.concatenate(weights), expected, rtol=1e-6)


def test_an_optimizer_that_chooses_itself_what_decays_is_refused():
    weights = [keras.Variable([1.0], name=name) for name in ("kernel", "bias")]
    optimizer = keras.optimizers.AdamW(0.1, 0.1, name="mine")
    optimizer.build(weights)
    with pytest.raises(UserError, match="'mine' decides itself which weights decay"):
        check_decays(optimizer, weights[:1], weights)
