"""Training on images that are read record by record: stopped in mid-epoch and resumed."""

import numpy as np
import pytest
import tensorflow_datasets
from shared.image_files import encoded
from shared.prepared_sets.tiny_shapes import FILES, NAMES
from shared.smoke_trainers import claimed, finish, make_plan, one_device, values

from tfadv.runs.checkpoints import Checkpoints

RECIPE = "clean"


@pytest.fixture
def bindings(tmp_path, monkeypatch):
    """Returns bindings that choose a prepared set of 20 images of any size, without its code."""
    random = np.random.default_rng(0)
    for split, count in (("train", 20), ("test", 6)):
        FILES[split] = tmp_path / split
        FILES[split].mkdir()
        for number in range(count):
            pixels = random.integers(0, 256, (*random.integers(9, 20, 2), 3), np.uint8)
            name = f"{NAMES[number % 2]}_{number}.png"
            (FILES[split] / name).write_bytes(encoded("RGB", "png", pixels))
    builder = tensorflow_datasets.builder("tiny_pictures", data_dir=tmp_path)
    builder.download_and_prepare(file_format="array_record")
    monkeypatch.delitem(tensorflow_datasets.core.registered._DATASET_REGISTRY, "tiny_pictures")
    return (
        "Experiment.dataset = 'tfds'",
        "tfds.name = 'tiny_pictures'",
        f"tfds.data_dir = '{tmp_path}'",
        "tfds.image_size = 8",
        "Training.batch_size = 8",
        "Training.epochs = 2",
        "Training.steps_per_call = 1",
    )


def test_a_run_stopped_in_mid_epoch_resumes_to_the_same_weights(bindings, tmp_path):
    """Four steps of eight images; the stop is within the first pass over twenty."""
    whole = one_device(make_plan(RECIPE, *bindings))
    assert whole.plan.steps == 4 and len(finish(whole)) == 4
    stopped = one_device(make_plan(RECIPE, *bindings))
    steps = stopped.steps()
    next(steps), next(steps)
    folder = claimed(tmp_path / "run", RECIPE).checkpoints_path
    Checkpoints(folder, stopped.model, stopped.optimizer).save()
    resumed = one_device(make_plan(RECIPE, *bindings))
    Checkpoints(folder, resumed.model, resumed.optimizer).restore()
    assert resumed.step == 2 and len(finish(resumed)) == 2
    for name, value in values(whole).items():
        np.testing.assert_array_equal(values(resumed)[name], value)
