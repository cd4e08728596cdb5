"""What came with a bundle is data: its gin file imports, includes and runs nothing."""

import dataclasses
import pickle
import sys

import keras
import numpy as np
import pytest
from shared.commands import last_error, run_command
from shared.random_bundles import bundle_of, random_run

from tfadv import adapters, config
from tfadv.errors import UserError
from tfadv.interop import external_models
from tfadv.interop.external_models import Stated
from tfadv.interop.initial_weights import load as load_weights

SOON = ("Evaluation.examples = 20", "Evaluation.attacks = ()", "Evaluation.batch_size = 20")
MARKS = "import pathlib\npathlib.Path({path!r}).write_text('ran')\n"


def bundle(tmp_path, before="", after=""):
    """Returns a bundle whose gin file has more lines, written as its maker could."""
    run = random_run(tmp_path / "run", *SOON)
    text = before + run.config_text + after
    bundle_of(dataclasses.replace(run, config_text=text), tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def marker(tmp_path, monkeypatch):
    """Returns a file that modules and a plugin called `evil_parts` would write, importable."""
    path = tmp_path / "ran"
    for place in (tmp_path, tmp_path / "plugins"):
        place.mkdir(exist_ok=True)
        (place / "evil_parts.py").write_text(MARKS.format(path=str(path)))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield path
    sys.modules.pop("evil_parts", None)


def test_a_bundles_imports_are_not_followed(marker, tmp_path):
    imports = "import evil_parts\nimport plugins.evil_parts # source 123\n"
    made = bundle(tmp_path, imports, "Evil.x = 3\n")
    folders = {"plugin_dir": tmp_path / "plugins", "saved_model": made}
    done = run_command("evaluate", cwd=tmp_path, output=tmp_path / "e.json", **folders)
    assert done.returncode == 0, done.stderr
    assert "names the plugin evil_parts, whose code a bundle does not run" in done.stderr
    adapters.examples(made, 3)
    assert not marker.exists()
    with pytest.raises(UserError, match="'evil_parts' can't be loaded: it registers nothing"):
        config.read([], plugins=["evil_parts"])
    assert marker.read_text() == "ran"  # the marker marks


def test_a_bundle_includes_no_file(marker, tmp_path):
    (tmp_path / "more.gin").write_text("import evil_parts\n")
    made = bundle(tmp_path, after="include 'more.gin'\n")
    done = run_command("evaluate", cwd=tmp_path, output=tmp_path / "e.json", saved_model=made)
    assert done.returncode == 2 and "a bundle's configuration includes no 'more.gin'" in done.stderr
    with pytest.raises(UserError, match="includes no 'more.gin'"):
        adapters.examples(made, 3)
    assert not marker.exists()


def test_the_rest_of_a_bundles_gin_file_counts(tmp_path):
    written = bundle(tmp_path) / "config.gin"
    read = config.read([], bundle=written)
    assert read.values["Evaluation.examples"] == 20 and "Experiment.scale" in read.values
    read = config.read([], ["Evaluation.examples = 7"], bundle=written)
    assert read.values["Evaluation.examples"] == 7


class Marks:
    """What writes a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (exec, (MARKS.format(path=str(self.path)),))


def test_pickles_in_arrays_are_refused_in_one_line(tmp_path):
    marker, path = tmp_path / "ran", tmp_path / "x.npz"
    objects = np.array([Marks(marker)] * 4, object)
    np.savez(path, **{"image": objects, "label": objects, "conv0/W": objects})
    pickle.loads(pickle.dumps(Marks(marker)))
    assert marker.exists()
    marker.unlink()
    bound = [f"{name} = '{path}'" for name in ("npz.train", "npz.test")]
    bound += ["Experiment.dataset = 'npz'", f"Experiment.initial_weights = '{path}'"]
    recipe = ["--gin_file=gin/mbn.gin", "--gin_file=gin/scale/smoke.gin", "--dry_run"]
    done = run_command("train", *recipe, bindings=bound[:3])
    assert done.returncode == 2 and "holds Python objects" in last_error(done)
    model = random_run(tmp_path / "run", files=["gin/clean.gin", "gin/scale/digits.gin"]).model
    with pytest.raises(UserError, match="x.npz.*Object arrays cannot be loaded"):
        load_weights(model, str(path))
    assert not marker.exists()


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_a_keras_file_with_code_is_refused_in_one_line(tmp_path, name):
    images = keras.Input((8, 8, 3))
    code = keras.layers.Lambda(lambda x: keras.ops.mean(x, (1, 2)), output_shape=(3,))
    keras.Model(images, code(images)).save(tmp_path / name)
    stated = Stated((0.0, 1.0), "NHWC")
    with pytest.raises(UserError, match=f"--saved_model: '.*{name}'.*Lambda") as raised:
        external_models.load(tmp_path / name, (8, 8, 3), 3, stated)
    assert "\n" not in raised.value.message


def test_a_saved_model_from_elsewhere_is_announced(tmp_path):
    images = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(10)(keras.layers.Flatten()(images))
    keras.Model(images, outputs).export(tmp_path / "theirs", verbose=False)
    stated = {"pixel_range": "0,1", "layout": "NHWC", "output": tmp_path / "e.json"}
    bound = [*SOON, "digits.split_seed = 0"]
    done = run_command("evaluate", saved_model=tmp_path / "theirs", bindings=bound, **stated)
    assert done.returncode == 0, done.stderr
    assert "theirs was not written by tfadv: its graph runs as code" in done.stderr
