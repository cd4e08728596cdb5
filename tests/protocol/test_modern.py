"""The constants of gin/modern's recipes: those of the papers, read from what a plan builds."""

import functools
import operator

import numpy as np
import pytest
from shared.modern_recipes import MODERN, published, tiny
from shared.project import GIN, MODERN_RECIPES

from tfadv.attacks.autoattack import AutoAttack
from tfadv.models.weight_groups import weights_of
from tfadv.norms import NormPhase
from tfadv.planning.run_workload import measure_run
from tfadv.registry import NORMS
from tfadv.strategies import ADV, CLEAN


def test_every_recipe_is_in_the_table_and_has_its_sizes():
    assert set(MODERN) == set(MODERN_RECIPES)
    assert {path.stem for path in GIN.glob("modern/scale/*.gin")} == {*MODERN, "smoke"}


@pytest.mark.parametrize("name", MODERN)
def test_constants_are_the_papers(name):
    said, plan = MODERN[name], published(name)
    training, attack, strategy = plan.training, plan.attack, plan.strategy
    assert (training.epochs, training.batch_size, plan.steps_per_epoch) == said.epochs
    assert (training.weight_decay, tuple(training.weight_decay_of)) == said.decay
    assert training.average_decay == said.average
    kind, epsilon, steps, step_size = said.attack
    assert (type(attack).__name__, attack.epsilon, attack.steps) == (kind, epsilon, steps)
    assert attack.ball == "linf" and attack.targeted == said.targeted
    if step_size is not None:
        assert attack.step_size == pytest.approx(step_size)
        assert (attack.clean_start_probability, attack.loss) == (said.start, "cross_entropy")
    mode = NormPhase(plan.norm_policy).attack_mode(ADV)
    assert (mode.statistics, mode.update) == said.statistics
    assert plan.norm_policy.freeze == "nothing"
    for attribute, value in said.strategy.items():
        assert operator.attrgetter(attribute)(strategy) == value, attribute
    inner = getattr(strategy, "inner", strategy)
    assert tuple(inner.smoothing(kind) for kind in (CLEAN, ADV)) == said.smoothing
    norm = NORMS.build(plan.experiment.norm)
    found = [getattr(norm, part, None) for part in ("momentum", "unbiased_variance")]
    assert (plan.experiment.norm, *found) == said.norm
    optimizer = plan.build_optimizer()
    for attribute, value in said.optimizer.items():
        assert getattr(optimizer, attribute) == value, attribute
    mixing = plan.mixing
    more = (mixing.cutmix_probability, mixing.probability) if mixing.is_on else ()
    assert (mixing.mixup_alpha, mixing.cutmix_alpha, *more) == said.mixing


@pytest.mark.parametrize("name", MODERN)
def test_learning_rates_are_the_papers(name):
    plan = published(name)
    for epoch, rate in MODERN[name].rates.items():
        found = float(plan.learning_rate(round(epoch * plan.steps_per_epoch)))
        assert found == pytest.approx(rate, rel=1e-3), epoch


@pytest.mark.parametrize("name", [name for name, said in MODERN.items() if said.radii])
def test_radii_are_the_papers(name):
    schedule = published(name).attack.schedules["epsilon"]
    for epoch, radius in MODERN[name].radii.items():
        assert schedule.value(epoch) == pytest.approx(radius), epoch


def test_images_of_imagenet_are_made_as_published():
    """MadryLab/robustness: jitter 0.1, lighting 0.05; timm's for Singh et al."""
    for name in ("resnet50", "ra_resnet50"):
        crop = published(name).augmentation
        assert (crop.image_size, crop.area, crop.aspect_ratio) == (224, (0.08, 1.0), (3 / 4, 4 / 3))
        assert (crop.jitter, crop.lighting, crop.flip) == (0.1, 0.05, True)
    for name in ("convnext_t_convstem", "vit_s_convstem"):
        crop, randomly, erasing = published(name).augmentation.parts
        assert (crop.jitter, crop.lighting, crop.flip, crop.bicubic.cubic_a) == (0, 0, True, -0.5)
        assert (randomly.operations, randomly.magnitude) == (2, 9.0)
        assert (erasing.probability, erasing.area) == (0.25, (0.02, 1 / 3))
        assert (erasing.least_ratio, erasing.fill) == (0.3, None)
        assert published(name).attack.label_smoothing == 0.1
    view = published("fine_advprop").view
    assert (type(view).__name__, view.operations, view.magnitude) == ("RandAugment", 2, 9.0)


def test_images_of_cifar10_are_made_as_published():
    for name in ("wrn_awp_trades", "wrn28_10_generated", "fast_warmup"):
        crop = published(name).augmentation
        assert (crop.padding, crop.flip) == (4, True)
    plan = published("wrn28_10_generated")
    assert plan.steps == 60_000
    assert plan.training.extra_images / plan.training.batch_size == pytest.approx(0.7, abs=1e-3)
    assert len(plan.splits.train) == 48_976
    million = ("Training.batch_size = 512", "Training.epochs = 123")
    fewer = published("wrn28_10_generated", (*million, "LearningRate.rate_per_256 = 0.1"))
    assert fewer.steps == 39_114 and fewer.learning_rate.base_rate == pytest.approx(0.2)


@pytest.mark.parametrize("name", MODERN)
def test_evaluations_are_autoattack(name):
    (attack,) = published(name).evaluation_attacks.values()
    if name != "fine_advprop":  # judged on clean images
        assert isinstance(attack, AutoAttack) and attack.epsilon == MODERN[name].attack[1]


@functools.cache
def network(name):
    plan = published(name)
    return plan, plan.build_model()


@pytest.mark.slow
@pytest.mark.parametrize("name", MODERN)
def test_networks_are_the_published_ones(name):
    said, (plan, model) = MODERN[name], network(name)
    trained = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert (plan.experiment.model, trained) == said.model
    prepared = getattr(model, "prepare", model)
    names = ("mean", "std") if prepared is not model else ("pixel_mean", "pixel_std")
    for attribute, values in zip(names, said.pixels, strict=True):
        np.testing.assert_allclose(np.ravel(getattr(prepared, attribute)), values, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODERN)
def test_the_computation_in_a_head_is_what_is_counted(name):
    plan, model = network(name)
    flops = measure_run(plan, model, 32).flops(plan.training.dtype, plan.training.attack_dtype)
    total = sum(flops.values()) * plan.training.batch_size * plan.steps
    assert total == pytest.approx(float(MODERN[name].flops), rel=0.05)


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("convnext_t_convstem", {"bias"}),  # C: '.bias'; of norms it is β here, which decays
        ("vit_s_convstem", {"bias", "beta", "gamma"}),  # C: whatever is a vector
    ],
)
def test_what_does_not_decay(name, left):
    plan = tiny(name)
    model = plan.build_model()
    decayed = {v.path for v in weights_of(model, plan.training.weight_decay_of)}
    spared = [v for v in model.trainable_variables if v.path not in decayed]
    assert {variable.name for variable in spared} == left
    rest = {v.name for v in model.trainable_variables if v.path in decayed} - {"kernel"}
    vectors = {"vectors", "token"} if name == "vit_s_convstem" else {"gamma", "beta", "layer_scale"}
    assert rest == vectors
