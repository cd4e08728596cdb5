"""Trackers are told of each step once, whatever is killed, resumed, exchanged or broken."""

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import claimed

from tfadv import config, plots
from tfadv.errors import UserError
from tfadv.planning.plan import build_plan
from tfadv.plots import style
from tfadv.registry import TRACKERS
from tfadv.runs import division
from tfadv.runs.run_directory import RunDirectory
from tfadv.runs.tracking import Tracking
from tfadv.trackers import Tracker
from tfadv.trackers.tensorboard import TensorBoard


class Kept(Tracker):
    """Keeps what it is told in a list that outlives it; fails from a step on."""

    def __init__(self, told, fails_at=None, refuses=False):
        self.told, self.fails_at, self.refuses = told, fails_at, refuses

    def begin(self, run):
        if self.refuses:
            raise ConnectionError("no server\nanywhere")
        self.told.append(("begin", run.id))
        return run.id or "the id"

    def metrics(self, step, values):
        if step == self.fails_at:
            raise TimeoutError("gone")
        self.told.append((step, values["loss"]))

    def validation(self, step, values):
        self.told.append((step, values))

    def alarm(self, step, line):
        self.told.append((step, line))

    def image(self, step, title, picture):
        self.told.append((step, picture))

    def end(self, status):
        self.told.append(("end", status))


@pytest.fixture
def directory(tmp_path):
    return claimed(tmp_path / "run")


def line(step):
    return {"step": step, "epoch": step / 10, "loss": 1 / step}


def validation(step):
    accuracy = {"trained": {"main": {"clean": step / 100, "v/pgd": 0.1}}}
    return {"kind": "validation", "step": step, "accuracy": accuracy}


class Strategy:
    """Of adversarial images alone."""

    kinds = attacked_kinds = {"adv": "main"}


def process(directory, trackers, start, end, last=None):
    """Is one process of a run: from a step to another, killed after `last`."""
    tracking = Tracking(trackers, directory, Strategy())
    tracking.begin(start)
    directory.forget_metrics_after(start)
    for step in range(start + 10, end + 1, 10):
        directory.append_metrics(line(step))
        tracking.metrics(line(step))
        if step % 20 == 0:
            directory.append_metrics(validation(step))
            tracking.validation(validation(step), ["collapse"])
        if step == last:
            return
    tracking.end("stopped")


def steps(told):
    return [step for step, value in told if isinstance(step, int) and isinstance(value, float)]


def test_steps_done_again_are_told_once(directory):
    """Killed at 50, resumed at 20, killed at 40, resumed at 20 again."""
    told = []
    process(directory, {"kept": Kept(told)}, 0, 60, last=50)
    process(directory, {"kept": Kept(told)}, 20, 60, last=40)
    process(directory, {"kept": Kept(told)}, 20, 80)
    assert steps(told) == [10, 20, 30, 40, 50, 60, 70, 80]
    assert [at for at, what in told if what == "collapse"] == [20, 40, 60, 80]
    assert [what for name, what in told if name == "begin"] == [None, "the id", "the id"]
    assert directory.tracked()["kept"]["id"] == "the id"


def test_a_validation_that_a_kill_prevented_is_told(directory):
    told = []
    tracking = Tracking({"kept": Kept(told)}, directory, Strategy())
    tracking.begin(0)
    directory.append_metrics(line(20))
    tracking.metrics(line(20))
    tracking = Tracking({"kept": Kept(told)}, directory, Strategy())
    tracking.begin(20)
    tracking.validation(validation(20), [])
    assert told[-1][0] == 20 and steps(told) == [20]


@pytest.mark.parametrize("epsilon", [16.0, 0.0])
def test_the_strip_is_the_one_of_the_plots(directory, epsilon):
    """Once a step, whoever does it again."""
    clean = np.random.default_rng(0).uniform(0, 255, (3, 5, 5, 3)).astype("float32")
    told = []
    for start in (0, 10):
        tracking = Tracking({"kept": Kept(told)}, directory, Strategy())
        tracking.begin(start)
        tracking.strip(20, tf.constant(clean), tf.constant(clean + 8), epsilon)
        directory.append_metrics(line(20))
    ((_, picture),) = [(step, value) for step, value in told if isinstance(value, np.ndarray)]
    expected = style.pixels(plots.adversarial_strip(clean, clean + 8, epsilon or None))
    np.testing.assert_array_equal(picture, expected)


