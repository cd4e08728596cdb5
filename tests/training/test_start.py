"""A run's start and its next ones: what they take for 'auto', say of it and note."""

import json

import pytest
from shared.measured_dtypes import ATTACK, AUTO
from shared.smoke_trainers import SMOKE

from tfadv import config
from tfadv.planning.plan import build_plan
from tfadv.runs.checkpoints import Checkpoints
from tfadv.runs.run_directory import RunDirectory
from tfadv.training import start
from tfadv.training.continuation import Continuation

BINDINGS = ("ResNet.blocks = (1,)", "Distribution.kind = 'one_device'")


class Saves:
    """Does no more of a run than to save where it is."""

    def __init__(self, trainer, listeners):
        self.trainer = trainer

    def run(self, directory, rate_factor):
        model, optimizer = self.trainer.model, self.trainer.optimizer
        bound_to, path = directory.bound_to(), directory.checkpoints_path
        Checkpoints(path, model, optimizer, None, bound_to).save()
        training, evaluation = self.trainer.plan.training, self.trainer.plan.evaluation
        return [training.dtype, training.attack_dtype, evaluation.dtype]


class Said:
    """What a start says.

    Attributes:
        notes: the lines to be known.
    """

    def __init__(self):
        self.notes = []

    def note(self, lines):
        self.notes += lines

    def say(self, line):
        """Is of no interest."""

    warn = silence = say


@pytest.fixture(autouse=True)
def saves(monkeypatch):
    """Lets no run do more than save."""
    monkeypatch.setattr(start, "Session", Saves)


def started(folder, *bindings, old=None):
    """Starts a run in a folder.

    Returns:
        The dtypes that it computes in, the folder's `RunDirectory`, and what was said.
    """
    files = ["gin/gn.gin", SMOKE] if old is None else [str(old.path / "config.gin")]
    read = config.read(files, bindings)
    directory, said = RunDirectory(folder), Said()
    continuation = old and Continuation(old, directory, read)
    return start.train(read, build_plan(read), directory, said, continuation), directory, said.notes


def test_a_run_keeps_what_it_took_on_another_machine(machine, tmp_path):
    dtypes, directory, notes = started(tmp_path, *BINDINGS, *AUTO)
    assert dtypes == ["bfloat16"] * 3 and len(machine.asked) == 2 and len(notes) == 3
    noted = directory.precision()
    assert noted["Training.dtype"]["measured"]["seconds"] == {"float32": 0.2, "bfloat16": 0.1}
    for one in noted.values():
        one["measured"]["device"] = "Old One"
    directory.note(precision=noted)
    machine.faster = "float32"
    dtypes, directory, notes = started(tmp_path, *BINDINGS, *AUTO)
    assert dtypes == ["bfloat16"] * 3 and directory.precision() == noted
    assert len(machine.asked) == 2 and len(notes) == 3
    assert all("; kept, though this is " in line for line in notes)


def test_a_run_that_goes_on_elsewhere_keeps_it_too_unless_it_binds_one(machine, tmp_path):
    _, old, _ = started(tmp_path / "old", *BINDINGS, *AUTO, "Training.epochs = 3")
    bound = ("Training.dtype = 'float32'", "Evaluation.dtype = 'float32'")
    # Of a run that has not trained, metrics don't tell the steps of an epoch.
    old.append_metrics({"step": 1, "epoch": 0.5})
    machine.faster = "float32"
    dtypes, new, (line,) = started(tmp_path / "new", *bound, old=old)
    assert dtypes == ["float32", "bfloat16", "float32"] and len(machine.asked) == 2
    assert new.precision().keys() == {"Training.attack_dtype"}
    assert line.startswith("Training.attack_dtype = 'auto' is bfloat16: a gradient of")


def test_a_run_that_binds_all_notes_nothing(machine, tmp_path):
    dtypes, _, notes = started(tmp_path, *BINDINGS)
    assert dtypes == ["float32"] * 3 and machine.asked == notes == []
    assert "precision" not in json.loads((tmp_path / "run.json").read_text())


def test_a_run_of_a_release_that_noted_nothing_goes_on_as_it_began(machine, tmp_path):
    started(tmp_path, *BINDINGS, ATTACK)
    path = tmp_path / "run.json"
    record = json.loads(path.read_text())
    del record["precision"], record["digest"]
    record["starts"][0]["processor"] = "Old One with AMX, 2 cores"
    path.write_text(json.dumps(record))
    machine.faster = "float32"
    for _ in range(2):
        dtypes, directory, (line,) = started(tmp_path, *BINDINGS, ATTACK)
        assert dtypes == ["float32", "bfloat16", "float32"] and len(machine.asked) == 1
        assert "earlier releases" in line
        assert directory.precision()["Training.attack_dtype"]["dtype"] == "bfloat16"
