"""The norms side by side: folding, dtypes, serialization, arguments."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from shared.tiny_norms import SHAPE, built, features

from tfadv.errors import UserError
from tfadv.norms import NormMode
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm

BATCH = NormMode(statistics="batch", update=True)


@pytest.mark.parametrize("layer", [BatchNorm(), MixtureBatchNorm()], ids=["batch", "mixture"])
def test_affine_map_equals_the_layer(layer):
    built(layer)
    scale, offset = layer.affine(NormMode())
    x = features()
    variables = getattr(layer, "norms", [layer])[-1]
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
    layer.build(SHAPE)
    x = tf.cast(features(), dtype)
    for mode in (NormMode(), NormMode(statistics="batch")):
        assert layer(x, mode=mode).dtype == dtype
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("part", "arguments", "message"),
    [
        (NormMode, {"statistics": "bach"}, "Did you mean 'batch'"),
        (NormMode, {"across_replicas": "means"}, "Did you mean 'mean'"),
        (NormMode, {"ghost_batches": 0}, "NormMode.ghost_batches"),
        (BatchNorm, {"momentum": 2}, "BatchNorm.momentum"),
        (GroupNorm, {"groups": 0}, "GroupNorm.groups"),
        (MixtureBatchNorm, {"branches": ("a", "a"), "default_branch": "a"}, "distinct"),
        (MixtureBatchNorm, {"default_branch": "advv"}, "Did you mean 'adv'"),
    ],
)
def test_wrong_arguments_are_refused(part, arguments, message):
    with pytest.raises(UserError, match=message):
        part(**arguments)


def test_a_norm_of_a_known_name_from_elsewhere_takes_no_norm_s_place():
    """The registry refuses the plugin; a saved norm must still be ours."""
    type("GroupNorm", (BatchNorm,), {"__module__": "elsewhere"})
    assert keras.saving.get_registered_object("tfadv>GroupNorm") is GroupNorm
