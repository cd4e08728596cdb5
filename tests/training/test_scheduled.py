"""Schedules in training: of constants each step's, in one trace, resumed, and of image sizes."""

import numpy as np
import pytest
from shared.smoke_trainers import (
    batches,
    finish,
    make_plan,
    mirrored,
    one_device,
    randomized,
    values,
)
from shared.step_oracle import Oracle, require_equal_steps

from tfadv.attacks.pgd import PGD
from tfadv.errors import UserError
from tfadv.runs.checkpoints import Checkpoints

EPSILON = ("PGD.epsilon = @warm/Schedule()", "warm/Schedule.points = ((0, 4.0), (1, 12.0))")
STEPS = ("PGD.steps = @more/Schedule()", "more/Schedule.points = ((0, 1), (1, 3))")
SIZES = (
    "Training.resolution = @size/Schedule()",
    "size/Schedule.points = ((0, 6), (1, 12), (2, 8))",
    "size/Schedule.interpolation = 'step'",
    "Training.epochs = 3",
)
PARTS = "Training.micro_batch_size = 4"
WEIGHT = "weight/Schedule.points = ((0, 0.0), (1, 0.8))"
# What is scheduled from 0 to 0.8, with the strategy that it is of.
WEIGHTS = {
    "Adversarial.clean_weight": (),
    "LogitPairing.pairing_weight": ("Experiment.strategy = 'logit_pairing'",),
    "Trades.beta": ("Experiment.strategy = 'trades'", PARTS),
    "Mart.lambda_": ("Experiment.strategy = 'mart'",),
    "AdversarialWeightPerturbation.gamma": ("Experiment.strategy = 'awp'", PARTS),
    "MeanTeacher.consistency": (
        "Experiment.strategy = 'mean_teacher'",
        "Training.average_decay = 0.9",
    ),
}


class WarmingOracle(Oracle):
    """Knows the ε and N of the two steps of the epoch: of its start and of its middle."""

    def __init__(self, trainer):
        super().__init__(trainer, mixture=True, clean_ratio=1.0)
        self.now = iter([(4.0, 1), (8.0, 2)])

    def step(self, batch):
        epsilon, steps = next(self.now)
        self.attack = PGD(epsilon, steps, 8.0)
        return super().step(batch)


def test_steps_of_a_warm_up_are_the_oracles():
    require_equal_steps(make_plan("mbn", *EPSILON, *STEPS), WarmingOracle)


def step_at(number, *bindings):
    """Returns the variables after one step that is the run's number-th, from 0."""
    trainer = randomized(one_device(make_plan("mbn", *bindings)))
    trainer.optimizer.iterations.assign(number)
    batch = batches(trainer.plan, number + 1)[number]
    _, found = trainer.train_step(batch, trainer.train_step.phase(0))
    assert not found.is_broken
    return values(trainer)


def require_same(found, expected):
    for path, value in expected.items():
        np.testing.assert_array_equal(found[path], value, err_msg=path)


@pytest.mark.usefixtures("op_by_op", "worked_plugins")
@pytest.mark.parametrize("parameter", WEIGHTS)
def test_a_scheduled_weight_is_the_constant_of_the_step(parameter):
    rest = WEIGHTS[parameter]
    found = step_at(1, *rest, f"{parameter} = @weight/Schedule()", WEIGHT)
    expected = step_at(1, *rest, f"{parameter} = 0.4")
    for path, value in expected.items():
        np.testing.assert_allclose(found[path], value, atol=1e-6, err_msg=path)
    other = step_at(1, *rest, f"{parameter} = 0.8")
    assert max(np.abs(other[path] - value).max() for path, value in found.items()) > 1e-5


@pytest.mark.usefixtures("op_by_op", "worked_plugins")
@pytest.mark.parametrize(
    "rest",
    [
        ("Experiment.strategy = 'trades'",),
        ("Experiment.strategy = 'free'", PARTS),
        ("Experiment.strategy = 'fast'",),
        (
            "Experiment.strategy = 'awp'",
            "AdversarialWeightPerturbation.strategy = 'fine_advprop'",
            "FineAdvProp.attacks = ('pgd', 'weak/pgd')",
            "weak/PGD.step_size = 2.0",
            "FineAdvProp.view = None",
            "MixtureBatchNorm.branches = ('clean', 'adv', 'weak')",
        ),
        ("Experiment.attack = 'mi_fgsm'",),
    ],
    ids=["trades", "free", "fast", "awp", "mi_fgsm"],
)
def test_every_strategy_attacks_in_the_radius_of_the_step(rest):
    warm = "warm/Schedule.points = ((0, 0.0), (1, 1.0))"
    found = step_at(1, *rest, "Training.epsilon_factor = @warm/Schedule()", warm)
    require_same(found, step_at(1, *rest, "PGD.epsilon = 8.0"))


