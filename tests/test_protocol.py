"""The protocol's constants, in what every recipe resolves to at the paper's scale.

The table is written from the paper (P), its released pipeline (R) or, where
both are silent, our documented choice (O), and read from the built parts.
"""

import functools
from pathlib import Path

import gin
import pytest
import tensorflow as tf

from tfadv import config, experiment
from tfadv.hardware import measure_workload
from tfadv.models.resnet import ResNet
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.paper import ROWS
from tfadv.strategies import ADV, CLEAN
from tfadv.strategies.adversarial import Adversarial
from tfadv.strategies.logit_pairing import LogitPairing
from tfadv.strategies.standard import Standard

ROOT = Path(__file__).resolve().parent.parent
IMAGENET = "gin/scale/imagenet.gin"
STEPS_PER_EPOCH = 312  # 1,281,167 // 4096
TABLE3 = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "gin/table3").glob("*.gin"))
FINETUNE = ["gin/finetune/clean_images.gin", "gin/finetune/adversarial_images.gin"]

# Recipe: norm, strategy, share of clean images, and whether the last epochs are frozen.
SCIENCE = {
    "clean": (BatchNorm, Standard, None, False),
    "adv_100_clean_0": (BatchNorm, Adversarial, 0.0, False),
    "adv_100_clean_20": (BatchNorm, Adversarial, 0.2, False),
    "adv_100_clean_40": (BatchNorm, Adversarial, 0.4, False),
    "adv_100_clean_60": (BatchNorm, Adversarial, 0.6, False),
    "adv_100_clean_80": (BatchNorm, Adversarial, 0.8, False),
    "adv_100_clean_100": (BatchNorm, Adversarial, 1.0, False),
    "alp": (BatchNorm, LogitPairing, 1.0, False),
    "mbn": (MixtureBatchNorm, Adversarial, 1.0, False),
    "mbn_alp": (MixtureBatchNorm, LogitPairing, 1.0, False),
    "gn": (GroupNorm, Adversarial, 1.0, False),
    "adv_100_clean_0_frozen": (BatchNorm, Adversarial, 0.0, True),
    "mbn_frozen": (MixtureBatchNorm, Adversarial, 1.0, True),
    "mbn_alp_frozen": (MixtureBatchNorm, LogitPairing, 1.0, True),
}


def planned(*files, bindings=(), scale=IMAGENET):
    config.read([*files, scale], ["imagenet.folder = '/no/such/folder'", *bindings])
    return experiment.plan()


def recipe(name):
    return planned(f"gin/{name}.gin")


def test_the_table_has_every_recipe():
    assert set(SCIENCE) == {p.stem for p in (ROOT / "gin").glob("*.gin")} - {"base"}


@pytest.mark.parametrize("name", SCIENCE)
def test_what_a_recipe_is(name):
    norm, strategy, ratio, frozen = SCIENCE[name]
    plan = recipe(name)
    layer = plan.experiment.make_norm()
    assert type(layer) is norm and type(plan.strategy) is strategy
    assert getattr(plan.strategy, "clean_ratio", None) == ratio  # P, section 4.1
    branches = {None: (CLEAN,), 0.0: (ADV,)}.get(ratio, (CLEAN, ADV))
    assert plan.strategy.branches == branches
    if norm is MixtureBatchNorm:
        assert (layer.branches, layer.default_branch) == ((CLEAN, ADV), ADV)  # P, section 4.2
    if norm is GroupNorm:
        assert layer.groups == 32  # O
    else:
        assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)  # R
        assert not layer.unbiased_variance  # O
    assert plan.strategy.smoothing == {CLEAN: 0.1, ADV: 0.1}  # R; of the clean images O
    if ratio is not None:
        assert plan.strategy.clean_weight is None  # P: 0.5 / 0.5 at ratio 1; else O
    if strategy is LogitPairing:
        assert (plan.strategy.pairing_weight, plan.strategy.reduction) == (0.5, "mean")  # O
    # P, section 4.3: running statistics in epochs 100..109, γ and β go on training.
    late = [epoch for epoch in range(110) if plan.is_late(epoch)]
    assert late == (list(range(100, 110)) if frozen else [])
    policy = plan.norm_policy
    assert policy.freezes_statistics(late=True) == frozen and not policy.freezes_affine(True)
    for epoch_is_late in (False, True):
        mode = policy.training_mode("adv", epoch_is_late, 1)
        expected = ("running", False) if frozen and epoch_is_late else ("batch", True)
        assert (mode.statistics, mode.update) == expected


