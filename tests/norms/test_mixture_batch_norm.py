"""Mixture batch norm: each branch a batch norm of its own."""

import numpy as np
import pytest
import tensorflow as tf
from shared.tiny_norms import SHAPE, built, features

from tfadv.errors import UserError
from tfadv.norms import NormMode
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm

BATCH = NormMode(statistics="batch", update=True)


@pytest.mark.parametrize(("used", "untouched"), [("clean", "adv"), ("adv", "clean")])
def test_mixture_branches_are_isolated(used, untouched):
    layer = built(MixtureBatchNorm())
    by_branch = dict(zip(layer.branches, layer.norms, strict=True))
    before = [np.array(variable) for variable in by_branch[untouched].variables]
    with tf.GradientTape() as tape:
        y = layer(features(), mode=NormMode(used, "batch", update=True))
        loss = tf.reduce_sum(y**2)
    others = [variable.value for variable in by_branch[untouched].trainable_variables]
    own = [variable.value for variable in by_branch[used].trainable_variables]
    gradients = tape.gradient(loss, others + own)
    assert gradients[:2] == [None, None]
    assert all(gradient is not None for gradient in gradients[2:])
    for variable, value in zip(by_branch[untouched].variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    moved = np.abs(np.array(by_branch[used].moving_mean) - 1.25).max()
    assert moved > 0


def test_mixture_branch_is_a_whole_batch_norm():
    mixture = MixtureBatchNorm(branches=("a", "b", "c"), default_branch="c")
    alone = BatchNorm()
    mixture.build(SHAPE)
    alone.build(SHAPE)
    for seed in range(3):
        mixture(features(seed), mode=NormMode("b", "batch", update=True))
        alone(features(seed), mode=BATCH)
    np.testing.assert_array_equal(mixture(features(9), mode=NormMode("b")), alone(features(9)))
    np.testing.assert_array_equal(mixture(features(9)), mixture(features(9), mode=NormMode("c")))
    assert len(mixture.variables) == 3 * len(alone.variables)


@pytest.mark.parametrize("name", ["../x", "a/b", "", "a`b", "<b>", "a b", "x" + chr(0)])
def test_files_and_endpoints_can_be_called_after_every_branch(name):
    with pytest.raises(UserError, match="MixtureBatchNorm.branches must be distinct names of let"):
        MixtureBatchNorm(("clean", name), "clean")
