"""PyTorch's weights as safetensors: the same logits, or a line that says what doesn't fit."""

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import save_file
from shared.torch_resnets import TorchResNet

from tfadv import config
from tfadv.errors import UserError
from tfadv.interop import initial_weights
from tfadv.models.functional.basic_resnet import BasicResNet
from tfadv.models.functional.convnext import ConvNeXt
from tfadv.models.functional.wide_resnet import WideResNet
from tfadv.models.resnet import ResNet
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.layer_norm import LayerNorm

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PIXELS = {
    "pixel_mean": tuple(255 * value for value in MEAN),
    "pixel_std": tuple(255 * value for value in STD),
}


def resnet(blocks=(1, 2), norm=BatchNorm, width=4, classes=5, padding="symmetric", **more):
    return ResNet(blocks, (32, 32, 3), classes, norm, width=width, padding=padding, **PIXELS | more)


def basic(stem="imagenet", preactivation=False):
    return BasicResNet((32, 32, 3), 5, BatchNorm, (1, 2), 4, stem, preactivation, **PIXELS)


def wide(depth=10, norm=BatchNorm):
    return WideResNet((16, 16, 3), 5, norm, depth, 1, **PIXELS)


KINDS = {
    "bottleneck": (resnet, TorchResNet((1, 2))),
    "basic": (basic, TorchResNet((1, 2), kind="basic")),
    "preactivation": (lambda: basic("small", True), TorchResNet((1, 2), kind="preactivation")),
    "wide": (wide, TorchResNet((1, 1, 1), 16, kind="wide")),
}


def written(path, tensors):
    save_file(tensors, path)
    return str(path)


