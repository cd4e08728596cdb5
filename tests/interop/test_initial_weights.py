"""Starting from a run or from the released pipeline's ResNets, and finetuning norms alone."""

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import finish, make_plan, one_device, randomized, values

from tfadv.errors import UserError
from tfadv.interop import initial_weights, released_weights
from tfadv.models import given_weights
from tfadv.models.functional.wide_resnet import WideResNet
from tfadv.models.resnet import ResNet
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.runs.checkpoints import Checkpoints, read_model
from tfadv.training.session import Session


def saved(trainer, folder):
    """Saves a trainer's weights as a run would."""
    Checkpoints(folder / "checkpoints", trainer.model, trainer.optimizer).save()
    return str(folder)


def released_layout(blocks, width, classes, random):
    """Returns random weights by the names of the released pipeline: TensorPack's."""
    arrays = {}

    def conv(name, size, inputs, outputs):
        arrays[f"{name}/W:0"] = random.normal(size=(size, size, inputs, outputs)) * 0.2
        for part in ("gamma", "beta", "mean/EMA"):
            arrays[f"{name}/bn/{part}:0"] = 1 + 0.2 * random.normal(size=outputs)
        arrays[f"{name}/bn/variance/EMA:0"] = random.uniform(0.5, 2, outputs)

    conv("conv0", 7, 3, width)
    inputs = width
    for group, count in enumerate(blocks):
        inner, outputs = width * 2**group, width * 2**group * 4
        for block in range(count):
            name = f"group{group}/block{block}"
            conv(f"{name}/conv1", 1, inputs, inner)
            conv(f"{name}/conv2", 3, inner, inner)
            conv(f"{name}/conv3", 1, inner, outputs)
            if inputs != outputs:
                conv(f"{name}/convshortcut", 1, inputs, outputs)
            inputs = outputs
    arrays["linear/W:0"] = random.normal(size=(inputs, classes))
    arrays["linear/b:0"] = random.normal(size=classes)
    arrays["global_step:0"] = np.array(123)
    return {name: np.asarray(array, np.float32) for name, array in arrays.items()}


def released_forward(arrays, blocks, rgb):
    """The released pipeline's network in plain TensorFlow: BGR in, 'SAME' padding."""

    def conv(name, x, stride, relu=True):
        x = tf.nn.conv2d(x, arrays[f"{name}/W:0"], stride, "SAME")
        parts = ("mean/EMA", "variance/EMA", "beta", "gamma")
        x = tf.nn.batch_normalization(x, *(arrays[f"{name}/bn/{p}:0"] for p in parts), 1e-5)
        return tf.nn.relu(x) if relu else x

    x = conv("conv0", (rgb[..., ::-1] / 255.0) * 2 - 1, 2)
    x = tf.nn.max_pool2d(x, 3, 2, "SAME")
    for group, count in enumerate(blocks):
        for block in range(count):
            name, stride = f"group{group}/block{block}", 2 if group and not block else 1
            y = conv(f"{name}/conv2", conv(f"{name}/conv1", x, 1), stride)
            y = conv(f"{name}/conv3", y, 1, relu=False)
            if f"{name}/convshortcut/W:0" in arrays:
                x = conv(f"{name}/convshortcut", x, stride, relu=False)
            x = tf.nn.relu(x + y)
    return tf.reduce_mean(x, [1, 2]) @ arrays["linear/W:0"] + arrays["linear/b:0"]


BLOCKS = (1, 2, 2, 1)


@pytest.fixture
def released(tmp_path):
    """Returns the path of an .npz in the released layout, and its arrays."""
    arrays = released_layout(BLOCKS, 4, 5, np.random.default_rng(0))
    path = tmp_path / "released.npz"
    np.savez(path, **arrays)
    return str(path), arrays


def model(blocks=BLOCKS, norm=BatchNorm, width=4, classes=5):
    return ResNet(blocks, (64, 64, 3), classes, norm, width=width)


def test_the_released_network_is_imported_exactly(released):
    path, arrays = released
    ours = model()
    initial_weights.load(ours, path)
    images = tf.constant(np.random.default_rng(1).uniform(0, 255, (2, 64, 64, 3)), tf.float32)
    expected = released_forward(arrays, BLOCKS, images)
    np.testing.assert_allclose(ours(images), expected, rtol=1e-4, atol=1e-4)
    flipped = released_forward(arrays, BLOCKS, images[..., ::-1])
    assert np.abs(flipped - expected).max() > 1e-2  # the order of the colours matters


