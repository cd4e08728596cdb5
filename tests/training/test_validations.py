"""Runs that are validated on their way: the same whatever ends them, the best kept, or stopped."""

import signal

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import mirrored, one_device, values
from shared.validated_runs import ONE_STEP, plan_of, session_of, validations

from tfadv import config
from tfadv.interruption import Interrupted
from tfadv.planning.plan import build_plan
from tfadv.runs import identity, trained_run
from tfadv.runs.checkpoints import read_model
from tfadv.runs.chosen_step import best_of
from tfadv.runs.run_writer import RunWriter

AVERAGED = ("Training.average_decay = 0.5", *ONE_STEP)


@pytest.fixture(scope="module", autouse=True)
def _op_by_op():
    """Runs at once what is traced elsewhere: sooner, where a tiny model takes a few steps."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Returns an unbroken run: its folder, record and weights."""
    session, directory = session_of(tmp_path_factory.mktemp("whole") / "run", *AVERAGED)
    record = session.run(directory)
    return directory, record, values(session.trainer)


def test_a_validation_is_a_record_curves_and_a_best_step(whole):
    directory, record, _ = whole
    rows = validations(directory)
    assert [row["step"] for row in rows] == [2, 4, 6]
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    for row in rows:
        assert row["examples"] == 16
        accuracy = row["accuracy"]["trained"]["main"]
        assert set(accuracy) == {"clean", "validation/pgd"}
        assert set(row["accuracy"]) == {"trained", "average"}
        assert row["value"] == accuracy["validation/pgd"]
        assert all(16 * value == int(16 * value) for value in accuracy.values())
    best = max(rows, key=lambda row: (row["value"], -row["step"]))
    pointer = best_of(directory.checkpoints_path)
    assert (pointer["step"], pointer["value"]) == (best["step"], best["value"])
    assert record["best"]["chosen_by"]["step"] == best["step"] == record["best"]["model"]["step"]
    assert record["model"]["step"] == 6 and record["best"]["examples"] == 20
    names = set()
    for path in (directory.path / "tensorboard/validation").iterdir():
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            names |= {value.tag for value in event.summary.value}
    assert {"adv_accuracy", "trained/main/clean", "average/main/validation/pgd"} <= names


def interrupted(monkeypatch, owner, name, at):
    """Makes a function raise `Interrupted` at its n-th call, and be itself again after that."""
    original, calls = getattr(owner, name), []

    def broken(*arguments, **options):
        calls.append(arguments)
        if len(calls) == at:
            monkeypatch.setattr(owner, name, original)
            raise Interrupted(signal.SIGTERM, "here")
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, broken)


@pytest.mark.parametrize(
    "when",
    [
        "within the second validation",
        pytest.param("before its record", marks=pytest.mark.slow),
        pytest.param("before the best is noted", marks=pytest.mark.slow),
        pytest.param("before the save", marks=pytest.mark.slow),
    ],
)
def test_stopped_and_resumed_it_is_an_unbroken_run(whole, tmp_path, monkeypatch, when):
    directory, _, expected = whole
    stopped, folder = session_of(tmp_path / "run", *AVERAGED)
    evaluator = stopped.validations._validator._evaluator
    interrupted(
        monkeypatch,
        *{
            # Of the trained weights and of their average, at each.
            "within the second validation": (evaluator, "evaluate", 4),
            "before its record": (RunWriter, "validation", 2),
            "before the best is noted": (RunWriter, "best", 3),
            "before the save": (RunWriter, "save", 2),
        }[when],
    )
    with pytest.raises(Interrupted):
        stopped.run(folder)
    resumed, _ = session_of(tmp_path / "run", *AVERAGED)
    resumed.run(folder)
    for path, value in values(resumed.trainer).items():
        np.testing.assert_array_equal(value, expected[path])
    assert validations(folder) == validations(directory)
    assert best_of(folder.checkpoints_path) == best_of(directory.checkpoints_path)
    assert folder.results() == directory.results()