@pytest.mark.parametrize("kind", KINDS)
def test_the_logits_are_those_of_the_network_in_pytorch(tmp_path, kind):
    make, theirs = KINDS[kind]
    ours = make()
    path = written(tmp_path / "w.safetensors", theirs.tensors)
    left, pixels = initial_weights.load(ours, path)
    assert "counters of batches (num_batches_tracked)" in left
    assert "doesn't say which pixels it takes" in pixels
    size = ours.image_shape[0]
    images = np.random.default_rng(1).uniform(0, 1, (3, size, size, 3)).astype("float32")
    expected = theirs((images - MEAN) / STD)
    for function in (ours, ours.logits_fn()):
        np.testing.assert_allclose(function(tf.constant(images * 255)), expected, atol=1e-4)
    shifted = theirs((images - 0.5) / 0.5)
    assert np.abs(shifted - expected).max() > 1e-3  # the images tell networks apart


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_wrapped_networks_and_other_dtypes_are_read(tmp_path, dtype):
    tensors = {
        f"module.net.{name}": tensor.astype(dtype)
        for name, tensor in KINDS["wide"][1].tensors.items()
    }
    tensors["module.net.sub_block1.layer.0.bn1.weight"] = np.ones(3, np.float32)
    tensors["module.mu"] = np.reshape(np.float32(MEAN), (1, 3, 1, 1))
    tensors["module.sigma"] = np.reshape(np.float32(STD), (1, 3, 1, 1))
    path = written(tmp_path / "w.safetensors", tensors)
    (line,) = initial_weights.load(ours := wide(), path)
    assert "1 tensors of sub_block1" in line and "pixels" not in line
    kernel = tensors["module.net.block1.layer.0.conv1.weight"].astype(np.float32)
    found = next(v for v in ours.variables if v.path == "stage1_block1_first/kernel")
    np.testing.assert_array_equal(found, kernel.transpose(2, 3, 1, 0))
    tensors["module.mu"] = tensors["module.mu"] * 0 + np.float32(0.5)
    path = written(tmp_path / "w.safetensors", tensors)
    with pytest.raises(UserError, match=r"WideResNet.pixel_mean = \(127.5, 127.5, 127.5\)"):
        initial_weights.load(wide(), path)


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (
            lambda: resnet((1, 3)),
            "bottleneck",
            r"a resnet of 1-2 blocks, .*ResNet.blocks = .1, 2",
        ),
        (resnet, "basic", "bind Experiment.model = 'basic_resnet', BasicResNet.blocks = .1, 2"),
        (basic, "preactivation", "BasicResNet.preactivation = True"),
        (lambda: wide(16), "wide", "'wide_resnet', WideResNet.depth = 10"),
        (lambda: resnet(width=8), "bottleneck", r"stem/kernel of .*\(its conv1.weight\) has shape"),
        (lambda: resnet(stem="small"), "bottleneck", r"\(7, 7, 3, 4\), this model's \(3, 3, 3, 4"),
        (lambda: resnet(classes=7), "bottleneck", r"its fc.weight.*Experiment.new_head = True"),
        (lambda: resnet(padding="same"), "bottleneck", "bind ResNet.padding = 'symmetric'"),
        (lambda: resnet(norm=GroupNorm), "bottleneck", "running_mean, .*Experiment.norm = 'batch"),
        (
            lambda: ConvNeXt((8, 8, 3), 5, LayerNorm, blocks=(1,), width=4),
            "wide",
            "those of ResNets are known, and this network .convnext.",
        ),
    ],
)
def test_another_network_is_refused_with_the_nearest(tmp_path, make, kind, said):
    path = written(tmp_path / "w.safetensors", KINDS[kind][1].tensors)
    ours = make()
    before = [np.array(variable) for variable in ours.variables]
    with pytest.raises(UserError, match=said) as error:
        initial_weights.load(ours, path)
    assert "\n" not in str(error.value)
    for variable, value in zip(ours.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_a_tensor_too_few_or_too_many_is_named(tmp_path):
    tensors = KINDS["bottleneck"][1].tensors
    few = {name: t for name, t in tensors.items() if name != "layer2.1.bn2.running_var"}
    with pytest.raises(UserError, match=r"no stage2_block2/spatial/norm/moving_variance \(its lay"):
        initial_weights.load(resnet(), written(tmp_path / "w.safetensors", few))
    many = tensors | {"layer1.0.se.weight": np.ones(3)}
    with pytest.raises(UserError, match="has layer1.0.se.weight, which this network lacks"):
        initial_weights.load(resnet(), written(tmp_path / "w.safetensors", many))
    with pytest.raises(UserError, match="is no ResNet that is known here"):
        initial_weights.load(resnet(), written(tmp_path / "w.safetensors", {"a": np.ones(3)}))


@pytest.mark.parametrize("name", ["w.pt", "w.pth", "w.bin"])
def test_pickles_are_refused_with_the_way_out(tmp_path, name):
    (tmp_path / name).write_bytes(b"whatever")
    with pytest.raises(UserError, match=r"a pickle, .* safetensors.torch.save_file\(model.state_"):
        initial_weights.load(resnet(), str(tmp_path / name))


def test_a_damaged_file_is_refused(tmp_path):
    path = written(tmp_path / "w.safetensors", KINDS["bottleneck"][1].tensors)
    whole = (tmp_path / "w.safetensors").read_bytes()
    (tmp_path / "w.safetensors").write_bytes(whole[:-100])
    with pytest.raises(UserError, match="can't be read as safetensors"):
        initial_weights.load(resnet(), path)


def test_the_overlays_are_pytorchs_networks():
    of_resnet = config.values_of(["gin/pytorch/resnet50.gin"])
    assert of_resnet["ResNet.padding"] == "symmetric" and of_resnet["ResNet.blocks"] == (3, 4, 6, 3)
    for name, values in PIXELS.items():
        np.testing.assert_allclose(of_resnet[f"ResNet.{name}"], values)
    of_wide = config.values_of(["gin/pytorch/wide_resnet28_10.gin"])
    assert (of_wide["WideResNet.pixel_mean"], of_wide["WideResNet.pixel_std"]) == (0, 255)
    assert (of_wide["WideResNet.depth"], of_wide["WideResNet.widen_factor"]) == (28, 10)
