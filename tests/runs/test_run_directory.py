"""The folder of a run: its name, and the configuration that it is bound to."""

from pathlib import Path

import pytest
from shared.smoke_trainers import SMOKE

from tfadv import config
from tfadv.errors import UserError
from tfadv.runs.run_directory import RunDirectory, default_path


def test_another_config_in_a_run_directory_is_refused(tmp_path):
    directory = RunDirectory(tmp_path / "run")
    read = config.read(["gin/mbn.gin"])
    directory.check(read)
    directory.claim(read, ["CPU"], seed=0)
    directory.check(config.read(["gin/scale/digits.gin", "gin/mbn.gin"]))
    with pytest.raises(UserError, match=r"another config \(PGD.steps: 10 → 12\)"):
        directory.check(config.read(["gin/mbn.gin"], ["PGD.steps = 12"]))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="holds no run"):
        RunDirectory(tmp_path / "other").check(read)


def test_metrics_that_are_not_finite_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        RunDirectory(tmp_path).append_metrics({"loss": float("inf")})


def test_default_folders_differ_where_the_runs_do():
    read = config.read(["gin/scale/smoke.gin", "gin/mbn.gin"])
    assert default_path(read, []) == Path("runs/mbn-smoke")
    assert default_path(read, ["PGD.steps = 3"]) == Path("runs/mbn-smoke-PGD.steps=3")
    assert default_path(config.read(["gin/mbn.gin"]), []) == Path("runs/mbn-digits")


def test_long_names_of_different_runs_differ():
    read = config.read(["gin/clean.gin", SMOKE])
    bindings = [f"ResNet.blocks = {tuple(range(1, 80))}", "Experiment.seed = 1"]
    one, other = default_path(read, bindings), default_path(read, [*bindings[:1], "PGD.steps = 3"])
    assert one != other and max(len(one.name), len(other.name)) <= 200
    assert one == default_path(read, bindings)