def test_a_tracker_that_comes_later_or_comes_back_is_told_what_it_missed(directory):
    first, second = [], []
    process(directory, {"first": Kept(first)}, 0, 40)
    process(directory, {"second": Kept(second)}, 40, 60)
    process(directory, {"first": Kept(first), "second": Kept(second)}, 60, 80)
    for told in (first, second):
        assert steps(told) == [10, 20, 30, 40, 50, 60, 70, 80]
        validated = [step for step, value in told if isinstance(value, dict)]
        assert validated == [20, 40, 60, 80]


def test_a_tracker_that_fails_is_left_alone_and_told_when_the_run_resumes(directory, capsys):
    broken, whole = [], []
    trackers = {"broken": Kept(broken, fails_at=30), "whole": Kept(whole)}
    process(directory, trackers, 0, 50)
    first, last = capsys.readouterr().err.strip().splitlines()
    assert first.startswith("warning: the tracker 'broken' failed at step 30 (TimeoutError: gone)")
    assert "the run goes on without it" in first and "knows nothing of the run since" in last
    assert steps(broken) == [10, 20] and steps(whole) == [10, 20, 30, 40, 50]
    assert broken[-1] != ("end", "stopped") == whole[-1]
    process(directory, {"broken": Kept(broken), "whole": Kept(whole)}, 50, 60)
    assert steps(broken) == steps(whole) == [10, 20, 30, 40, 50, 60]


def test_a_run_doesnt_begin_without_its_trackers_and_resumes_without(directory, capsys):
    refusal = "'kept' can't begin: ConnectionError: no server$"
    with pytest.raises(UserError, match=refusal):
        process(directory, {"kept": Kept([], refuses=True)}, 0, 20)
    told = []
    process(directory, {"kept": Kept(told)}, 0, 20)
    process(directory, {"kept": Kept(told, refuses=True)}, 20, 40)
    assert "the tracker 'kept' failed (ConnectionError: no server)" in capsys.readouterr().err
    process(directory, {"kept": Kept(told)}, 40, 60)
    assert steps(told) == [10, 20, 30, 40, 50, 60]


def test_a_run_of_before_goes_on_with_its_tensorboard(directory):
    """Its points, of which nothing was noted, aren't drawn again."""
    for step in (10, 20, 30):
        directory.append_metrics(line(step))
    board, late = [], []
    process(directory, {"tensorboard": Kept(board), "late": Kept(late)}, 20, 40)
    assert steps(board) == [40] and steps(late) == [10, 20, 30, 40]


def test_other_trackers_are_no_other_run(tmp_path, forget_plugins):
    @TRACKERS.register("mine")
    class Mine(TensorBoard):
        """A plugin's."""

    may, name = division.may_change, f"import {Mine.__module__}"
    assert may("Experiment.trackers") and may("MLflow.tracking_uri") and may("Mine.file")
    assert may("scope/WandB.project") and may(name)
    assert not may("Experiment.norm") and not may("import tfadv.attacks.pgd")
    files = ["gin/mbn_alp.gin", "gin/scale/smoke.gin"]
    RunDirectory(tmp_path / "run").claim(config.read(files), ["CPU"], 0)
    bindings = ["Experiment.trackers = ()", "MLflow.experiment = 'mine'"]
    RunDirectory(tmp_path / "run").check(config.read(files, bindings))
    with pytest.raises(UserError, match=r"another config \(PGD.steps: 2 → 3\)"):
        RunDirectory(tmp_path / "run").check(config.read(files, [*bindings, "PGD.steps = 3"]))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("('tensorbord',)", "no tracker is called 'tensorbord'.*Did you mean 'tensorboard'"),
        ("'mlflow'", "Experiment.trackers must be of type"),
        ("('mlflow', 'mlflow')", "Experiment.trackers must name trackers, each once"),
    ],
)
def test_wrong_trackers_are_refused(value, message):
    files = ["gin/clean.gin", "gin/scale/smoke.gin"]
    config.read(files, [f"Experiment.trackers = {value}"])
    with pytest.raises(UserError, match=message):
        build_plan()
