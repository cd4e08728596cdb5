"""Group norm against Keras' own layer."""

import keras
import numpy as np
import pytest
from shared.tiny_norms import SHAPE, copy_weights, features, outputs_and_gradients

from tfadv.norms.group_norm import GroupNorm


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_group_norm_equals_keras(groups):
    ours = GroupNorm(groups=groups, epsilon=1e-3)
    theirs = keras.layers.GroupNormalization(groups=groups, epsilon=1e-3)
    copy_weights(ours, theirs)
    for mine, reference in zip(
        outputs_and_gradients(ours, features()),
        outputs_and_gradients(theirs, features()),
        strict=True,
    ):
        np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-4)


def test_group_norm_takes_a_common_divisor_of_the_channels():
    narrow = GroupNorm(groups=32)
    exact = GroupNorm(groups=2)
    for layer in (narrow, exact):
        layer.build(SHAPE)
    np.testing.assert_allclose(narrow(features()), exact(features()))
