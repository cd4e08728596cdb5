"""What the tests share: two logical CPUs, tiny models and real data where it is."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import gin
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

# Before anything starts TensorFlow's devices: the Mirrored tests need two.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

from tfadv import registry
from tfadv.models.resnet import ResNet
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm

NORM_CLASSES = {"batch": BatchNorm, "mixture": MixtureBatchNorm, "group": GroupNorm}


@pytest.fixture(autouse=True)
def clean_gin():
    """Leaves no binding of one test to the next."""
    gin.clear_config()
    yield
    gin.clear_config()


@pytest.fixture
def forget_plugins():
    """Leaves no plugin of one test to the next."""
    before = registry.snapshot()
    yield
    for now, then in zip(registry.snapshot(), before, strict=True):
        for part in (now[name] for name in now.keys() - then.keys()):
            module = getattr(part, "__module__", "")
            if module != "__main__":
                sys.modules.pop(module, None)
    registry.restore(before)


@pytest.fixture
def tiny_model():
    """Returns a builder of tiny ResNets whose weights and statistics are all random."""

    def build(norm: str, blocks=(1, 1), stem="small", image_shape=(8, 8, 3), classes=5):
        model = ResNet(blocks, image_shape, classes, NORM_CLASSES[norm], width=4, stem=stem)
        random = np.random.default_rng(0)
        for variable in model.variables:
            spread = 0.2 * random.normal(size=variable.shape)
            positive = variable.name in ("gamma", "moving_variance")
            variable.assign(1 + 0.5 * np.tanh(spread) if positive else spread)
        return model

    return build


@pytest.fixture
def some_images():
    """Returns 6 random images [6, 8, 8, 3] in 0..255 and labels in 0..4."""
    random = np.random.default_rng(1)
    images = tf.constant(random.uniform(0, 255, (6, 8, 8, 3)), tf.float32)
    return images, tf.constant([0, 1, 2, 3, 4, 0])


@pytest.fixture
def data_dir():
    """Returns the folder of real images, or skips the test."""
    folder = os.environ.get("TFADV_DATA_DIR")
    if not folder:
        pytest.skip("TFADV_DATA_DIR is not set: no real images to test with")
    return Path(folder)


@pytest.fixture
def folder(tmp_path):
    """Returns train and test folders of two classes: JPEG, PNG, grey and large."""
    for split in ("train", "test"):
        for class_name, colour in (("blue", (0, 0, 255)), ("red", (255, 0, 0))):
            path = tmp_path / split / class_name
            path.mkdir(parents=True)
            Image.new("RGB", (20, 12), colour).save(path / "a.png")
            Image.new("RGB", (8, 30), colour).save(path / "b.JPEG", quality=95)
            Image.new("L", (9, 9), 40).save(path / "c.jpg")
    return tmp_path