@pytest.mark.parametrize("name", SCIENCE)
def test_what_every_recipe_shares(name):
    plan = recipe(name)
    attack, training = plan.attack, plan.training
    # P, section 3; the start probability too.
    assert (attack.epsilon, attack.step_size, attack.steps, attack.targeted) == (16, 1, 30, True)
    assert (attack.clean_start_probability, attack.clean_start) == (0.2, "per_example")
    # R: the attack on running statistics, no update.
    mode = plan.norm_policy.attack_mode("adv", 1)
    assert (mode.branch, mode.statistics, mode.update) == ("adv", "running", False)
    assert (training.epochs, training.batch_size, plan.steps_per_epoch) == (110, 4096, 312)
    assert training.weight_decay == 1e-4  # R
    assert training.train_only == "everything" and training.attack_dtype == "float32"
    assert plan.norm_policy.ghost_batch_size == 32  # R: 32 per GPU
    assert plan.norm_policy.across_replicas == "mean"  # O; R: local
    optimizer = plan.build_optimizer()
    assert (optimizer.momentum, optimizer.nesterov) == (0.9, True)  # P, R
    assert type(optimizer).__name__ == "RateInUpdateSGD"  # R: TensorFlow 1's momentum
    assert optimizer.weight_decay is None  # not the decoupled one
    # The images, R.
    augmentation = plan.augmentation
    assert augmentation.area == (0.08, 1.0) and augmentation.aspect_ratio == (3 / 4, 4 / 3)
    assert (augmentation.jitter, augmentation.lighting, augmentation.flip) == (0.4, 0.1, True)
    assert augmentation.image_size == 224
    train, test = plan.splits
    assert (len(train), len(test), train.classes) == (1_281_167, 50_000, 1000)
    assert train.image_shape == (224, 224, 3)


@pytest.mark.parametrize("name", SCIENCE)
def test_the_evaluation_of_every_recipe(name):
    attacks = recipe(name).evaluation_attacks.values()
    assert [attack.steps for attack in attacks] == [10, 20, 100, 500, 2000]  # P
    for attack in attacks:
        assert (attack.epsilon, attack.targeted, attack.clean_start_probability) == (16, True, 0)
        # P: α = 1; R: at least ε/N, which only PGD-10 feels.
        assert attack.step_size == (1.6 if attack.steps == 10 else 1.0)


RATES = [  # epoch, rate: R's warm-up, P's drops
    (0, 0.1),
    (1, 0.4),
    (4 + 311 / 312, 0.1 + 1.5 * (5 * 312 - 1) / (5 * 312)),
    (5, 1.6),
    (35 - 1 / 312, 1.6),
    (35, 0.16),
    (70 - 1 / 312, 0.16),
    (70, 0.016),
    (95 - 1 / 312, 0.016),
    (95, 0.0016),
    (109.9, 0.0016),
]


@pytest.mark.parametrize("name", SCIENCE)
def test_the_learning_rate_of_every_recipe(name):
    rate = recipe(name).learning_rate
    for epoch, expected in RATES:
        step = round(epoch * STEPS_PER_EPOCH)
        assert float(rate(step)) == pytest.approx(expected, rel=1e-5), epoch


@pytest.mark.parametrize(("steps", "alpha"), [(30, 1), (20, 1), (10, 2), (5, 4)])
def test_training_attacks(steps, alpha):
    """P, tables 4 and 5, footnote 6; the evaluation's stay."""
    plan = planned("gin/mbn_alp.gin", f"gin/attack/pgd{steps}.gin")
    assert (plan.attack.steps, plan.attack.step_size, plan.attack.epsilon) == (steps, alpha, 16)
    evaluation = [attack.step_size for attack in plan.evaluation_attacks.values()]
    assert evaluation == [1.6, 1, 1, 1, 1]


def test_the_exceptional_case():
    plan = planned("gin/adv_100_clean_100.gin", "gin/attack/epsilon8.gin")
    attacks = [plan.attack, *plan.evaluation_attacks.values()]
    assert {attack.epsilon for attack in attacks} == {8}
    assert {attack.step_size for attack in attacks} == {1}


