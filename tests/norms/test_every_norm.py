"""The norms side by side: folding, dtypes, serialization, arguments."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfadv import config  # noqa: F401  (experiment registers all parts)
from tfadv.errors import UserError
from tfadv.norms import NormMode
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm

BATCH = NormMode(statistics="batch", update=True)


@pytest.mark.parametrize("layer", [BatchNorm(), MixtureBatchNorm()], ids=["batch", "mixture"])
def test_affine_map_equals_the_layer(layer):
    layer.build((None, 5, 5, 6))
    randomize(layer)
    scale, offset = layer.affine(NormMode())
    x = images()
    variables = getattr(layer, "batch_norms", [layer])[-1]
    expected = (x - variables.moving_mean) / np.sqrt(
        np.array(variables.moving_variance) + variables.epsilon
    ) * variables.gamma + variables.beta
    np.testing.assert_allclose(x * scale + offset, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)
    assert layer.affine(BATCH) is None


@pytest.mark.parametrize(
    ("norm", "arguments"),
    [
        (BatchNorm, {"momentum": 0.7, "gamma_initializer": "zeros"}),
        (MixtureBatchNorm, {"branches": ("x", "y"), "default_branch": "y"}),
        (GroupNorm, {"groups": 3}),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_every_norm_keeps_dtype_and_serializes(norm, arguments, dtype):
    layer = norm(**arguments)
    layer.build((None, 5, 5, 6))
    x = tf.cast(images(), dtype)
    for mode in (NormMode(), NormMode(statistics="batch")):
        assert layer(x, mode=mode).dtype == dtype
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: NormMode(statistics="bach"), "Did you mean 'batch'"),
        (lambda: NormMode(across_replicas="means"), "Did you mean 'mean'"),
        (lambda: NormMode(ghost_batches=0), "NormMode.ghost_batches"),
        (lambda: BatchNorm(momentum=2), "BatchNorm.momentum"),
        (lambda: GroupNorm(groups=0), "GroupNorm.groups"),
        (lambda: MixtureBatchNorm(branches=("a", "a"), default_branch="a"), "distinct"),
        (lambda: MixtureBatchNorm(default_branch="advv"), "Did you mean 'adv'"),
    ],
)
def test_wrong_arguments_are_told(build, message):
    with pytest.raises(UserError, match=message):
        build()
