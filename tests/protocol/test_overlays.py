"""The paper's overlays, table 3, section 4.4 and the smaller ImageNet scales, resolved."""

import functools

import gin
import pytest
from shared.imagenet_plans import IMAGENET, planned
from shared.project import OVERLAYS

from tfadv import config
from tfadv.norms import NormPhase
from tfadv.paper import ROWS
from tfadv.strategies import ADV, CLEAN

TABLE3 = [file for file in OVERLAYS if file.startswith("gin/table3/")]
FINETUNE = ["gin/finetune/clean_images.gin", "gin/finetune/adversarial_images.gin"]


@pytest.mark.parametrize(("steps", "alpha"), [(30, 1), (20, 1), (10, 2), (5, 4)])
def test_training_attacks(steps, alpha):
    """P, tables 4 and 5, footnote 6; the evaluation's stay."""
    plan = planned("gin/mbn_alp.gin", f"gin/attack/pgd{steps}.gin")
    assert (plan.attack.steps, plan.attack.step_size, plan.attack.epsilon) == (steps, alpha, 16)
    evaluation = [attack.step_size for attack in plan.evaluation_attacks.values()]
    assert evaluation == [1.6, 1, 1, 1, 1]


def test_the_radius_of_the_exceptional_row():
    plan = planned("gin/adv_100_clean_100.gin", "gin/attack/epsilon8.gin")
    attacks = [plan.attack, *plan.evaluation_attacks.values()]
    assert {attack.epsilon for attack in attacks} == {8}
    assert {attack.step_size for attack in attacks} == {1}


@pytest.mark.parametrize("batch", [512, 1024, 2048, 4096, 8192])
def test_batches(batch):
    """P, table 6; R's linear scaling, and no warm-up from above the base rate."""
    plan = planned("gin/adv_100_clean_0_frozen.gin", f"gin/batch/{batch}.gin")
    assert plan.training.batch_size == batch
    assert plan.steps_per_epoch == round(1_281_167 / batch)  # R
    assert plan.learning_rate.base_rate == pytest.approx(0.1 * batch / 256)
    assert plan.norm_policy.ghost_batch_size == 32


@functools.cache
def table3_row(file):
    plan = planned(file)
    return {
        "decay": plan.experiment.decay,
        "epochs": plan.training.epochs,
        "rate": round(plan.learning_rate.base_rate * 256 / plan.training.batch_size, 6),
        "optimizer": plan.experiment.optimizer,
        "clean starts": plan.attack.clean_start_probability,
        "GPUs": plan.training.batch_size // 32,
        "blocks": gin.query_parameter("ResNet.blocks"),
        "attack": (plan.attack.steps, plan.attack.step_size),
    }


def test_table_3_changes_one_setting_a_row():
    resnet101, resnet152 = (3, 4, 23, 3), (3, 8, 36, 3)
    original = ("exponential", 220, 0.045, "rmsprop", 0.0, 48, resnet101, (10, 2))
    changes = [
        {"decay": "step", "epochs": 110},
        {"rate": 0.1},
        {"optimizer": "momentum_sgd"},
        {"clean starts": 0.2},
        {"GPUs": 128},
        {"blocks": resnet152},
        {"attack": (30, 1)},
    ]
    expected = dict(zip(table3_row(TABLE3[0]), original, strict=True))
    assert table3_row(TABLE3[0]) == expected
    for file, change in zip(TABLE3[1:], changes, strict=True):
        expected |= change
        assert table3_row(file) == expected, file
    last = config.values_of([TABLE3[-1], IMAGENET])
    assert last == config.values_of(["gin/alp.gin", IMAGENET])


def test_the_original_alps_rate_decays_by_094_every_two_epochs():
    rate = planned(TABLE3[0]).learning_rate
    steps_per_epoch = round(1_281_167 / 1536)
    for epoch in (6, 7, 100, 219):
        expected = 0.045 * 6 * 0.94 ** (epoch // 2)
        assert float(rate(epoch * steps_per_epoch)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("file", FINETUNE)
def test_finetuning_trains_norms_alone(file):
    plan = planned(file, bindings=["Experiment.initial_weights = 'R152.npz'"])
    assert (plan.training.train_only, plan.training.epochs) == ("norms", 5)  # P: 'a few'
    images = (CLEAN,) if "clean" in file else (ADV,)
    assert plan.strategy.branches == images
    mode = NormPhase(plan.norm_policy, late=True).training_mode(None)
    assert (mode.statistics, mode.update) == ("batch", True)


@pytest.mark.parametrize(("scale", "replicas"), [("imagenet_1gpu", 1), ("imagenet_8gpu", 8)])
@pytest.mark.parametrize("name", ["mbn_alp", "adv_100_clean_0_frozen"])
def test_fewer_gpus_keep_the_science(scale, replicas, name):
    """The same but in portions: 4096 images a step, 32 in batch statistics."""
    there = config.values_of([f"gin/{name}.gin", IMAGENET])
    here = config.values_of([f"gin/{name}.gin", f"gin/scale/{scale}.gin"])
    differing = {key for key in there | here if there.get(key) != here.get(key)}
    assert {key for key in differing if not key.startswith("Hardware.")} <= {
        "Experiment.scale",
        "Training.micro_batch_size",
        "Training.steps_per_call",
        "Evaluation.batch_size",
    }
    plan = planned(f"gin/{name}.gin", scale=f"gin/scale/{scale}.gin")
    share = plan.training.batch_size // replicas
    micro_batches = plan.training.micro_batches(share)
    assert plan.norm_policy.ghost_batches(share // micro_batches) * micro_batches * 32 == share


def test_every_row_of_the_paper_has_files_of_its_own():
    assert len({row.files for row in ROWS}) == len(ROWS) > 50
    for row in ROWS:
        config.values_of([*row.files, IMAGENET])
