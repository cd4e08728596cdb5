"""Files for ONNX Runtime and LiteRT, run by these, against the model that they were made of."""

import importlib.util
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers
from shared.keras_models import kinds_of_layers, network_of, randomized
from shared.project import ROOT
from shared.random_bundles import bundle_of, random_run

from tfadv.errors import UserError
from tfadv.interop import converted
from tfadv.interop.saved_model import Endpoints
from tfadv.norms import NormMode
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm

CONVNEXT = (
    "Experiment.model = 'convnext'",
    "ConvNeXt.blocks = (1, 1)",
    "ConvNeXt.width = 8",
    "ConvNeXt.patch = 2",
)
# Without the package and without TensorFlow: what a server or a phone has.
STRANGER = """
import sys
sys.modules["tfadv"] = sys.modules["keras"] = sys.modules["tensorflow"] = None
import numpy as np
path, images, found = sys.argv[1], np.load(sys.argv[2]), sys.argv[3]
if path.endswith("onnx"):
    import onnxruntime
    logits = onnxruntime.InferenceSession(path).run(["logits"], {"images": images})[0]
else:
    from ai_edge_litert.interpreter import Interpreter
    logits = Interpreter(path).get_signature_runner()(images=images)["logits"]
np.save(found, logits)
"""
RUNTIMES = {"onnx": "onnxruntime", "litert": "ai_edge_litert"}

with_format = pytest.mark.parametrize("name", converted.FORMATS)


def need(name):
    for module in converted.FORMATS[name].NEEDS:
        pytest.importorskip(module, reason=f"no {module} here: make test-suites")


def reference_of(network, branches, count=5):
    images = np.random.default_rng(0).uniform(0, 1, (count, *network.image_shape))
    images = images.astype("float32")
    said = {f"logits_{b}": network(images * 255, mode=NormMode(b)).numpy() for b in branches}
    return {"images": images} | said


def written(network, folder, name):
    """Writes a network's branches alone; returns what it says and the record."""
    endpoints = Endpoints(network, network.branches, (0.0, 1.0))
    endpoints.save(folder)
    names = {b: f"serve_{b}" if len(network.branches) > 1 else "serve" for b in network.branches}
    expected = reference_of(network, network.branches)
    return expected, converted.write_converted(endpoints, folder, names, [name], expected)


@pytest.mark.slow
@with_format
@pytest.mark.parametrize("bindings", [(), CONVNEXT])
def test_a_bundle_s_file_says_what_the_model_says(tmp_path, name, bindings):
    need(name)
    run = random_run(tmp_path, *bindings)
    metadata, _ = bundle_of(run, tmp_path / "bundle", formats=[name])
    pixels = np.random.default_rng(3).uniform(0, 255, (7, 8, 8, 3)).astype("float32")
    for branch in ("adv", "clean"):
        said = metadata["formats"][name][branch]
        path, expected = (
            tmp_path / "bundle" / said["file"],
            run.model(pixels, mode=NormMode(branch)),
        )
        found = converted.FORMATS[name].logits(path, pixels / np.float32(255))
        np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
        assert 0 <= said["difference"] < 1e-5
        if importlib.util.find_spec(RUNTIMES[name]):
            np.save(tmp_path / "images.npy", pixels[:3] / np.float32(255))
            arguments = [path, tmp_path / "images.npy", tmp_path / "found.npy"]
            subprocess.run([sys.executable, "-c", STRANGER, *map(str, arguments)], check=True)
            np.testing.assert_allclose(np.load(tmp_path / "found.npy"), found[:3], atol=1e-4)


@with_format
def test_layers_of_all_kinds_are_written(tmp_path, name):
    """Depthwise, transposed, dilated and grouped convolutions, attention."""
    need(name)
    _, record = written(network_of(randomized(kinds_of_layers()), MixtureBatchNorm), tmp_path, name)
    assert set(record[name]) == {"clean", "adv"}


@pytest.mark.slow
@with_format
def test_a_network_of_keras_applications_is_written(tmp_path, name):
    """Its normalization holds numbers that are no variables."""
    need(name)
    build = keras.applications.EfficientNetB0
    model = build(weights=None, input_shape=(32, 32, 3), classes=4)
    _, record = written(network_of(model, BatchNorm), tmp_path, name)
    assert record[name]["main"]["difference"] < 1e-4


@with_format
def test_what_is_not_the_same_or_not_known_there_is_refused(tmp_path, name, monkeypatch):
    need(name)
    x = keras.Input((8, 8, 3))
    odd = keras.Model(x, layers.Dense(4)(keras.ops.erfinv(layers.Flatten()(x) / 10)))
    with pytest.raises(UserError, match=f"--format={name}: branch 'main' can't be written so"):
        written(network_of(odd, BatchNorm), tmp_path / "odd", name)
    monkeypatch.setattr(converted, "LOGITS_TOLERANCE", -1.0)
    plain = keras.Sequential([x, layers.Flatten(), layers.Dense(4)])
    with pytest.raises(UserError, match="gives other logits there: they differ by .* leave it out"):
        written(network_of(plain, BatchNorm), tmp_path / "plain", name)


def test_formats_are_checked_before_anything_is_read(monkeypatch):
    with pytest.raises(UserError, match="--format is 'onxx', which is none of .* 'onnx'"):
        converted.check_formats(["onxx"])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="needs tf2onnx, .*: python -m pip install (.*)") as error:
        converted.check_formats(["litert", "onnx"])
    packages = error.value.message.partition("install ")[2].split()
    assert ", ".join(f'"{name}"' for name in packages) in (ROOT / "setup.py").read_text()
    assert set(packages) < set((ROOT / "requirements-suites.txt").read_text().split())
