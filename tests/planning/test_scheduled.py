"""The schedules of a plan: their names, what a run doesn't reach, what they cost, how they read."""

import pytest
from shared.smoke_trainers import make_plan, one_device

from tfadv import config
from tfadv.planning import dry_run
from tfadv.planning.plan import build_plan
from tfadv.planning.run_workload import measure_run
from tfadv.planning.scheduled import scalars_at, schedules_of, unreached
from tfadv.planning.workload import measure_forward

WARM = ("Training.epsilon_factor = @warm/Schedule()", "warm/Schedule.points = ((1, 0.0), (2, 1.0))")
MORE = ("PGD.steps = @more/Schedule()", "more/Schedule.points = ((0, 1), (4, 5))")
SIZES = (
    "Training.resolution = @size/Schedule()",
    "size/Schedule.points = ((0, 4), (2, 16))",
    "size/Schedule.interpolation = 'step'",
)


def test_schedules_are_called_after_their_parameters(worked_plugins):
    strategy = ("Experiment.strategy = 'awp'", "AdversarialWeightPerturbation.strategy = 'trades'")
    weight = ("Trades.beta = @beta/Schedule()", "beta/Schedule.points = ((0, 1.0), (1, 6.0))")
    plan = make_plan("mbn", *strategy, *weight, *WARM, *SIZES, "Training.epochs = 4")
    assert [*schedules_of(plan)] == ["PGD.epsilon", "Training.resolution", "Trades.beta"] or {
        *schedules_of(plan)
    } == {"PGD.epsilon", "Training.resolution", "Trades.beta"}
    assert scalars_at(plan, 3) == {
        "schedule/PGD.epsilon": 8.0,
        "schedule/Trades.beta": 6.0,
        "schedule/Training.resolution": 4,
    }


def test_named_attacks_keep_their_scope(worked_plugins):
    fine = ("Experiment.strategy = 'fine_advprop'", "FineAdvProp.attacks = ('pgd', 'weak/pgd')")
    branches = "MixtureBatchNorm.branches = ('clean', 'augmented', 'adv', 'weak')"
    plan = make_plan("mbn", *fine, branches, "weak/PGD.epsilon = 4.0", *WARM)
    assert schedules_of(plan)["weak/PGD.epsilon"].end == 4.0
    assert schedules_of(plan)["PGD.epsilon"].end == 16.0


def test_clean_training_has_no_attacks_schedule():
    assert not schedules_of(make_plan("clean", *WARM, *MORE))


def test_a_last_point_beyond_the_run_is_a_warning():
    (line,) = unreached(make_plan("mbn", *WARM, "Training.epochs = 2"))
    assert line == (
        "the schedule of PGD.epsilon reaches 16 at epoch 2, and Training.epochs = 2: the run ends "
        "before"
    )
    assert not [*unreached(make_plan("mbn", *WARM, "Training.epochs = 3"))]


def test_the_workload_is_the_epochs_mean():
    """No attack in the first of four epochs; then N of the middles, 2, 3 and 4."""
    plan = make_plan("mbn", *WARM, *MORE, "Training.epochs = 4")
    found = measure_run(plan, one_device(plan).model, 16, forward=1.0).flops("float32", "bfloat16")
    assert found == {"bfloat16": pytest.approx(2 * (0 + 2 + 3 + 4) / 4), "float32": 3 * 2}


def test_recomputed_blocks_are_a_forward_more():
    plan = make_plan("clean", "Training.recompute = 'blocks'")
    found = measure_run(plan, one_device(plan).model, 16, forward=1.0).flops("float32", "float32")
    assert found == {"float32": 4}


def test_each_size_counts_its_own_operations():
    plan = make_plan("mbn", *SIZES, "PGD.steps = 2", "Training.epochs = 3")
    model = one_device(plan).model
    small, large = (measure_forward(model, size) for size in (4, 16))
    assert large > 10 * small
    found = measure_run(plan, model, 16).flops("float32", "float32")["float32"]
    assert found == pytest.approx((2 * 2 + 3 * 2) * (2 * small + large) / 3)


def test_the_dry_run_says_each_in_a_line(tmp_path):
    plan = make_plan("mbn", *WARM, *SIZES, "Training.epochs = 3")
    trainer = one_device(plan)
    read = config.read(["gin/mbn.gin", "gin/scale/smoke.gin"], [*WARM, *SIZES])
    lines = [*dry_run.report(read, plan, trainer.model, trainer.variables, 1, tmp_path)]
    assert [line for line in lines if line.startswith("schedule")] == [
        "schedule  PGD.epsilon: 0 at first, 0 at epoch 1, 16 at epoch 2, 16 to the end (linear "
        "between)",
        "schedule  Training.resolution: 4 at epoch 0, 16 at epoch 2, 16 to the end (each until the "
        "next)",
    ]


@pytest.mark.parametrize("overlay", ["epsilon_warmup", "clean_first"])
@pytest.mark.parametrize("recipe", ["mbn_alp", "plugins/trades", "plugins/fine_advprop", "clean"])
def test_overlays_go_with_any_recipe(overlay, recipe):
    files = [f"gin/{recipe}.gin", f"gin/schedule/{overlay}.gin", "gin/scale/smoke.gin"]
    config.read(files)
    found = schedules_of(build_plan())
    assert (recipe == "clean") == (not found)
    assert all(schedule.values[0] == 0 for schedule in found.values())


def test_coarse_to_fine_has_wong_et_als_phases():
    config.read(["gin/plugins/fast.gin", "gin/schedule/coarse_to_fine.gin", "gin/scale/smoke.gin"])
    sizes = schedules_of(build_plan())["Training.resolution"]
    assert [sizes.value(epoch) for epoch in (0, 5, 6, 11, 12, 14)] == [128, 128, 224, 224, 288, 288]
