"""Models made elsewhere, by command: what was chosen for them is said before and recorded."""

import json

import keras
import numpy as np
import pytest
from shared.commands import run_command
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

MEAN, STD = 0.5, 0.25
FEW = ("Evaluation.examples = 60", "Evaluation.batch_size = 60", "digits.split_seed = 0")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """Returns a Keras file with two outputs, which takes a fixed batch of normalized images."""
    images, labels = load_digits(return_X_y=True)
    regression = LogisticRegression(max_iter=500).fit((images / 16 - MEAN) / STD, labels)
    inputs = keras.Input((8, 8, 3), batch_size=7)
    flat = keras.layers.Flatten()(keras.ops.mean(inputs, axis=3))
    scores = keras.layers.Dense(10, name="scores")
    model = keras.Model(inputs, [scores(flat), keras.layers.Dense(2, name="other")(flat)])
    scores.set_weights([regression.coef_.T, regression.intercept_])
    path = tmp_path_factory.mktemp("theirs") / "theirs.keras"
    model.save(path)
    return path


def evaluated(theirs, output, *bindings, **flags):
    flags = {"pixel_range": "0,1", "layout": "NHWC", "output_name": "scores"} | flags
    bound = [*FEW, *bindings]
    return run_command("evaluate", saved_model=theirs, output=output, bindings=bound, **flags)


def test_the_record_states_all_that_was_chosen(theirs, tmp_path):
    attack = ["Evaluation.attacks = ('pgd',)", "eval/PGD.targeted = False"]
    attack += ["eval/PGD.steps = 5", "eval/PGD.epsilon = 32.0", "eval/PGD.step_size = 8.0"]
    attack += ["eval/PGD.expectation_samples = 2"]
    form = {"pixel_mean": MEAN, "pixel_std": f"{STD},{STD},{STD}", "color": "BGR"}
    done = evaluated(theirs, tmp_path / "e.json", *attack, **form)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "e.json").read_text())
    said = record["model"]
    expected = {"color": "BGR", "mean": [MEAN], "std": [STD] * 3, "batch": 7, "layout": "NHWC"}
    expected |= {"pixel_range": [0.0, 1.0], "outputs": "logits", "output_name": "scores"}
    assert {name: said[name] for name in expected} == expected
    assert said["tried"] == {
        "examples": 64,
        "randomized": 0.0,
        "saturated": 0.0,
        "no_gradient": [],
    }
    (row,) = record["attacks"]
    assert row["expectation_samples"] == 2 and row["epsilon"] == 32
    assert row["accuracy"] < record["clean"]["main"]["accuracy"] - 0.3
    assert record["clean"]["main"]["accuracy"] > 0.9


def test_several_outputs_are_listed_in_one_line(theirs, tmp_path):
    done = evaluated(theirs, tmp_path / "e.json", output_name="score")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "no output 'score': it returns scores, other" in done.stderr
    assert "Did you mean 'scores'?" in done.stderr


@pytest.mark.parametrize(
    ("classes", "left"), [(2, "APGD-CE, FAB-T, Square"), (3, "APGD-CE, APGD-DLR, FAB-T, Square")]
)
def test_autoattack_says_what_it_leaves_out_before_training(tmp_path, classes, left):
    random, path = np.random.default_rng(0), tmp_path / "few.npz"
    images = random.integers(0, 256, (60, 8, 8, 3), np.uint8)
    np.savez(path, image=images, label=np.arange(60) % classes)
    bound = [f"npz.{split} = '{path}'" for split in ("train", "test")]
    bound += ["Experiment.dataset = 'npz'", "Evaluation.attacks = ('autoattack',)"]
    recipe = ["--gin_file=gin/mbn.gin", "--gin_file=gin/scale/smoke.gin", "--dry_run"]
    done = run_command("train", *recipe, bindings=bound)
    assert done.returncode == 0, done.stderr
    lost = f"apgd_targeted (its loss needs 4 classes, not {classes})"
    assert f"autoattack is run without {lost}: {left}" in done.stderr