def with_values(session, found):
    """Gives a session's validations these values of the criterion, one after the other."""
    validator = session.validations._validator
    validate = type(validator).__call__

    class Given(type(validator)):
        def __call__(self, history):
            return validate(self, history) | {"value": found[len(history.rows)]}

    validator.__class__ = Given
    return session


def test_the_best_by_the_average_is_taken_with_the_average(tmp_path):
    bindings = (*ONE_STEP, "Training.average_decay = 0.5", "Validation.best_weights = 'average'")
    session, directory = session_of(tmp_path / "run", *bindings)
    session.run(directory)
    config.read([trained_run.config_file(directory.path)])
    plan = build_plan()

    def kernel(**chosen):
        return trained_run.load(directory.path, plan, **chosen).model.head.kernel.numpy()

    np.testing.assert_array_equal(
        kernel(checkpoint="best"), kernel(checkpoint="best", weights="average")
    )
    assert (kernel(checkpoint="best") != kernel(checkpoint="best", weights="trained")).any()
    np.testing.assert_array_equal(kernel(), kernel(weights="trained"))
    start = f"Experiment.initial_weights = '{directory.path}'"
    trainer = one_device(plan_of(start, "Experiment.initial_checkpoint = 'best'"))
    trainer.load_initial_weights()
    np.testing.assert_array_equal(trainer.model.head.kernel, kernel(checkpoint="best"))


EARLY = (*ONE_STEP, "Training.epochs = 6", "Validation.patience = 2")


def test_a_run_stops_without_a_better_validation_and_its_best_is_kept_and_used(tmp_path):
    session, directory = session_of(tmp_path / "run", *EARLY)
    record = with_values(session, [0.2, 0.5, 0.5, 0.4]).run(directory)
    assert record["stopped_early"]["step"] == 8
    assert "2 validation(s) without a better validation/pgd" in record["stopped_early"]["reason"]
    assert directory.starts()[-1]["stopped_early"] == record["stopped_early"]
    folder = directory.checkpoints_path
    assert sorted(p.name for p in folder.iterdir()) == [
        "best-validation_pgd-main-trained.json",
        *("step-4", "step-6", "step-8"),
    ]
    best = read_model(folder, checkpoint="best")
    np.testing.assert_equal(best, read_model(folder, checkpoint="4"))
    assert any((best[path] != value).any() for path, value in read_model(folder).items())
    again, _ = session_of(tmp_path / "run", *EARLY)  # which stopped before its results
    assert again.run(directory)["stopped_early"] == record["stopped_early"]

    config.read([trained_run.config_file(directory.path)])
    plan = build_plan()
    found = trained_run.load(directory.path, plan, checkpoint="best")
    assert (found.step, found.describe()["checkpoint"]) == (4, "best")
    assert found.results == record["best"]
    assert found.weights == "trained"
    identity.check_results(found)
    assert trained_run.load(directory.path, plan, checkpoint="6").results is None
    start = f"Experiment.initial_weights = '{directory.path}'"
    trainer = one_device(plan_of(start, "Experiment.initial_checkpoint = 'best'"))
    trainer.load_initial_weights()
    for path, value in values(trainer).items():
        np.testing.assert_array_equal(value, best[path])


@pytest.mark.slow
def test_validation_changes_nothing_about_training(tmp_path):
    """On images of another set, with statistics of each replica's own."""
    tf.config.run_functions_eagerly(False)  # which can't gather of several replicas
    other = ("Validation.images = 0", "Validation.dataset = 'synthetic'", "Training.epochs = 2")
    local = (*ONE_STEP, *other, "NormPolicy.across_replicas = 'local'")
    off = ("Validation.every_epochs = 0", "Validation.dataset = None")
    found = []
    for number, bindings in enumerate((local, (*local, *off))):
        session, directory = session_of(tmp_path / f"{number}", *bindings, trainer=mirrored)
        session.run(directory)
        found.append(values(session.trainer))
        assert [row["step"] for row in validations(directory)] == ([] if number else [3, 6])
    tf.config.run_functions_eagerly(True)
    for path, value in found[0].items():
        np.testing.assert_array_equal(value, found[1][path])
