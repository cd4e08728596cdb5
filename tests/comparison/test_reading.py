"""What is compared is what lies on disk."""

import json

import numpy as np
import pytest
from shared.evaluation_records import bare_record, pgd

from tfadv.comparison.reading import sides_of
from tfadv.comparison.sides import warnings
from tfadv.errors import UserError
from tfadv.evaluation.outcome_log import OutcomeLog
from tfadv.evaluation.predictions import predictions_path
from tfadv.files import write_record
from tfadv.plots.curves import attack_key


def written(path, predictions=True, configuration="PGD.steps = 10\n"):
    """Writes a record of four images, and what lies beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    record = bare_record("main") | {"examples": 4}
    write_record(path, record)
    if predictions:
        label, clean = np.array([0, 1, 2, 0]), np.array([[0, 1, 2, 1]])
        attacks = np.array([[0, 0, 0, 0]])
        content = {"index": np.arange(4), "label": label, "clean": clean, "attacks": attacks}
        np.savez(predictions_path(path), **content)
    OutcomeLog(path.with_suffix(".images.jsonl"), {"configuration": configuration})
    return str(path)


def test_a_record_with_all_that_lies_beside_it(tmp_path):
    first, second = sides_of(
        [written(tmp_path / "a.json"), written(tmp_path / "b.json", predictions=False)], []
    )
    assert (first.name, second.name) == ("a", "b")
    assert first.bindings == second.bindings == {"PGD.steps": "10"}
    (attack,) = first.record["attacks"]
    assert first.right["main", "clean"].tolist() == [True, True, True, False]
    assert first.right["main", attack_key(attack)].tolist() == [True, False, False, True]
    assert second.images is None and not second.right
    assert not warnings([first, second])


def test_results_of_runs(tmp_path):
    for name in ("one", "two"):
        run = tmp_path / name
        write_record_of_run(run)
    first, second = sides_of([], [str(tmp_path / "one"), str(tmp_path / "two")])
    assert (first.name, second.name) == ("one", "two")
    assert first.bindings == {"Training.epochs": "3"}
    assert first.record["provenance"] == {
        "run": str(tmp_path / "one"),
        "trained": "2026-11-02",
        "trained_commit": "abc",
        "images": {"examples": 500, "pixels": "p"},
    }
    named = sides_of([str(tmp_path / "one/results.json")], [str(tmp_path / "two")])
    assert [one.record for one in named] == [first.record, second.record]


def write_record_of_run(run):
    run.mkdir()
    write_record(run / "results.json", bare_record("main"))
    (run / "config.gin").write_text("Training.epochs = 3\n")
    starts = [{"time": "2026-11-02T10:00:00+00:00", "git_commit": "abc"}]
    images = {"examples": 500, "pixels": "p", "times": "t"}
    write_record(run / "run.json", {"data": {"test": images}, "starts": starts})


def test_names_are_as_short_as_they_can_be(tmp_path):
    paths = [written(tmp_path / f"{run}/evaluation.json") for run in ("a", "b")]
    assert [side.name for side in sides_of(paths, [])] == ["a/evaluation", "b/evaluation"]
    paths = [written(tmp_path / f"{run}/x/evaluation.json") for run in ("a", "b")]
    assert [side.name for side in sides_of(paths, [])] == paths


def test_what_can_not_be_read_is_refused(tmp_path):
    path = written(tmp_path / "a.json")
    other = written(tmp_path / "b.json")
    (tmp_path / "list.json").write_text(json.dumps([1]))
    for records, runs, message in (
        ([path], [], "name two or more to compare"),
        ([path, str(tmp_path / "../" / tmp_path.name / "a.json")], [], "is given twice"),
        ([path, "nowhere.json"], [], "--record: there is no 'nowhere.json'"),
        ([path, str(tmp_path)], [], "is a folder: name a record, or take --model_dir"),
        ([path, str(tmp_path / "list.json")], [], "it is no whole JSON record"),
        ([path], [str(tmp_path)], "is no folder of a finished run"),
    ):
        with pytest.raises(UserError, match=message):
            sides_of(records, runs)
    record = bare_record("main") | {"examples": 4}
    record["attacks"].append(pgd("main", 20, 0.1))
    write_record(tmp_path / "b.json", record)
    with pytest.raises(UserError, match=r"b.predictions.npz' belongs to another record"):
        sides_of([path, other], [])
