"""A run that resumes on other devices, or divided otherwise, is the same run, or refused."""

import json

import numpy as np
import pytest
from shared.smoke_trainers import make_plan, mirrored, one_device, values

from tfadv import config
from tfadv.errors import UserError
from tfadv.interruption import Interrupted
from tfadv.runs import division
from tfadv.runs.run_directory import RunDirectory
from tfadv.training.session import Session
from tfadv.training.trainer import Trainer
from tfadv.training.training_step import TrainingStep

THREE_EPOCHS = ("Training.epochs = 3", "Evaluation.attacks = ()")
GHOSTS = "NormPolicy.ghost_batch_size = 4"
SYNC = "NormPolicy.across_replicas = 'sync'"
PORTIONS = "Training.micro_batch_size = 4"


def start(path, recipe, *bindings, on=one_device, until=None):
    """Starts a run, or resumes it, as the command does; stops it at a step if there is one."""
    plan = make_plan(recipe, *THREE_EPOCHS, *bindings)
    trainer = on(plan)
    directory = RunDirectory(path)
    read = config.read([f"gin/{recipe}.gin", "gin/scale/smoke.gin"], [*THREE_EPOCHS, *bindings])
    directory.check(read)
    if directory.has_checkpoint:
        division.check(path, directory.starts(), trainer.train_step.division)
    directory.claim(read, ["CPU"], 0, division=trainer.train_step.division)
    if until:
        stop_after(trainer, until)
        with pytest.raises(Interrupted):
            Session(trainer).run(directory)
    else:
        Session(trainer).run(directory)
    return values(trainer)


def stop_after(trainer: Trainer, step: int) -> None:
    steps = trainer.steps

    def stopped(stops):
        for metrics in steps(stops):
            yield metrics
            if metrics["step"] == step:
                raise Interrupted(15, "")

    trainer.steps = stopped


@pytest.mark.parametrize(
    ("recipe", "before", "after"),
    [
        pytest.param("gn", (mirrored, (PORTIONS,)), (one_device, ()), marks=pytest.mark.slow),
        pytest.param("mbn_alp", (one_device, ()), (mirrored, (PORTIONS,)), marks=pytest.mark.slow),
    ],
)
def test_another_division_gives_the_same_weights(tmp_path, recipe, before, after):
    science = () if recipe == "gn" else (GHOSTS,)
    expected = start(tmp_path / "whole", recipe, *science)
    (on, bindings), (then_on, then) = before, after
    start(tmp_path / "run", recipe, *science, *bindings, on=on, until=2)
    found = start(tmp_path / "run", recipe, *science, *then, on=then_on)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5, rtol=0, err_msg=name)
    first, second = json.loads((tmp_path / "run" / "run.json").read_text())["starts"]
    assert first["replicas"] * second["replicas"] == 2
    assert second["micro_batches"] == (2 if then else 1)
    assert first["statistics_of"] == second["statistics_of"]
    assert "changed" not in first
    changed = [["unset", "4"]] if then else [["4", "unset"]]
    assert [*second["changed"].values()] == changed
    assert [*second["changed"]] == ["Training.micro_batch_size"]


@pytest.mark.slow
def test_a_run_resumes_with_recomputed_blocks_and_the_same_weights(tmp_path):
    expected = start(tmp_path / "whole", "mbn_alp")
    start(tmp_path / "run", "mbn_alp", until=2)
    found = start(tmp_path / "run", "mbn_alp", "Training.recompute = 'blocks'")
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_another_division_of_the_images_that_share_statistics_is_refused(tmp_path):
    start(tmp_path, "mbn", until=2)
    with pytest.raises(UserError, match=r"of 16 images, and 2 replica\(s\) with 1 micro-batch"):
        start(tmp_path, "mbn", on=mirrored)
    with pytest.raises(UserError, match="make that 4 images, another experiment"):
        start(tmp_path, "mbn", PORTIONS)


DROPOUT = (
    "Experiment.model = 'vit'",
    "Experiment.norm = 'layer_norm'",
    *("ViT.blocks = 1", "ViT.width = 8", "ViT.heads = 2", "ViT.patch = 4", "ViT.dropout = 0.5"),
)


EIGHT = "Training.micro_batch_size = 8"


def test_another_division_of_the_images_that_dropout_draws_for_is_refused(tmp_path):
    trainer, other = (one_device(make_plan("gn", *DROPOUT, *of)) for of in ((), (EIGHT,)))
    whole, portions = trainer.train_step.division, other.train_step.division
    refused = "drawn at once for 8 images, and 1 replica.* make that 16 images, another experiment"
    with pytest.raises(UserError, match=refused):
        division.check(tmp_path, [portions], whole)
    step = TrainingStep(trainer.plan, trainer.model, trainer.optimizer, replicas=2)
    assert step.draws_of == "8 images" and whole["draws_of"] == "16 images"
    without = one_device(make_plan("gn", EIGHT)).train_step
    assert without.division["draws_of"] == "no images"
    older = {key: value for key, value in portions.items() if key != "draws_of"}
    division.check(tmp_path, [older], whole)


@pytest.mark.slow
def test_dropout_is_the_same_for_as_many_portions_on_other_devices():
    """Two portions on one device, and one on each of two: the step's loss tells its masks."""
    losses = [
        next(on(make_plan("gn", *DROPOUT, *of)).steps())["loss"]
        for on, of in ((one_device, (EIGHT,)), (mirrored, (EIGHT,)), (one_device, ()))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert losses[0] != pytest.approx(losses[2], rel=1e-3)


def test_what_is_no_matter_of_devices_stays_refused(tmp_path):
    start(tmp_path, "gn", until=2)
    with pytest.raises(UserError, match=r"another config \(PGD.steps: 2 → 3\)"):
        start(tmp_path, "gn", "PGD.steps = 3", PORTIONS, "Distribution.port = 9999")


@pytest.mark.parametrize(
    ("recipe", "bindings", "replicas", "found"),
    [
        ("mbn", (), 1, "16 images"),
        ("mbn", (), 4, "4 images"),
        ("mbn", (PORTIONS,), 2, "4 images"),
        ("mbn", (GHOSTS,), 2, "4 images"),
        ("mbn", (SYNC,), 2, "16 images"),
        (
            "mbn",
            (GHOSTS, "NormPolicy.across_replicas = 'local'"),
            2,
            "4 images, those of the first of 2 replica(s) kept",
        ),
        (
            "mbn",
            (SYNC, "NormPolicy.attack_statistics = 'batch'"),
            2,
            "16 images, 8 images in the attack",
        ),
        ("gn", (), 2, "no images"),
    ],
)
def test_what_batch_statistics_are_of(recipe, bindings, replicas, found):
    plan = make_plan(recipe, *bindings)
    trainer = one_device(plan)
    step = TrainingStep(plan, trainer.model, trainer.optimizer, replicas)
    assert step.statistics_of == found
