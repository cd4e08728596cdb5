"""Traced calls are cut by the grace, which changes no number."""

import json

import numpy as np
import tensorflow as tf
from shared.smoke_trainers import claimed, make_plan, one_device, values

from tfadv.devices.workers import Workers
from tfadv.training.call_length import CallLength
from tfadv.training.session import Session

EIGHT_STEPS = ("Training.epochs = 2", "Training.batch_size = 8", "Training.steps_per_call = 4")
EIGHT_STEPS += ("Evaluation.attacks = ()",)
LONG, SHORT = (("Training.grace_seconds = 1e6",), ("Training.grace_seconds = 0.001",))


def test_a_call_lasts_a_quarter_of_the_grace(capsys):
    length = CallLength(30.0, Workers(tf.distribute.get_strategy()))
    assert length.most == 1  # nothing is known
    length.note(1, 75.0)  # it was compiled, too
    assert length.most == 1 and not capsys.readouterr().err
    length.note(1, 1.5)
    assert length.most == 5
    length.note(5, 5 * 5.6)
    assert length.most == 1
    for _ in range(2):
        length.note(1, 40.0)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: a step takes 40 s: ") and "Training.grace_seconds" in line


def test_where_calls_are_cut_changes_no_bit(tmp_path):
    found = {}
    for name, bindings in (("long", LONG), ("cut", SHORT)):
        trainer = one_device(make_plan("mbn_alp", *EIGHT_STEPS, *bindings))
        lengths = []
        note = trainer._call_length.note

        def noting(steps, seconds, note=note, lengths=lengths):
            lengths.append(steps)
            note(steps, seconds)

        trainer._call_length.note = noting
        results = Session(trainer).run(claimed(tmp_path / name))
        lines = [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").open()]
        timed = ("images_per_second", "input_wait")
        lines = [{k: v for k, v in line.items() if k not in timed} for line in lines]
        (call,) = trainer._train_calls.values()
        assert call.traced.experimental_get_tracing_count() == 1
        found[name] = lengths, lines, results, values(trainer)
    assert found["long"][0] == [1, 3, 4]
    assert found["cut"][0] == [1] * 8
    assert found["cut"][1:3] == found["long"][1:3]
    assert [line["step"] for line in found["long"][1]] == [4, 8]
    for name, value in found["long"][3].items():
        np.testing.assert_array_equal(found["cut"][3][name], value)
