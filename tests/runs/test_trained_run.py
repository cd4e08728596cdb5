"""A finished run with its weights or their moving average: evaluated, exported, started from."""

import json

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import make_plan, mirrored, one_device, values
from shared.tiny_evaluator import evaluator_of

from tfadv import config
from tfadv.devices.local import device_names
from tfadv.errors import UserError
from tfadv.interop.bundle_writer import write_bundle
from tfadv.interop.loaded_bundle import LoadedBundle
from tfadv.planning.plan import build_plan
from tfadv.runs import trained_run
from tfadv.runs.checkpoints import read_model
from tfadv.runs.run_directory import RunDirectory
from tfadv.training.session import Session

AVERAGED = ("Training.average_decay = 0.9", "Training.epochs = 3")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Returns a finished run's folder and record, its weights and their average."""
    folder = tmp_path_factory.mktemp("average") / "run"
    read = config.read(["gin/mbn.gin", "gin/scale/smoke.gin"], AVERAGED)
    plan = build_plan()
    trainer = one_device(plan)
    directory = RunDirectory(folder)
    directory.claim(read, device_names(), plan.experiment.seed)
    record = Session(trainer).run(directory)
    averages = {path: np.array(value) for path, value in trainer.average.by_path().items()}
    return folder, record, values(trainer), averages


def loaded(folder, weights):
    config.read([trained_run.config_file(folder)])
    return trained_run.load(folder, build_plan(), weights=weights)


def evaluated(run):
    return evaluator_of(run.plan, run.model).evaluate()


def accuracies(record):
    return {
        "clean": {branch: row["accuracy"] for branch, row in record["clean"].items()},
        "attacks": [row["accuracy"] for row in record["attacks"]],
    }


@pytest.mark.parametrize("weights", ["trained", "average"])
def test_a_run_is_evaluated_to_what_it_reported(run, weights):
    folder, record, trained, _ = run
    found = loaded(folder, weights)
    same = {v.path: np.array_equal(v, trained[v.path]) for v in found.model.variables}
    if weights == "trained":
        assert all(same.values())
    else:
        assert not any(equal for path, equal in same.items() if "kernel" in path)
    again = evaluated(found)
    expected = record["weight_average"] if weights == "average" else record
    assert accuracies(again) == accuracies(expected)
    assert accuracies(found.results) == accuracies(expected)
    assert found.describe()["weights_kind"] == weights


def test_a_bundle_of_the_average_holds_it_and_its_accuracies(run, tmp_path):
    folder, record, _, average = run
    found = loaded(folder, "average")
    write_bundle(found, tmp_path / "bundle", ["adv", "clean"], (0.0, 1.0), "CC0")
    metadata = json.loads((tmp_path / "bundle/metadata.json").read_text())
    assert accuracies(metadata["accuracy"]) == accuracies(record["weight_average"])
    assert metadata["model"]["weights_kind"] == "average"
    bundle = LoadedBundle(tmp_path / "bundle", "adv")
    pixels = bundle.reference_images * 255
    for variable in found.model.variables:
        np.testing.assert_array_equal(variable, average[variable.path])
    logits = found.model.logits_fn()(tf.constant(pixels))
    np.testing.assert_allclose(bundle(bundle.reference_images), logits, atol=1e-4)


def test_a_run_may_start_from_anothers_average(run):
    folder, _, _, average = run
    plan = make_plan(
        "mbn",
        f"Experiment.initial_weights = '{folder}'",
        "Experiment.initial_weights_kind = 'average'",
    )
    trainer = one_device(plan)
    trainer.load_initial_weights()
    for path, value in values(trainer).items():
        np.testing.assert_array_equal(value, average[path])


@pytest.mark.usefixtures("op_by_op")
def test_a_run_without_an_average_says_what_makes_one(tmp_path):
    folder = tmp_path / "run"
    read = config.read(["gin/clean.gin", "gin/scale/smoke.gin"])
    trainer = one_device(build_plan())
    RunDirectory(folder).claim(read, device_names(), 0)
    Session(trainer).run(RunDirectory(folder))
    with pytest.raises(UserError, match="no average weights: Training.average_decay"):
        loaded(folder, "average")
    with pytest.raises(
        UserError, match="initial_weights_kind is 'averaged'.*Did you mean 'average'"
    ):
        make_plan("clean", "Experiment.initial_weights_kind = 'averaged'")


def test_local_statistics_are_evaluated_as_a_checkpoint_keeps_them(tmp_path):
    """Replicas that keep their own: the first one's are evaluated, on all of them, and saved."""
    folder = tmp_path / "run"
    files, local = ["gin/clean.gin", "gin/scale/smoke.gin"], "NormPolicy.across_replicas = 'local'"
    read = config.read(files, [local, *AVERAGED, "Evaluation.attacks = ()"])
    plan = build_plan()
    trainer = mirrored(plan)
    RunDirectory(folder).claim(read, device_names(), 0)
    record = Session(trainer).run(RunDirectory(folder))
    saved = read_model(folder / "checkpoints")
    for variable in trainer.model.non_trainable_variables:
        for value in trainer.distribution.experimental_local_results(variable.value):
            np.testing.assert_array_equal(value, saved[variable.path])
    found = loaded(folder, "trained")
    again = evaluated(found)
    assert accuracies(again) == accuracies(record)
