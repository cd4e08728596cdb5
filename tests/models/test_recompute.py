"""Recomputed blocks: the same numbers, kept once, computed twice."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from shared.keras_models import randomized as randomized_layers
from shared.keras_models import small_cnn
from shared.smoke_trainers import finish, make_plan, mirrored, one_device, randomized, values
from shared.tiny_networks import randomize

from tfadv.errors import UserError
from tfadv.models.functional.convnext import ConvNeXt
from tfadv.models.functional.vit import ViT
from tfadv.models.functional.wide_resnet import WideResNet
from tfadv.models.recompute import recomputed
from tfadv.models.resnet import ResNet
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.layer_norm import LayerNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.norms.mode import NormMode

SHAPE, CLASSES = (8, 8, 3), 4
NETWORKS = {
    "resnet": lambda: ResNet((1, 2), SHAPE, CLASSES, MixtureBatchNorm, width=4, stem="small"),
    "wide_resnet": lambda: WideResNet(SHAPE, CLASSES, BatchNorm, depth=10, widen_factor=1),
    "convnext": lambda: ConvNeXt(
        SHAPE, CLASSES, LayerNorm, blocks=(2, 2), width=8, patch=2, drop_path=0.5
    ),
    "vit": lambda: ViT(SHAPE, CLASSES, BatchNorm, blocks=2, width=8, heads=2, patch=4, dropout=0.3),
}


def gradients(model, recompute, dtype="float32"):
    """Returns logits, gradients of images and weights, and statistics; step by step."""
    images = tf.random.stateless_uniform((6, *SHAPE), (0, 1), maxval=255.0)
    mode = NormMode(model.default_branch, "batch", update=True)
    weights = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits, collected = model(
            images,
            mode=mode,
            collect=True,
            dtype=dtype,
            seed=tf.constant([3, 4], tf.int64),
            recompute=recompute,
        )
        loss = tf.reduce_sum(tf.nn.log_softmax(logits)[:, 0])
    return logits, tape.gradient(loss, [images, *weights], unconnected_gradients="zero"), collected


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", NETWORKS)
def test_recomputing_changes_no_bit(name, dtype):
    keras.utils.set_random_seed(0)
    model = NETWORKS[name]()
    randomize(model)
    plain, again = (gradients(model, recompute, dtype) for recompute in (False, True))
    tf.nest.assert_same_structure(plain, again)
    for one, other in zip(tf.nest.flatten(plain), tf.nest.flatten(again), strict=True):
        np.testing.assert_array_equal(one, other)
    assert all(np.any(gradient) for gradient in again[1][:1])


def tower(tensors, weight):
    """Returns what three layers of tanh make."""
    (x,) = tensors
    for _ in range(3):
        x = tf.tanh(x @ tf.convert_to_tensor(weight))
    return [x], {}


def tower_gradients(weight, recompute, **how):
    """Returns a traced function to the gradients of a tower's input and weight."""

    def block(tensors):
        return tower(tensors, weight)

    @tf.function(autograph=False, **how)
    def gradients_of(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            (y,), _ = recomputed(block, [x], [weight]) if recompute else block([x])
            loss = tf.reduce_sum(y * y)
        return tape.gradient(loss, [x, weight.value])

    return gradients_of


def test_the_backward_takes_nothing_from_inside_a_block():
    weight = keras.Variable(tf.ones((4, 4)) / 4, name="weight")
    x = tf.random.stateless_normal((2, 4), (0, 1))
    plain, again = (tower_gradients(weight, recompute) for recompute in (False, True))
    for one, other in zip(plain(x), again(x), strict=True):
        np.testing.assert_array_equal(one, other)
    operations = again.get_concrete_function(x).graph.get_operations()
    layers = [operation for operation in operations if operation.type == "Tanh"]
    first, second = layers[:3], layers[3:]
    taken = {one.inputs[0].op.name for one in operations if one.type == "TanhGrad"}
    assert taken == {one.name for one in second}
    assert first[-1].name in _before(second[0])  # through the loss and its gradient


def test_xla_does_not_merge_the_two_forwards():
    weight = keras.Variable(tf.ones((4, 4)) / 4, name="weight")
    x = tf.random.stateless_normal((2, 4), (0, 1))
    counts = []
    for recompute in (False, True):
        function = tower_gradients(weight, recompute, jit_compile=True)
        program = function.experimental_get_compiler_ir(x)(stage="optimized_hlo")
        counts.append(program.count(" tanh("))
    assert counts == [3, 6]


def _before(operation):
    waiting, seen = [operation], set()
    while waiting:
        one = waiting.pop()
        if one.name not in seen:
            seen.add(one.name)
            waiting += [tensor.op for tensor in one.inputs]
    return seen


@pytest.fixture
def sums_as_written():
    """Keeps TensorFlow from adding in another order in one of two graphs that are to be equal."""
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})
    yield
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": True})


def trained(recipe, bindings, trainer_of):
    """Returns what training comes to without and with recomputation."""
    for recompute in ("nothing", "blocks"):
        plan = make_plan(recipe, f"Training.recompute = '{recompute}'", *bindings)
        trainer = randomized(trainer_of(plan))
        finish(trainer)
        yield values(trainer)


@pytest.mark.parametrize("recipe", ["clean", pytest.param("mbn", marks=pytest.mark.slow)])
def test_training_comes_to_the_same_bits(recipe):
    require_the_same_bits(recipe)


@pytest.mark.slow
@pytest.mark.usefixtures("sums_as_written")
def test_micro_batches_come_to_the_same_bits():
    require_the_same_bits("mbn_alp", "Training.micro_batch_size = 8")


def require_the_same_bits(recipe, *bindings):
    plain, again = trained(recipe, bindings, one_device)
    for path, value in plain.items():
        np.testing.assert_array_equal(again[path], value, err_msg=path)


@pytest.mark.slow
def test_statistics_across_replicas_are_taken_twice_too():
    plain, again = trained("mbn", ("NormPolicy.across_replicas = 'sync'",), mirrored)
    for path, value in plain.items():
        np.testing.assert_allclose(again[path], value, rtol=1e-5, atol=1e-7, err_msg=path)


def test_a_network_without_blocks_is_refused(tmp_path):
    path = tmp_path / "mine.keras"
    randomized_layers(small_cnn()).save(path)
    bindings = ("Experiment.model = 'keras'", f"Keras.path = '{path}'", "Keras.pixel_mean = 0.0")
    plan = make_plan("clean", *bindings, "Keras.pixel_std = 255.0", "Training.recompute = 'blocks'")
    with pytest.raises(UserError, match="no layer of .* is named after a block"):
        one_device(plan)
