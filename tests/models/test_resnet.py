"""The ResNets: published sizes, folding, and the modes of a call."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tfadv.errors import UserError
from tfadv.models.resnet import ResNet
from tfadv.norms import NormMode
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm


def trainable(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


@pytest.mark.parametrize(
    ("blocks", "parameters"), [((3, 4, 6, 3), 25_557_032), ((3, 8, 36, 3), 60_192_808)]
)
def test_published_parameter_counts(blocks, parameters):
    assert trainable(ResNet(blocks, (224, 224, 3), 1000, BatchNorm)) == parameters


def test_a_branch_adds_one_set_of_norm_variables():
    one = ResNet((1, 1), (8, 8, 3), 5, BatchNorm, width=4, stem="small")
    two = ResNet((1, 1), (8, 8, 3), 5, MixtureBatchNorm, width=4, stem="small")
    norm_variables = sum(4 * unit.filters for unit in one.units)
    assert two.count_params() - one.count_params() == norm_variables


def test_imagenet_stem_reduces_32_times(tiny_model):
    model = tiny_model("batch", blocks=(1, 1, 1, 1), stem="imagenet", image_shape=(64, 64, 3))
    shapes = []

    def remember(unit, x):
        y = unit(x)
        shapes.append((unit.name, y.shape[1]))
        return y

    model.forward(tf.zeros((1, 64, 64, 3)), remember)
    assert shapes[0] == ("stem", 32)
    assert dict(shapes)["expand"] == 2


def test_new_blocks_start_as_their_shortcut():
    model = ResNet((1, 1), (8, 8, 3), 5, BatchNorm, width=4, stem="small")
    block = model.blocks[0]
    x = tf.random.stateless_normal((2, 8, 8, 4), (0, 1))
    y = block.forward(x, lambda unit, x: unit(x))
    np.testing.assert_allclose(y, tf.nn.relu(block.shortcut(x)), atol=1e-6)


@pytest.mark.parametrize("initializer", ["truncated_normal", "untruncated_normal"])
def test_kernels_have_the_released_pipelines_distribution(initializer):
    """TensorFlow 1 cuts a normal distribution at two deviations and keeps the variance."""
    keras.utils.set_random_seed(0)
    model = ResNet((1,), (8, 8, 3), 5, BatchNorm, width=64, initializer=initializer)
    for unit in model.units:
        kernel = np.ravel(unit.kernel)
        # The variance is 2 / fan out, whichever it is drawn from.
        deviation = np.sqrt(2 / (unit.kernel_size**2 * unit.filters))
        assert kernel.std() == pytest.approx(deviation, rel=0.03)
        assert abs(kernel.mean()) < 4 * deviation / np.sqrt(kernel.size)
        cut = scipy.stats.truncnorm(-2, 2, scale=deviation / scipy.stats.truncnorm(-2, 2).std())
        inside = np.abs(kernel).max() <= cut.support()[1] * (1 + 1e-6)
        if initializer == "truncated_normal":
            assert inside and scipy.stats.kstest(kernel, cut.cdf).pvalue > 1e-3
        else:
            assert not inside


def logits_and_input_gradients(function, images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = function(images)
        loss = tf.reduce_sum(logits * tf.constant([1.0, -2, 3, -4, 5]))
    return logits, tape.gradient(loss, images)


def unfolded(model, mode):
    """Applies every unit as a convolution and then its norm, whatever folding says."""

    def unit(layer, x):
        norm = layer.norm.norms[1] if hasattr(layer.norm, "norms") else layer.norm
        x = tf.nn.conv2d(x, layer.kernel, layer.stride, "SAME")
        deviation = tf.sqrt(norm.moving_variance + norm.epsilon)
        x = (x - norm.moving_mean) / deviation * norm.gamma + norm.beta
        return tf.nn.relu(x) if layer.relu else x

    return lambda images: model.forward(images / 127.5 - 1, unit)


@pytest.mark.parametrize("norm", ["batch", "mixture"])
@pytest.mark.parametrize("stem", ["small", "imagenet"])
def test_folded_equals_unfolded(tiny_model, some_images, norm, stem):
    model = tiny_model(norm, stem=stem)
    mode = NormMode("adv" if norm == "mixture" else None)
    expected = logits_and_input_gradients(unfolded(model, mode), some_images[0])
    for function in (model.logits_fn(mode), lambda images: model(images, mode=mode)):
        found = logits_and_input_gradients(function, some_images[0])
        for ours, reference in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, reference, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("norm", ["batch", "mixture", "group"])
def test_bfloat16_stays_close(tiny_model, some_images, norm):
    model = tiny_model(norm)
    wide = logits_and_input_gradients(model.logits_fn(NormMode()), some_images[0])
    narrow = logits_and_input_gradients(model.logits_fn(NormMode(), "bfloat16"), some_images[0])
    assert narrow[0].dtype == narrow[1].dtype == tf.float32
    np.testing.assert_allclose(narrow[0], wide[0], atol=0.05 * np.abs(wide[0]).max())
    cosine = np.sum(narrow[1] * wide[1]) / np.linalg.norm(narrow[1]) / np.linalg.norm(wide[1])
    assert cosine > 0.98


def test_plain_calls_mean_inference_in_the_default_branch(tiny_model, some_images):
    model = tiny_model("mixture")
    expected = model(some_images[0], mode=NormMode("adv", "running", update=False))
    np.testing.assert_array_equal(model(some_images[0]), expected)
    np.testing.assert_array_equal(model(some_images[0], training=False), expected)
    other = model(some_images[0], mode=NormMode("clean"))
    assert np.abs(other - expected).max() > 1e-3


def test_training_true_is_refused(tiny_model, some_images):
    with pytest.raises(UserError, match="which branch"):
        tiny_model("batch")(some_images[0], training=True)


def test_weight_decay_covers_kernels_alone(tiny_model):
    model = tiny_model("mixture")
    assert len(model.kernels) == len(model.units) + 1
    assert all(variable.path.endswith("kernel") for variable in model.kernels)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"blocks": ()}, "ResNet.blocks"),
        ({"width": 0}, "ResNet.width"),
        ({"stem": "imagnet"}, "Did you mean 'imagenet'"),
        ({"initializer": "normal"}, "ResNet.initializer is 'normal'"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        ResNet(
            **{"blocks": (1,)} | arguments, image_shape=(8, 8, 3), classes=2, make_norm=BatchNorm
        )


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_constant_weights_do_not_follow_the_model(tiny_model, some_images, norm):
    model, (images, _) = tiny_model(norm), some_images
    logits_fn = model.logits_fn(constant=True)
    before = tf.function(logits_fn)(images)
    np.testing.assert_allclose(before, model(images), atol=1e-4)
    captured = tf.function(logits_fn).get_concrete_function(images).captured_inputs
    assert all(tensor.shape.rank < 4 for tensor in captured)  # no kernel comes from outside
    model.stem.kernel.assign(-5 * model.stem.kernel)
    np.testing.assert_array_equal(tf.function(logits_fn)(images), before)
    after = tf.function(model.logits_fn(constant=True))(images)
    np.testing.assert_allclose(after, model(images), atol=1e-4)
    assert np.abs(after - before).max() > 1e-3


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_a_wide_batch_of_narrow_images_changes_nothing(tiny_model, norm):
    """32 images of 8x8, then 4x4: with batch norm both stages have the batch inside."""
    model = tiny_model(norm, stem="small")
    images = tf.constant(np.random.default_rng(3).uniform(0, 255, (32, 8, 8, 3)), tf.float32)
    together = logits_and_input_gradients(model.logits_fn(), images)
    alone = logits_and_input_gradients(lambda x: model(x), images)
    for value, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(value, other, atol=1e-4 * np.abs(other).max())
