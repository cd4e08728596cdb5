"""Runs with broken checkpoints: resumed, evaluated, exported and begun from, or refused."""

import shutil

import numpy as np
import pytest
import tensorflow as tf
from shared.commands import last_error, run_command
from shared.smoke_trainers import SMOKE, one_device, values

from tfadv import config, digests
from tfadv.errors import UserError
from tfadv.interop import initial_weights
from tfadv.planning.plan import build_plan
from tfadv.runs import identity, saved_steps, trained_run
from tfadv.runs.checkpoints import read_model
from tfadv.runs.run_directory import RunDirectory
from tfadv.training.session import Session

RECIPE = "gin/clean.gin"
BINDINGS = (
    "Experiment.deterministic = True",
    "Evaluation.attacks = ()",
    "Training.epochs = 5",
    "Training.steps_per_call = 1",
    "Training.checkpoint_every_epochs = 2",
    "Training.keep_every_epochs = 3",
)


@pytest.fixture(autouse=True)
def _warn_again():
    saved_steps._warn.cache_clear()


def trained(path):
    """Trains in a folder, or resumes there; returns the trainer at the end."""
    read = config.read([RECIPE, SMOKE], BINDINGS)
    plan = build_plan(read)
    directory = RunDirectory(path)
    trainer = one_device(plan)
    directory.claim(read, ["CPU"], plan.experiment.seed)
    Session(trainer).run(directory)
    return trainer


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Returns the folder of a finished run and its weights."""
    path = tmp_path_factory.mktemp("whole") / "run"
    tf.config.run_functions_eagerly(True)
    trainer = trained(path)
    tf.config.run_functions_eagerly(False)
    return path, values(trainer)


@pytest.fixture
def run(whole, tmp_path):
    """Returns a copy of that folder."""
    return shutil.copytree(whole[0], tmp_path / "run")


def cut(folder, *steps):
    """Cuts the last byte of the weights of some steps off."""
    for step in steps:
        (file,) = (folder / "checkpoints" / f"step-{step}").glob("*.data-*")
        file.write_bytes(file.read_bytes()[:-1])


def loaded(path):
    return trained_run.load(path, build_plan(config.read([trained_run.config_file(path)])))


def test_the_newest_two_and_every_third_epoch_s_are_kept(whole):
    """One step an epoch; saved after the epochs 2, 3, 4 and 5."""
    names = {path.name for path in (whole[0] / "checkpoints").iterdir()}
    assert names == {"step-3", "step-4", "step-5"}


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize("broken", [(5,), (5, 4)])
def test_training_resumes_from_the_newest_whole_one(whole, run, capsys, broken):
    path, weights = whole
    cut(run, *broken)
    (run / "results.json").unlink()
    (run / "checkpoints/step-4.partial").mkdir()
    resumed = trained(run)
    np.testing.assert_equal(values(resumed), weights)
    assert (run / "results.json").read_bytes() == (path / "results.json").read_bytes()
    warned = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(warned) == len(broken)
    for line, step in zip(warned, broken, strict=True):
        assert f"step-{step}' (variables.data-00000-of-00001 has" in line
        assert line.endswith(f"taking that of step {min(broken) - 1}")
    assert {file.name for file in (run / "checkpoints").iterdir()} == {"step-3", "step-4", "step-5"}


def test_evaluation_export_and_initial_weights_take_the_newest_whole_one(run, capsys):
    newest = loaded(run)
    identity.check_results(newest)
    cut(run, 5)
    found = loaded(run)
    before = values(found)
    np.testing.assert_equal(before, read_model(run / "checkpoints"))
    assert any((value != before[path]).any() for path, value in values(newest).items())
    assert capsys.readouterr().err.count("warning: passed over the checkpoint") == 1
    assert identity.digest_of_weights(str(run)) == digests.of_arrays(before)
    initial_weights.load(found.model, str(run))
    with pytest.raises(UserError, match="other weights than the newest whole checkpoint's"):
        identity.check_results(found)  # an export would tell of accuracies that it hasn't


def test_where_none_is_whole_every_command_says_so(run, tmp_path):
    cut(run, 3, 4, 5)
    (run / "results.json").unlink()
    begin = f"Experiment.initial_weights = '{run}'"
    for command in (
        ["train", f"--gin_file={RECIPE}", f"--gin_file={SMOKE}"],
        ["evaluate"],
        ["export", f"--output_dir={tmp_path / 'bundle'}"],
    ):
        bindings = BINDINGS if command[0] == "train" else ()
        done = run_command(*command, bindings=bindings, model_dir=run)
        assert done.returncode == 2, done.stderr
        assert f"error: no checkpoint in '{run / 'checkpoints'}' is whole: " in last_error(done)
    new = tmp_path / "new"
    files = ("--gin_file=gin/finetune/clean_images.gin", f"--gin_file={SMOKE}")
    done = run_command("train", *files, bindings=[begin], model_dir=new)
    assert done.returncode == 2 and "is whole: " in last_error(done)
    assert not new.exists() and not (tmp_path / "bundle").exists()
    assert not (run / "evaluation.json").exists() and not (run / "results.json").exists()


@pytest.mark.usefixtures("op_by_op")
def test_a_folder_of_before_is_read_and_resumed(whole, run):
    """Bare files, as TensorFlow writes them, and its list."""
    folder = run / "checkpoints"
    for step in (3, 4, 5):
        for file in (folder / f"step-{step}").glob("variables.*"):
            if step != 5:
                file.rename(folder / file.name.replace("variables", f"step-{step}"))
        shutil.rmtree(folder / f"step-{step}")
    (folder / "checkpoint").write_text('model_checkpoint_path: "step-4"\n')
    (run / "results.json").unlink()
    np.testing.assert_equal(values(loaded(run)), read_model(folder))
    np.testing.assert_equal(values(trained(run)), whole[1])
