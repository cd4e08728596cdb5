"""A run that goes on in another folder: equal to going on by hand, and refused where it can't."""

import hashlib
import json
import shutil

import numpy as np
import pytest
from shared.smoke_trainers import ONE_EPOCH, SMOKE, one_device, values

from tfadv import config
from tfadv.errors import UserError
from tfadv.planning.plan import build_plan
from tfadv.runs.checkpoints import Checkpoints, read_tensors, values_of
from tfadv.runs.rate_factors import KEY as FACTOR
from tfadv.runs.run_directory import RunDirectory
from tfadv.training.continuation import KEY, Continuation, began_at, check_begun
from tfadv.training.session import Session

BINDINGS = ("Experiment.deterministic = True", *ONE_EPOCH, "Training.epochs = 2")
BINDINGS += ("Training.average_decay = 0.9", "Evaluation.attacks = ()")
BINDINGS += ("Training.steps_per_call = 1",)


def planned(files, bindings):
    read = config.read([str(file) for file in files], bindings)
    return read, build_plan(read)


def claim(directory, read):
    directory.claim(read, ["CPU"], 0)


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """Returns the folder of a run of two epochs of two steps, done."""
    directory = RunDirectory(tmp_path_factory.mktemp("runs") / "old")
    read, plan = planned(["gin/mbn.gin", SMOKE], BINDINGS)
    claim(directory, read)
    Session(one_device(plan)).run(directory)
    return directory


def gone_on(old, new, *bindings):
    """Returns the trainer of a run that went on in the folder `new`, at its end."""
    read, plan = planned([old.path / "config.gin"], bindings)
    trainer, continuation = one_device(plan), Continuation(old, new, read)
    taken = continuation.take_over(trainer)
    claim(new, read)
    new.note_start(**taken)
    continuation.save(trainer)
    Session(trainer).run(new)
    return trainer


def averages(trainer):
    return {path: np.array(value) for path, value in trainer.average.by_path().items()}


def assert_equal(first, second):
    """Asserts that two trainers keep the same, to the last bit."""
    np.testing.assert_equal(values(first), values(second))
    np.testing.assert_equal(averages(first), averages(second))
    for one, other in zip(first.optimizer.variables, second.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one, other)


def test_more_epochs_are_what_the_longer_run_would_have_done(old, tmp_path):
    before = digest(old.path)
    longer = gone_on(old, RunDirectory(tmp_path / "new"), "Training.epochs = 3")
    _, plan = planned(["gin/mbn.gin", SMOKE], [*BINDINGS, "Training.epochs = 3"])
    whole = one_device(plan)
    list(whole.steps())
    assert longer.step == whole.step == 6
    assert_equal(longer, whole)
    assert digest(old.path) == before
    (start,) = RunDirectory(tmp_path / "new").starts()
    assert start[KEY]["path"] == str(old.path.resolve())
    assert (start[KEY]["step"], start[KEY]["as_step"]) == (4, 4)
    assert start[KEY]["changed"] == {"Training.epochs": ["2", "3"]}
    assert [began_at(run) for run in (old, RunDirectory(tmp_path / "new"))] == [0, 4]


@pytest.mark.usefixtures("op_by_op")
def test_another_batch_and_rate_go_on_from_the_same_epoch(old, tmp_path):
    """Against a trainer whose variables are set by hand."""
    bindings = ("Training.epochs = 3", "Training.batch_size = 8", "StepDecay.boundaries = (1,)")
    found = gone_on(old, RunDirectory(tmp_path / "new"), *bindings)
    _, plan = planned([old.path / "config.gin"], bindings)
    by_hand = one_device(plan)
    step, tensors = read_tensors(old.checkpoints_path, old.bound_to())
    for part, variables in (
        ("model", by_hand.model.variables),
        ("optimizer", by_hand.optimizer.variables),
    ):
        for variable in variables:
            variable.assign(values_of(tensors, part)[variable.path])
    for path, variable in by_hand.average.by_path().items():
        variable.assign(values_of(tensors, "average")[path])
    assert step == 4 and plan.steps_per_epoch == 4
    by_hand.optimizer.iterations.assign(8)  # the end of the second epoch
    list(by_hand.steps())
    assert found.step == by_hand.step == 12
    assert_equal(found, by_hand)


