"""Runs that are validated on their way: the same whatever ends them, the best kept, or stopped."""

import json

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import mirrored, values
from shared.validated_runs import session_of, validations

from tfadv import config
from tfadv.errors import UserError
from tfadv.interruption import Interrupted
from tfadv.planning.plan import build_plan
from tfadv.runs import trained_run
from tfadv.runs.checkpoints import read_model
from tfadv.runs.chosen_step import best_of
from tfadv.training.session import Session
from tfadv.training.trainer import Trainer

# By clean accuracy of 16 images, and with an average.
AVERAGED = ("Training.average_decay = 0.5",)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Returns an unbroken run: its folder, record and weights."""
    session, directory = session_of(tmp_path_factory.mktemp("whole") / "run", *AVERAGED)
    record = session.run(directory)
    return directory, record, values(session.trainer)


def with_values(session, found):
    """Makes the criterion of a session's validations take given values, one after the other."""
    validate = session.validations._validator.__call__

    class Found:
        def __getattr__(self, name):
            return getattr(session.validations._validator_before, name)

        def __call__(self, history):
            return validate(history) | {"value": found[len(history.rows)]}

    session.validations._validator_before = session.validations._validator
    session.validations._validator = Found()
    return session


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


@pytest.mark.parametrize("when", ["at the second validation", "before its record", "after it"])
def test_stopped_and_resumed_it_is_an_unbroken_run(whole, tmp_path, monkeypatch, when):
    directory, _, expected = whole
    stopped, folder = session_of(tmp_path / "run", *AVERAGED)
    owner, name = {
        "at the second validation": (stopped.validations._validator._evaluator, "evaluate"),
        "before its record": (stopped.validations, "note_best"),
        "after it": (type(folder), "append_metrics"),
    }[when]
    original, calls = getattr(owner, name), []

    def broken(*arguments, **options):
        calls.append(arguments)
        is_second = len(calls) == 3 if when == "at the second validation" else False
        if when == "before its record":
            is_second = len(calls) == 3  # once at the start, once for the first
        if when == "after it":
            is_second = options.get("lasting") and arguments[1]["step"] == 4
        if is_second:
            monkeypatch.setattr(owner, name, original)
            raise Interrupted(15, "here")
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, broken)
    with pytest.raises(Interrupted):
        stopped.run(folder)
    resumed, _ = session_of(tmp_path / "run", *AVERAGED)
    resumed.run(folder)
    for path, value in values(resumed.trainer).items():
        np.testing.assert_array_equal(value, expected[path])
    assert validations(folder) == validations(directory)
    assert best_of(folder.checkpoints_path) == best_of(directory.checkpoints_path)
    assert json.dumps(folder.results()) == json.dumps(directory.results())