@pytest.mark.usefixtures("op_by_op")
def test_clean_images_stand_for_attacked_ones_before_the_attack_starts():
    late = ("Training.epsilon_factor = @late/Schedule()", "late/Schedule.interpolation = 'step'")
    late += ("late/Schedule.points = ((0, 0.0), (0.5, 1.0))",)
    require_same(step_at(0, *late), step_at(0, "PGD.epsilon = 0.0"))
    require_same(step_at(1, *late), step_at(1))


def test_it_is_traced_once_and_its_values_are_metrics():
    bindings = (*EPSILON, "Training.epochs = 3", "Training.steps_per_call = 1")
    bindings += ("NormPolicy.freeze_last_epochs = 0",)
    trainer = one_device(make_plan("mbn", *bindings))
    metrics = finish(trainer)
    found = [row["schedule/PGD.epsilon"] for row in metrics]
    assert found == [4, 8, 12, 12, 12, 12]
    assert trainer.plan.threat_model.epsilon == 12
    (call,) = trainer._train_calls.values()
    assert call.traced.experimental_get_tracing_count() == 1


def resumed_after(steps, folder, *bindings):
    """Returns trainers of an unbroken run, and of one that another took up after some steps."""
    every = (*bindings, "Training.steps_per_call = 1", "NormPolicy.freeze_last_epochs = 0")
    whole, first, second = (one_device(make_plan("mbn", *every)) for _ in range(3))
    finish(whole)
    for _, _metrics in zip(range(steps), first.steps(), strict=False):
        pass
    Checkpoints(folder, first.model, first.optimizer).save()
    assert Checkpoints(folder, second.model, second.optimizer).restore() == steps
    finish(second)
    return whole, second


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_run_resumed_in_any_phase_is_the_unbroken_one(steps, tmp_path):
    whole, resumed = resumed_after(steps, tmp_path, *EPSILON, *SIZES, "Training.epochs = 2")
    require_same(values(resumed), values(whole))


def test_a_run_resumed_in_its_warm_up_is_the_unbroken_one(tmp_path):
    whole, resumed = resumed_after(1, tmp_path, *EPSILON)
    require_same(values(resumed), values(whole))


@pytest.mark.slow
def test_each_size_is_traced_once_and_its_images_are_of_that_size():
    trainer = one_device(make_plan("mbn", *SIZES, "NormPolicy.freeze_last_epochs = 0"))
    sizes = [metrics["schedule/Training.resolution"] for metrics in finish(trainer)]
    assert sizes == [6, 12, 8]
    counts = {
        s: c.traced.experimental_get_tracing_count() for (_, s), c in trainer._train_calls.items()
    }
    assert counts == {6: 1, 12: 1, 8: 1}
    for step, size in ((0, 6), (2, 12), (4, 8)):
        assert next(iter(trainer.batches(step)))["image"].shape == (16, size, size, 3)
    own = next(iter(trainer.batches(4)))["image"]
    np.testing.assert_array_equal(own, batches(trainer.plan, 5)[4]["image"])


@pytest.mark.slow
def test_replicas_make_no_difference():
    bindings = (*EPSILON, *SIZES, "synthetic.train_examples = 16", "Training.batch_size = 16")
    bindings += ("NormPolicy.ghost_batch_size = 8", "PGD.steps = 1")
    alone, two = (make(make_plan("mbn", *bindings)) for make in (one_device, mirrored))
    finish(alone), finish(two)
    for path, value in values(alone).items():
        np.testing.assert_allclose(values(two)[path], value, atol=1e-5, err_msg=path)


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("size/Schedule.interpolation = 'linear'", "must have Schedule.interpolation = 'step'"),
        ("size/Schedule.points = ((0.5, 6), (2, 8))", "must be of whole epochs and sizes >= 1"),
        ("size/Schedule.points = ((0, 0), (2, 8))", "must be of whole epochs and sizes >= 1"),
    ],
)
def test_a_wrong_resolution_is_one_line(binding, message):
    with pytest.raises(UserError, match=message):
        make_plan("mbn", *SIZES, binding)


def test_a_factor_must_end_at_one():
    with pytest.raises(UserError, match=r"Training.epsilon_factor must be >= 0 and 1 at its end"):
        make_plan("mbn", "Training.epsilon_factor = @warm/Schedule()", EPSILON[1])


def test_a_run_without_schedules_asks_for_no_epoch():
    plan = make_plan("mbn_alp")
    assert plan.attack.at(None) is plan.attack and plan.strategy.at(None) is plan.strategy