def digest(folder):
    """Returns a digest of every file in a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(bytes(f) + f.read_bytes() for f in files)).hexdigest()


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        (["Experiment.optimizer = 'AdamW'", "Training.weight_decay = 0.0"], "Experiment.optimizer"),
        (["momentum_sgd.rate_in = 'velocity'"], "another momentum_sgd.rate_in"),
        (["Experiment.norm = 'batch_norm'"], "another Experiment.norm .* Experiment.initial_w"),
        (["ResNet.width = 8"], "another ResNet.width"),
        (["synthetic.classes = 5"], "its 'head/.*' is of the shape .*4.*, not .*5"),
        (["Training.epochs = 2"], "leave nothing to train: '.*old' has done 2"),
    ],
)
def test_what_cannot_go_on_is_one_line_and_writes_nothing(old, tmp_path, bindings, message):
    new = RunDirectory(tmp_path / "new")
    read, plan = planned([old.path / "config.gin"], ["Training.epochs = 3", *bindings])
    trainer = one_device(plan)
    start = values(trainer)
    with pytest.raises(UserError, match=message) as caught:
        Continuation(old, new, read).take_over(trainer)
    assert "\n" not in caught.value.message
    assert not new.path.exists()
    np.testing.assert_equal(values(trainer), start)


def test_within_an_epoch_its_steps_cannot_change(old, tmp_path):
    copy = RunDirectory(shutil.copytree(old.path, tmp_path / "old"))
    read, plan = planned([old.path / "config.gin"], ["Training.epochs = 3"])
    trainer = one_device(plan)
    Continuation(copy, RunDirectory(tmp_path / "new"), read).take_over(trainer)
    trainer.optimizer.iterations.assign(5)
    checkpoints = (trainer.model, trainer.optimizer, trainer.average, copy.bound_to())
    Checkpoints(copy.checkpoints_path, *checkpoints).save()
    assert Continuation(copy, RunDirectory(tmp_path / "new"), read).take_over(trainer)
    assert trainer.step == 5  # with as many steps an epoch it can
    read, plan = planned(
        [old.path / "config.gin"], ["Training.epochs = 4", "Training.batch_size = 8"]
    )
    with pytest.raises(UserError, match=r"other steps \(2 an epoch → 4\), and it is at step 1 of"):
        Continuation(copy, RunDirectory(tmp_path / "new"), read).take_over(one_device(plan))


def test_factors_of_the_rate_come_along_in_the_new_runs_steps(old, tmp_path):
    copy = RunDirectory(shutil.copytree(old.path, tmp_path / "old"))
    copy.note_start(**{FACTOR: {"from_step": 3, "factor": 0.5}})
    bindings = ["Training.epochs = 3", "Training.batch_size = 8"]
    read, plan = planned([old.path / "config.gin"], bindings)
    taken = Continuation(copy, RunDirectory(tmp_path / "new"), read).take_over(one_device(plan))
    assert taken[FACTOR] == {"from_step": 8, "factor": 0.5}


def test_an_average_begins_where_there_was_none(old, tmp_path):
    bindings = ["Training.epochs = 3", "Training.average_decay = None"]
    bindings += ["Training.average_from_epoch = 2"]
    read, plan = planned([old.path / "config.gin"], bindings)
    trainer = one_device(plan)
    Continuation(old, RunDirectory(tmp_path / "new"), read).take_over(trainer)
    step, tensors = read_tensors(old.checkpoints_path, old.bound_to())
    np.testing.assert_equal(averages(trainer), values_of(tensors, "average"))  # which it had


def test_a_folder_that_began_otherwise_is_refused(old, tmp_path):
    read, _ = planned([old.path / "config.gin"], [])
    with pytest.raises(UserError, match="must be another folder than --model_dir"):
        Continuation(old, RunDirectory(old.path), read)
    other = RunDirectory(shutil.copytree(old.path, tmp_path / "other"))
    with pytest.raises(UserError, match="holds a run that did not begin from"):
        Continuation(old, other, read)


def test_what_was_stopped_before_it_was_saved_does_not_begin_anew(old, tmp_path):
    new = RunDirectory(tmp_path / "new")
    read, _ = planned([old.path / "config.gin"], [])
    claim(new, read)
    new.note_start(**{KEY: {"path": str(old.path)}})
    with pytest.raises(UserError, match="give --model_dir=.*old --resume_as=.*new once more"):
        check_begun(new)
    assert json.loads((new.path / "run.json").read_text())["starts"]
