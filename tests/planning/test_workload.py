"""The work of a step: passes, operations, memory and time."""

import math

import numpy as np
import pytest
from keras import layers
from shared.keras_models import kinds_of_layers, network_of
from shared.smoke_trainers import make_plan, one_device

from tfadv.config.hardware import Hardware
from tfadv.models.functional.convnext import ConvNeXt
from tfadv.models.functional.from_keras import Keras
from tfadv.models.functional.vit import ViT
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.layer_norm import LayerNorm
from tfadv.planning.workload import Workload, measure_forward, measure_workload

SHAPE, KERAS = (224, 224, 3), "keras.applications"


def test_time_by_stated_peaks():
    """The released pipeline's account: ResNet-152, PGD-30, 52 hours on 128 V100."""
    workload = Workload(2 * 11.51e9, attack_steps=30, trained_images=1)
    flops = {kind: n * 110 * 1_281_167 for kind, n in workload.flops("float32", "float32").items()}
    seconds = Hardware("V100", 128, utilization=0.55).seconds(flops, 128)
    assert seconds / 3600 == pytest.approx(52, rel=0.02)
    assert Hardware("TPU v3").seconds(flops, 128) is None  # no float32 peak
    hardware = Hardware(bandwidth=10.0)
    assert hardware.all_reduce_seconds(1e9, 5) == pytest.approx(2 * 4 / 5 * 0.1)
    assert Hardware().all_reduce_seconds(1e9, 5) is None
    mixed = Workload(1e9, 10, 2).flops("float32", "bfloat16")
    assert mixed == {"bfloat16": 20e9, "float32": 6e9}


@pytest.mark.parametrize(
    ("recipe", "attacked", "trained"),
    [("clean", 0, 1), ("adv_100_clean_0", 2, 1), ("adv_100_clean_40", 2, 1.375), ("mbn_alp", 2, 2)],
)
def test_the_workload_counts_what_a_strategy_uses(recipe, attacked, trained):
    trainer = one_device(make_plan(recipe))
    workload = measure_workload(trainer.model, trainer.plan.strategy, trainer.plan.attack, 16)
    assert (workload.attack_steps, workload.trained_images) == (attacked, trained)
    operations = 2 * 8 * 8 * np.prod(trainer.model.stem.kernel.shape)
    for block, (size_in, size_out) in zip(trainer.model.blocks, ((8, 8), (8, 4)), strict=True):
        for unit, size in (
            (block.reduce, size_in),
            (block.spatial, size_out),
            (block.expand, size_out),
            (block.shortcut, size_out),
        ):
            operations += 2 * size * size * np.prod(unit.kernel.shape)
    operations += 2 * np.prod(trainer.model.head.kernel.shape)
    assert workload.forward_flops == operations


def test_the_workload_of_auto_pgd():
    plan = make_plan("adv_100_clean_0", "Experiment.attack = 'apgd_training'")
    found = measure_workload(plan.build_model(), plan.strategy, plan.attack, 16, 1.0)
    assert (found.attack_steps, found.trained_images) == (3, 1)  # a look at the image, two steps


@pytest.mark.usefixtures("worked_plugins")
@pytest.mark.parametrize(
    ("strategy", "bindings", "attacked", "trained"),
    [
        ("awp", (), 2, 4),
        ("free", ("Free.replays = 3",), 0, 3),
        ("fine_advprop", ("weak/PGD.steps = 5",), 2 + 5, 4),
        ("mean_teacher", ("Training.average_decay = 0.9",), 2 + 0.5, 2),
    ],
)
def test_the_workload_of_a_step_of_its_own(strategy, bindings, attacked, trained):
    """Two passes of AWP, three replays, a view and two attacks, a teacher's forward."""
    two = "FineAdvProp.attacks = ('pgd', 'weak/pgd')"
    branches = "MixtureBatchNorm.branches = ('clean', 'augmented', 'adv', 'weak')"
    if strategy == "fine_advprop":
        bindings = (two, branches, *bindings)
    plan = make_plan("mbn", f"Experiment.strategy = '{strategy}'", *bindings)
    model = plan.build_model()
    found = measure_workload(model, plan.strategy, plan.attack, 16, 1.0, plan.attacks)
    assert (found.attack_steps, found.trained_images) == (attacked, trained)


