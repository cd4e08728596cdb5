"""A trained Keras file whose pixels are stated as it was not trained is found by its accuracy."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers
from shared.commands import last_error, run_command
from shared.smoke_trainers import SMOKE, make_plan
from shared.tiny_data import array_source, npz_bindings, write_npz

from tfadv.errors import UserError
from tfadv.interop import stated_pixels
from tfadv.runs import identity

# Red or blue, dark or bright: another range, and another order of colours, changes the class.
COLORS = np.float32([[0.3, 0, 0], [0.9, 0, 0], [0, 0, 0.3], [0, 0, 0.9]])
LABELS = np.arange(64) % 4
PIXELS = np.tile(255 * COLORS[LABELS][:, None, None], (1, 8, 8, 1)).astype("uint8")
RIGHT = "set Keras.pixel_mean = 0.0, Keras.pixel_std = 255.0 and Keras.color = 'RGB'"


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A model of RGB in 0..1 that answers the nearest of the colours."""
    x = keras.Input((8, 8, 3))
    model = keras.Model(x, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))
    model.layers[-1].set_weights([2 * COLORS.T, -np.sum(COLORS**2, 1)])
    path = tmp_path_factory.mktemp("stored") / "mine.keras"
    model.save(path)
    return path


def bindings(path, mean, std, color):
    return (
        "Experiment.model = 'keras'",
        f"Keras.path = '{path}'",
        f"Keras.pixel_mean = {mean}",
        f"Keras.pixel_std = {std}",
        f"Keras.color = '{color}'",
    )


def checked(path, mean, std, color="RGB", labels=LABELS):
    plan = make_plan("clean", *bindings(path, mean, std, color))
    test = array_source("colours", PIXELS, labels, list("abcd"))
    plan = dataclasses.replace(plan, splits=plan.splits._replace(test=test))
    stated_pixels.check(plan, plan.build_model(), identity.alone())


@pytest.mark.parametrize("stated", [(0.0, 1.0), ((0.0, 0.0, 0.0), 510.0), (0.0, 255.0, "BGR")])
def test_pixels_by_which_a_model_is_far_worse_are_refused(stored, stated):
    with pytest.raises(
        UserError,
        match=r"mine.keras' classifies \d+% of 64 images as stated, and "
        r"100% fed otherwise: " + RIGHT,
    ):
        checked(stored, *stated)


def test_pixels_that_are_right_or_make_no_difference_are_taken(stored):
    checked(stored, 0.0, 255.0)
    labels = np.random.default_rng(0).integers(0, 4, 64)  # such as an untrained model's
    checked(stored, 0.0, 1.0, labels=labels)
    checked(stored, 0.0, 255.0, labels=np.ones(64, int))  # what 0..255 would answer throughout


@pytest.mark.slow
def test_the_command_ends_before_anything_is_trained(stored, tmp_path):
    write_npz(tmp_path / "train.npz", PIXELS, LABELS)
    write_npz(tmp_path / "test.npz", PIXELS, LABELS)
    of = [*bindings(stored, 0.0, 1.0, "RGB"), *npz_bindings(tmp_path)]
    given = ("--gin_file=gin/mbn.gin", f"--gin_file={SMOKE}")
    done = run_command("train", *given, bindings=of, model_dir=tmp_path / "run")
    assert done.returncode == 2 and last_error(done).endswith(RIGHT)
    assert not (tmp_path / "run" / "run.json").exists()
