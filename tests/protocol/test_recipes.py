"""The protocol's constants, in what every recipe resolves to at the paper's scale.

The table is written from the paper (P), its released pipeline (R) or, where
both are silent, our documented choice (O), and read from the built parts.
"""

import pytest
import tensorflow as tf
from shared.imagenet_plans import planned
from shared.project import RECIPES

from tfadv import config
from tfadv.data import imagenet
from tfadv.data.bicubic import Bicubic
from tfadv.data.centre_square import CentreSquare
from tfadv.models.resnet import ResNet
from tfadv.norms import NormPhase
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.planning.workload import measure_workload
from tfadv.registry import DATASETS, NORMS
from tfadv.strategies import ADV, CLEAN
from tfadv.strategies.adversarial import Adversarial
from tfadv.strategies.logit_pairing import LogitPairing
from tfadv.strategies.standard import Standard

STEPS_PER_EPOCH = 313  # R: 1,281,167 / 4096 = 312.78
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


@pytest.mark.parametrize("size", ["", "_1gpu", "_8gpu"])
def test_how_images_are_seen(size, folder, monkeypatch):
    """R: OpenCV's imread, shorter side 256 by INTER_CUBIC, centre 224, all in uint8."""
    (folder / "test").rename(folder / "val")
    for split in ("train", "val"):
        (folder / split / "blue").rename(folder / split / "n01440764")
        (folder / split / "red").rename(folder / split / "n01443537")
    monkeypatch.setattr(imagenet, "IMAGENET", str(folder / "two.txt"))
    (folder / "two.txt").write_text("n01440764\nn01443537")
    config.read([f"gin/scale/imagenet{size}.gin"], [f"imagenet.folder = '{folder}'"])
    opencv = Bicubic(cubic_a=-0.75, antialias=False, whole_pixels=True)
    for source in DATASETS.build("imagenet", "Experiment.dataset"):
        assert source.view == CentreSquare(224, 256, opencv) and source.exif_orientation


def recipe(name):
    return planned(f"gin/{name}.gin")


def test_the_table_has_every_recipe():
    assert set(SCIENCE) == set(RECIPES)


@pytest.mark.parametrize("name", SCIENCE)
def test_what_a_recipe_is(name):
    norm, strategy, ratio, frozen = SCIENCE[name]
    plan = recipe(name)
    layer = NORMS.build(plan.experiment.norm)
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
    smoothing = {plan.strategy.smoothing(kind) for kind in (CLEAN, ADV)}
    assert smoothing == {0.1}  # R; of the clean images O
    if ratio is not None:
        assert plan.strategy.clean_weight is None  # P: 0.5 / 0.5 at ratio 1; else O
    if strategy is LogitPairing:
        assert (plan.strategy.pairing_weight, plan.strategy.reduction) == (0.5, "mean")  # O
    # P, section 4.3: running statistics in epochs 100..109, γ and β go on training.
    late = [epoch for epoch in range(110) if plan.is_late(epoch)]
    assert late == (list(range(100, 110)) if frozen else [])
    before, in_late_epochs = (NormPhase(plan.norm_policy, late) for late in (False, True))
    assert in_late_epochs.freezes_statistics == frozen and not in_late_epochs.freezes_affine
    for phase in (before, in_late_epochs):
        mode = phase.training_mode("adv")
        expected = ("running", False) if frozen and phase.late else ("batch", True)
        assert (mode.statistics, mode.update) == expected


@pytest.mark.parametrize("name", SCIENCE)
def test_what_every_recipe_shares(name):
    plan = recipe(name)
    attack, training = plan.attack, plan.training
    # P, section 3; the start probability too.
    assert (attack.epsilon, attack.step_size, attack.steps, attack.targeted) == (16, 1, 30, True)
    assert (attack.clean_start_probability, attack.clean_start) == (0.2, "per_example")
    # R: the attack on running statistics, no update.
    mode = NormPhase(plan.norm_policy).attack_mode("adv")
    assert (mode.branch, mode.statistics, mode.update) == ("adv", "running", False)
    assert (training.epochs, training.batch_size) == (110, 4096)
    assert plan.steps_per_epoch == STEPS_PER_EPOCH and plan.steps == 110 * STEPS_PER_EPOCH
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
    # R to the letter: OpenCV's INTER_CUBIC, uint8 from the resize on.
    opencv = Bicubic(cubic_a=-0.75, antialias=False, whole_pixels=True)
    assert augmentation.bicubic == opencv
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
    (5 - 1 / 313, 0.1 + 1.5 * (5 * 313 - 1) / (5 * 313)),
    (5, 1.6),
    (35 - 1 / 313, 1.6),
    (35, 0.16),
    (70 - 1 / 313, 0.16),
    (70, 0.016),
    (95 - 1 / 313, 0.016),
    (95, 0.0016),
    (109.9, 0.0016),
]


@pytest.mark.parametrize("name", SCIENCE)
def test_the_learning_rate_of_every_recipe(name):
    rate = recipe(name).learning_rate
    for epoch, expected in RATES:
        step = round(epoch * STEPS_PER_EPOCH)
        assert float(rate(step)) == pytest.approx(expected, rel=1e-5), epoch


@pytest.mark.parametrize(
    ("depth", "blocks"), [(152, 50), (200, 66), (338, 112), (518, 172), (638, 212)]
)
def test_depths(depth, blocks):
    """P: the depth; 3 layers a block, the stem and the classifier. R: 152's split."""
    files = ("gin/adv_100_clean_0_frozen.gin", f"gin/depth/{depth}.gin")
    plan = planned(*files, bindings=["ResNet.width = 2"])
    model = plan.build_model()
    assert len(model.blocks) == blocks
    weighted = [unit for unit in model.units if unit.name != "shortcut"]
    assert len(weighted) + 1 == depth
    if depth == 152:
        stages = [block.name.partition("_")[0] for block in model.blocks]
        assert [stages.count(f"stage{n}") for n in (1, 2, 3, 4)] == [3, 8, 36, 3]


def test_the_network():
    """R: stem, strides, initial values, what decays; P: ResNet-152 of 1000 classes."""
    plan = recipe("mbn")
    model = plan.build_model()
    assert isinstance(model, ResNet) and model.pooled_stem
    assert model.stem.kernel.shape == (7, 7, 3, 64) and model.stem.stride == 2
    assert (model.pixel_mean, model.pixel_std) == (127.5, 127.5)
    for block in model.blocks:
        first = block.name.endswith("_block1")
        assert (block.shortcut is not None) == first
        stride = 2 if first and not block.name.startswith("stage1") else 1
        assert (block.reduce.stride, block.spatial.stride, block.expand.stride) == (1, stride, 1)
        for batch_norm in block.expand.norm.norms:
            assert not tf.reduce_any(tf.convert_to_tensor(batch_norm.gamma) != 0)
    spread = float(tf.math.reduce_std(tf.convert_to_tensor(model.head.kernel)))
    assert spread == pytest.approx(0.01, rel=0.01)
    kernel = tf.convert_to_tensor(model.blocks[40].spatial.kernel)
    fan_out = 3 * 3 * kernel.shape[-1]
    deviation = (2 / fan_out) ** 0.5
    assert float(tf.math.reduce_std(kernel)) == pytest.approx(deviation, rel=0.01)
    # TensorFlow 1 cuts at two deviations of the normal distribution it widens to that.
    largest = float(tf.reduce_max(tf.abs(kernel)))
    assert largest == pytest.approx(2 / 0.87962566 * deviation, rel=1e-3)
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