def test_every_kind_of_product_is_counted():
    """Of each of Keras' layers by its own kernel and shapes; attention by its definition."""
    model = kinds_of_layers()
    expected = 0
    for layer in model.layers:
        places, kernel = math.prod(layer.output.shape[1:-1]), getattr(layer, "kernel", None)
        if isinstance(layer, layers.SeparableConv2D):
            depthwise, pointwise = layer.depthwise_kernel, layer.pointwise_kernel
            expected += places * (math.prod(depthwise.shape) + math.prod(pointwise.shape))
        elif isinstance(layer, layers.Conv2DTranspose):  # each input meets the whole kernel
            expected += math.prod(layer.input.shape[1:-1]) * math.prod(kernel.shape)
        elif isinstance(layer, layers.MultiHeadAttention):
            tokens, width = layer.output.shape[1:]
            inner = 2 * 4  # two heads
            expected += tokens * 4 * width * inner + 2 * tokens**2 * inner
        elif kernel is not None:
            expected += places * math.prod(kernel.shape)
    assert measure_forward(network_of(model, BatchNorm)) == 2 * expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "published"),
    [
        (lambda: Keras(SHAPE, 1000, BatchNorm, build=f"{KERAS}.MobileNetV2"), 0.300e9),
        (lambda: Keras(SHAPE, 1000, BatchNorm, build=f"{KERAS}.EfficientNetB0"), 0.39e9),
        (lambda: ConvNeXt(SHAPE, 1000, LayerNorm), 4.5e9),
        (lambda: ViT(SHAPE, 1000, LayerNorm), 4.6e9),
    ],
)
def test_networks_cost_what_their_papers_say(build, published):
    """A multiplication and an addition are one there."""
    assert measure_forward(build()) / 2 == pytest.approx(published, rel=0.015)


@pytest.mark.usefixtures("worked_plugins")
@pytest.mark.parametrize(
    ("recipe", "strategy", "largest", "early"),
    [
        ("clean", "standard", 1, 1),
        ("adv_100_clean_0", "adversarial", 1, 0),
        ("mbn", "adversarial", 2, 1),
        ("gn", "adversarial", 2, 0),  # mixed
        ("mbn_alp", "logit_pairing", 2, 0),
        ("mbn", "awp", 2, 1),  # twice
        ("mbn", "plugins/trades", 2, 0),
    ],
)
def test_the_largest_pass_and_what_of_it_waits_for_no_attack(recipe, strategy, largest, early):
    plan = make_plan(recipe, f"Experiment.strategy = '{strategy.rpartition('/')[2]}'")
    found = measure_workload(plan.build_model(), plan.strategy, plan.attack, 16, 1.0)
    assert (found.largest_pass, found.early) == (largest, early)


@pytest.mark.parametrize(
    ("recipe", "passes", "trained"),
    [
        ("mbn", 7, 2),
        ("clean", 0, 1),
        ("adv_100_clean_0", 7, 1),
        ("plugins/fast", 1, 1),  # one step of its own, whatever the run's N
        ("plugins/trades", 8, 2),  # and a pass of the clean images
    ],
)
def test_the_attacks_of_a_strategy_are_counted(recipe, passes, trained):
    plan = make_plan(recipe, "PGD.steps = 7")
    model = one_device(plan).model
    workload = measure_workload(model, plan.strategy, plan.attack, 16)
    assert (workload.attack_steps, workload.trained_images) == (passes, trained)


def test_a_billion_steps_are_counted_without_taking_them():
    plan = make_plan("mbn", "PGD.steps = 1000000000")
    workload = measure_workload(one_device(plan).model, plan.strategy, plan.attack, 16)
    assert workload.attack_steps == 1e9 and plan.attack.steps == 10**9
