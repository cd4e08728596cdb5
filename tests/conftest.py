"""What every test may ask for: two logical CPUs, tiny models, and real images where they are."""

import gc
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import gin
import numpy as np
import pytest
import tensorflow as tf

# Before anything starts TensorFlow's devices: the Mirrored tests need two.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

from shared.measured_dtypes import Machine
from shared.project import WORKED_PLUGINS
from shared.tiny_data import write_image_folders
from shared.tiny_networks import tiny_resnet

from tfadv import config, kept, registry
from tfadv.planning import plan as _registers_the_built_in_parts  # noqa: F401
from tfadv.planning.precision_trials import Trial


@pytest.fixture(autouse=True, scope="session")
def own_measurements(tmp_path_factory):
    """Keeps what is measured apart from the user's, for commands too."""
    os.environ[kept.FOLDER] = str(tmp_path_factory.mktemp("measurements"))


@pytest.fixture(autouse=True, scope="module")
def little_to_collect():
    """Leaves out of Python's collections what stays from one module to the next."""
    gc.collect()
    gc.freeze()


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
def worked_plugins():
    """Registers the plugins of the project's own folder."""
    config.with_plugins(WORKED_PLUGINS)


@pytest.fixture
def op_by_op():
    """Runs at once what is traced elsewhere: sooner, where a tiny model takes a few steps."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Returns the machine that a test measures dtypes on, where none was measured before."""
    monkeypatch.setenv(kept.FOLDER, str(tmp_path / "kept"))
    found = Machine()
    monkeypatch.setattr(Trial, "measure", lambda trial: found.measured(trial))
    return found


@pytest.fixture
def tiny_model():
    """Returns a builder of tiny ResNets whose weights and statistics are all random."""
    return tiny_resnet


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
    write_image_folders(tmp_path)
    return tmp_path