def test_another_network_is_refused_by_name_and_shape(released, tmp_path):
    path, arrays = released
    before = values_of(wrong := model((1, 2, 3, 1)))
    with pytest.raises(UserError, match=r"is a ResNet-20 \(1-2-2-1\), this model a ResNet-23"):
        initial_weights.load(wrong, path)
    np.testing.assert_equal(values_of(wrong), before)
    with pytest.raises(
        UserError, match=r"stem/kernel of .* has shape \(7, 7, 3, 4\), this model's"
    ):
        initial_weights.load(model(width=8), path)
    with pytest.raises(UserError, match=r"head/kernel of .* \(128, 5\), this model's \(128, 7\)"):
        initial_weights.load(model(classes=7), path)
    with pytest.raises(UserError, match="has conv0/bn/mean/EMA, which this model lacks"):
        initial_weights.load(model(norm=GroupNorm), path)
    with pytest.raises(UserError, match="bind Experiment.initial_norm_branch = 'every' or 'clean'"):
        initial_weights.load(model(norm=MixtureBatchNorm), path)
    with pytest.raises(UserError, match="holds a ResNet with batch norm; this model is another"):
        initial_weights.load(WideResNet((8, 8, 3), 5, BatchNorm, 10, 1), path)
    with pytest.raises(UserError, match="has no stage2_block1/spatial/norm/moving_mean"):
        path = damaged(tmp_path, arrays, "group1/block0/conv2/bn/mean/EMA:0")
        initial_weights.load(model(), path)


def values_of(a_model):
    return {variable.path: np.array(variable) for variable in a_model.variables}


def damaged(folder, arrays, without):
    path = folder / "damaged.npz"
    np.savez(path, **{name: array for name, array in arrays.items() if name != without})
    return str(path)


def test_published_names_of_the_released_resnet_152():
    resnet = ResNet((3, 8, 36, 3), (224, 224, 3), 1000, BatchNorm)
    names = [released_weights.released_name(variable.path) for variable in resnet.variables]
    assert len(set(names)) == len(names) == 155 * 5 + 2
    assert "group2/block35/conv3/bn/variance/EMA" in names
    assert {"conv0/W", "linear/W", "linear/b", "group0/block0/convshortcut/W"} <= set(names)


@pytest.mark.parametrize("images", ["clean_images", "adversarial_images"])
def test_finetuning_changes_norms_and_nothing_else(tmp_path, images):
    started = randomized(one_device(make_plan("adv_100_clean_0")))
    folder = saved(started, tmp_path)
    chosen = f"Experiment.initial_weights = '{folder}'"
    trainer = one_device(make_plan(f"finetune/{images}", chosen, "Training.epochs = 5"))
    trainer.load_initial_weights()
    np.testing.assert_equal(values(trainer), values(started))
    metrics = finish(trainer)
    assert metrics[-1]["step"] == 10
    assert ("clean_accuracy" in metrics[-1]) == (images == "clean_images")
    for path, value in values(trainer).items():
        in_a_norm = "/norm/" in path
        assert np.array_equal(value, values(started)[path]) != in_a_norm, path


def test_no_epochs_evaluate_the_initial_weights(tmp_path):
    started = randomized(one_device(make_plan("adv_100_clean_0")))
    chosen = [f"Experiment.initial_weights = '{saved(started, tmp_path)}'", "Training.epochs = 0"]
    trainer = one_device(make_plan("adv_100_clean_0", *chosen))
    trainer.load_initial_weights()
    assert finish(trainer) == []
    assert Session(trainer).evaluate()["clean"] == Session(started).evaluate()["clean"]


def test_another_norm_or_no_run_is_refused(tmp_path):
    folder = saved(one_device(make_plan("clean")), tmp_path)
    trainer = one_device(make_plan("mbn", f"Experiment.initial_weights = '{folder}'"))
    with pytest.raises(UserError, match="of one branch, .*initial_norm_branch = 'every' or"):
        trainer.load_initial_weights()
    with pytest.raises(UserError, match="nowhere' is neither the folder of a run"):
        initial_weights.load(model(), str(tmp_path / "nowhere"))
    starting = [np.array(variable) for variable in trainer.model.variables]
    with pytest.raises(UserError, match="^--model_dir: '.*' has no stem/norm/clean/gamma.*Did you"):
        of_run = read_model(tmp_path / "checkpoints")
        given_weights.assign(trainer.model, of_run, folder, "--model_dir")
    for variable, before in zip(trainer.model.variables, starting, strict=True):
        np.testing.assert_array_equal(variable, before)


def test_an_archive_without_weights_is_told(tmp_path):
    np.savez(tmp_path / "none.npz")
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "text.npz").write_text("no archive")
    for name, reason in (
        ("none", "holds no arrays"),
        ("empty", "is damaged, No data left.*: get it again"),
        ("text", "is damaged, .*: get it again"),
    ):
        with pytest.raises(UserError, match=f"{name}.npz' {reason}"):
            initial_weights.load(model(), str(tmp_path / f"{name}.npz"))
