"""A whole training step against a re-derivation in float64, and its divisions of a batch."""

import dataclasses

import numpy as np
import pytest
from shared.smoke_trainers import batches, do_steps, make_plan, one_device, randomized, values
from shared.step_oracle import Oracle

from tfadv.errors import UserError


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("recipe", "mixture", "clean_ratio", "pairing"),
    [
        ("clean", False, None, 0.0),
        ("adv_100_clean_0_frozen", False, 0.0, 0.0),
        ("adv_100_clean_40", False, 0.4, 0.0),
        ("adv_100_clean_100", False, 1.0, 0.0),
        ("alp", False, 1.0, 0.5),
        ("mbn_frozen", True, 1.0, 0.0),
        ("mbn_alp_frozen", True, 1.0, 0.5),
    ],
)
def test_two_steps_equal_the_oracle(recipe, mixture, clean_ratio, pairing, late):
    require_the_oracle_s_steps(recipe, mixture, clean_ratio, pairing, late)


@pytest.mark.parametrize(
    ("recipe", "mixture", "clean_ratio", "pairing"),
    [("adv_100_clean_40", False, 0.4, 0.0), ("mbn_alp_frozen", True, 1.0, 0.5)],
)
def test_two_traced_steps_equal_the_oracle(recipe, mixture, clean_ratio, pairing):
    require_the_oracle_s_steps(recipe, mixture, clean_ratio, pairing, late=mixture)


def require_the_oracle_s_steps(recipe, mixture, clean_ratio, pairing, late):
    trainer = randomized(one_device(make_plan(recipe, "Training.epochs = 2")))
    frozen = late and recipe.endswith("_frozen")
    oracle = Oracle(trainer, mixture, frozen, clean_ratio, pairing)
    start = values(trainer)
    for batch in batches(trainer.plan, 2):
        expected_loss = oracle.step(batch)
    metrics = do_steps(trainer, 2, late)
    assert metrics["loss"] == pytest.approx(expected_loss, abs=1e-5)
    for path, value in values(trainer).items():
        np.testing.assert_allclose(value, oracle.values[path], atol=1e-5, rtol=0, err_msg=path)
    moved = max(np.abs(value - start[path]).max() for path, value in values(trainer).items())
    assert moved > 1e-3  # a step that did nothing would equal nothing


PORTIONS = ("Training.batch_size = 32", "NormPolicy.ghost_batch_size = 8")


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize("recipe", ["mbn_alp", "adv_100_clean_40", "gn"])
def test_four_micro_batches_equal_the_whole_batch(recipe):
    """Two steps with the same ghost batches of 8: gradients, statistics and metrics."""
    whole = randomized(one_device(make_plan(recipe, *PORTIONS)))
    parts = randomized(one_device(make_plan(recipe, *PORTIONS, "Training.micro_batch_size = 8")))
    assert (whole.train_step.micro_batches, whole.train_step.ghost_batches) == (1, 4)
    assert (parts.train_step.micro_batches, parts.train_step.ghost_batches) == (4, 1)
    assert do_steps(parts, 2) == pytest.approx(do_steps(whole, 2), abs=1e-5)
    for path, value in values(whole).items():
        np.testing.assert_allclose(values(parts)[path], value, atol=1e-5, rtol=0, err_msg=path)


@pytest.mark.usefixtures("op_by_op")
def test_ghost_batches_matter():
    """Else the test above would pass whatever the ghost batches were."""
    whole = randomized(one_device(make_plan("mbn_alp", "Training.batch_size = 32")))
    ghosts = randomized(one_device(make_plan("mbn_alp", *PORTIONS)))
    do_steps(whole, 1)
    do_steps(ghosts, 1)
    path = "stage1_block1/expand/norm/adv/moving_variance"
    assert np.abs(values(whole)[path] - values(ghosts)[path]).max() > 1e-4


def with_policy(**changes):
    """Returns a plan whose random weights stand for measured ones."""
    plan = make_plan("mbn")
    return dataclasses.replace(plan, norm_policy=dataclasses.replace(plan.norm_policy, **changes))


@pytest.mark.usefixtures("op_by_op")
def test_the_attack_may_use_and_write_batch_statistics():
    """With batch statistics other images come out; only attack_update writes in the attack."""
    batch = {"attack_statistics": "batch"}
    found = []
    for chosen in ({}, batch, batch | {"attack_update": True}):
        trainer = randomized(one_device(with_policy(update=False, **chosen)))
        start = values(trainer)
        loss = do_steps(trainer, 1)["loss"]
        after = values(trainer)
        path = "stem/norm/{}/moving_mean"
        moved = {
            b: np.abs(after[path.format(b)] - start[path.format(b)]).max() for b in ("clean", "adv")
        }
        found.append((loss, moved))
    (running, kept), (with_batch, kept_too), (_, written) = found
    assert running != with_batch
    assert kept == kept_too == {"clean": 0, "adv": 0}
    assert written["adv"] > 0 and written["clean"] == 0


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize(
    ("freeze", "statistics_move", "affine_moves"),
    [
        ("nothing", True, True),
        ("statistics", False, True),
        ("affine", True, False),
        ("all", False, False),
    ],
)
def test_each_freeze_keeps_what_it_says(freeze, statistics_move, affine_moves):
    trainer = randomized(one_device(with_policy(freeze=freeze)))
    start = values(trainer)
    do_steps(trainer, 1, late=True)
    moved = {"kernel": True, "moving": statistics_move, "gamma": affine_moves, "beta": affine_moves}
    for path, value in values(trainer).items():
        kind = next((kind for kind in moved if kind in path), None)
        if kind:
            assert np.array_equal(value, start[path]) != moved[kind], path


@pytest.mark.usefixtures("op_by_op")
def test_without_update_or_on_running_statistics_none_are_written():
    for changes in ({"update": False}, {"training_statistics": "running"}):
        trainer = randomized(one_device(with_policy(**changes)))
        start = values(trainer)
        do_steps(trainer, 1)
        for path, value in values(trainer).items():
            assert ("moving" not in path) or np.array_equal(value, start[path]), path


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        (["Training.micro_batch_size = 5"], "Training.micro_batch_size must divide"),
        (["NormPolicy.ghost_batch_size = 5"], "NormPolicy.ghost_batch_size must divide the 16"),
        (["NormPolicy.ghost_batch_size = 32"], "NormPolicy.ghost_batch_size must divide the 16"),
        (["NormPolicy.attack_update = True"], "needs NormPolicy.attack_statistics = 'batch'"),
        (
            ["NormPolicy.across_replicas = 'sync'", "NormPolicy.ghost_batch_size = 8"],
            "choose one of them",
        ),
        (["Training.train_only = 'norms'"], "needs Experiment.initial_weights"),
        (["Training.epochs = 0"], "needs Experiment.initial_weights"),
        (["NormPolicy.freeze = 'al'"], "Did you mean 'all'"),
        (["NormPolicy.freeze = 'statistics'"], "freeze from the first step on what nothing"),
        (["NormPolicy.freeze = 'affine'"], "or give Experiment.initial_weights"),
        (["NormPolicy.training_statistics = 'running'"], "'running' normalizes .* nothing has"),
        (["NormPolicy.update = False"], "update = False leaves .* Experiment.initial_weights"),
    ],
)
def test_wrong_divisions_and_policies_are_refused(bindings, message):
    with pytest.raises(UserError, match=message):
        one_device(make_plan("mbn", *bindings))