@pytest.mark.parametrize("batch", [512, 1024, 2048, 4096, 8192])
def test_batches(batch):
    """P, table 6; R's linear scaling, and no warm-up from above the base rate."""
    plan = planned("gin/adv_100_clean_0_frozen.gin", f"gin/batch/{batch}.gin")
    assert plan.training.batch_size == batch
    assert plan.steps_per_epoch == 1_281_167 // batch
    assert plan.learning_rate.base_rate == pytest.approx(0.1 * batch / 256)
    assert plan.norm_policy.ghost_batch_size == 32


@pytest.mark.parametrize(
    ("depth", "blocks"), [(152, 50), (200, 66), (338, 112), (518, 172), (638, 212)]
)
def test_depths(depth, blocks):
    """P: the depth; 3 layers a block, the stem and the classifier. R: 152's split."""
    files = ("gin/adv_100_clean_0_frozen.gin", f"gin/depth/{depth}.gin")
    plan = planned(*files, bindings=["ResNet.width = 2"])
    model = plan.experiment.build_model(plan.splits)
    assert len(model.blocks) == blocks
    weighted = [unit for unit in model.units if unit.name != "shortcut"]
    assert len(weighted) + 1 == depth
    if depth == 152:
        stages = [block.name.partition("_")[0] for block in model.blocks]
        assert [stages.count(f"stage{n}") for n in (1, 2, 3, 4)] == [3, 8, 36, 3]


def bound_blocks():
    return gin.query_parameter("ResNet.blocks")


def test_the_network():
    """R: stem, strides, initial values, what decays; P: ResNet-152 of 1000 classes."""
    plan = recipe("mbn")
    model = plan.experiment.build_model(plan.splits)
    assert isinstance(model, ResNet) and model.pooled_stem
    assert model.stem.kernel.shape == (7, 7, 3, 64) and model.stem.stride == 2
    assert (model.pixel_mean, model.pixel_std) == (127.5, 127.5)
    for block in model.blocks:
        first = block.name.endswith("_block1")
        assert (block.shortcut is not None) == first
        stride = 2 if first and not block.name.startswith("stage1") else 1
        assert (block.reduce.stride, block.spatial.stride, block.expand.stride) == (1, stride, 1)
        for batch_norm in block.expand.norm.batch_norms:
            assert not tf.reduce_any(tf.convert_to_tensor(batch_norm.gamma) != 0)
    spread = float(tf.math.reduce_std(tf.convert_to_tensor(model.head.kernel)))
    assert spread == pytest.approx(0.01, rel=0.01)
    kernel = tf.convert_to_tensor(model.blocks[40].spatial.kernel)
    fan_out = 3 * 3 * kernel.shape[-1]
    assert float(tf.math.reduce_std(kernel)) == pytest.approx((2 / fan_out) ** 0.5, rel=0.01)
    assert len(model.kernels) == 3 * 50 + 1 + 4 + 1  # blocks, stem, shortcuts, head
    assert {variable.name for variable in model.trainable_variables} == {
        "kernel",
        "gamma",
        "beta",
        "bias",
    }
    # Published: 11.5 billion multiplications and additions for ResNet-152 with the
    # stride in its 3x3 convolutions.
    workload = measure_workload(model, plan.strategy, plan.attack, images=32)
    assert workload.forward_flops / 2 == pytest.approx(11.51e9, rel=0.01)
    assert (workload.attack_steps, workload.trained_images) == (30, 2)


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
        "blocks": bound_blocks(),
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
    steps_per_epoch = 1_281_167 // 1536
    for epoch in (6, 7, 100, 219):
        expected = 0.045 * 6 * 0.94 ** (epoch // 2)
        assert float(rate(epoch * steps_per_epoch)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("file", FINETUNE)
def test_finetuning_trains_norms_alone(file):
    plan = planned(file, bindings=["Experiment.initial_weights = 'R152.npz'"])
    assert (plan.training.train_only, plan.training.epochs) == ("norms", 5)  # P: 'a few'
    images = (CLEAN,) if "clean" in file else (ADV,)
    assert plan.strategy.branches == images
    mode = plan.norm_policy.training_mode(None, late=True, ghost_batches=1)
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


def test_every_row_of_the_paper_has_files_and_is_told_apart():
    assert len({row.files for row in ROWS}) == len(ROWS) > 50
    for row in ROWS:
        config.values_of([*row.files, IMAGENET])
