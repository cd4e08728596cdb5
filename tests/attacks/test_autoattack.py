"""AutoAttack's stages: balls, radii and the overlays that ask for it."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import config
from tfadv.attacks.autoattack import AutoAttack
from tfadv.errors import UserError
from tfadv.planning.plan import build_plan
from tfadv.registry import ATTACKS, scoped


@pytest.mark.parametrize("name", ["autoattack", "apgd", "fab_targeted", "square"])
def test_every_attack_has_the_radius_of_pgd_unless_its_own_is_bound(name):
    config.read(["gin/mbn.gin", "gin/attack/epsilon8.gin"], [])
    with scoped("eval"):
        attack = ATTACKS.build(name)
    assert attack.epsilon == 8
    own = f"eval/{type(attack).__name__}.epsilon = 3.0"
    config.read(["gin/mbn.gin"], ["eval/PGD.epsilon = 5.0", own])
    with scoped("eval"):
        assert ATTACKS.build(name).epsilon == 3 and ATTACKS.build("pgd", steps=1).epsilon == 5


def test_every_stage_takes_the_ball():
    attack = AutoAttack(8.0, ball="l2")
    assert attack.describe()["ball"] == "l2"
    assert all(stage.describe()["ball"] == "l2" for stage in attack.stages().values())
    with pytest.raises(UserError, match="ball is 'l3', which is none of .*l2"):
        AutoAttack(8.0, ball="l3")


def test_the_overlays_of_autoattack_and_of_a_full_evaluation():
    config.read(["gin/mbn.gin", "gin/eval/autoattack.gin"], [])
    plan = build_plan()
    (attack,) = plan.evaluation_attacks.values()
    stages = attack.stages()
    assert [stage.epsilon for stage in stages.values()] == [64] * 4
    assert stages["apgd"].steps == stages["apgd_targeted"].steps == 100
    assert stages["apgd_targeted"].classes == 9 and stages["square"].queries == 5000
    assert attack.version == "standard" and attack.describe()["version"] == "standard"
    config.read(["gin/mbn.gin", "gin/eval/full.gin"], [])
    plan = build_plan()
    assert plan.evaluation.worst_case and plan.checkup.epsilon == 64
    assert len(plan.evaluation.corruptions) == 14 and "autoattack" in plan.evaluation_attacks


@pytest.mark.parametrize(
    ("overlay", "epsilon", "examples"),
    [("robustbench_cifar", 8.0, None), ("robustbench_imagenet", 4.0, 5000)],
)
def test_the_overlays_of_robustbenchs_protocol(overlay, epsilon, examples):
    """Whatever the recipe's threat model and the scale's number of images."""
    l2 = ["PGD.ball = 'l2'", "PGD.epsilon = 300.0"]
    files = ["gin/mbn.gin", "gin/scale/digits.gin", f"gin/eval/{overlay}.gin"]
    config.read(files, l2)
    plan = build_plan()
    (attack,) = plan.evaluation_attacks.values()
    assert (attack.epsilon, attack.ball, attack.version) == (epsilon, "linf", "standard")
    assert plan.evaluation.examples == examples and not plan.evaluation.worst_case


@pytest.mark.parametrize(
    "other", [{"steps": 99}, {"classes": 8}, {"queries": 4999}, {"expectation_samples": 2}]
)
def test_another_setting_is_another_version(other):
    assert AutoAttack(8.0, **other).describe()["version"] == "custom"
    assert AutoAttack(8.0).for_classes(3).version == AutoAttack(8.0).without_gradient().version
    assert AutoAttack(8.0).for_classes(3).version == "custom"


@pytest.mark.parametrize(
    ("classes", "titles", "towards"),
    [
        (10, ["APGD-CE", "APGD-T", "FAB-T", "Square"], 9),
        (4, ["APGD-CE", "APGD-T", "FAB-T", "Square"], 3),
        (3, ["APGD-CE", "APGD-DLR", "FAB-T", "Square"], 2),
        (2, ["APGD-CE", "FAB-T", "Square"], 1),
    ],
)
def test_of_few_classes_it_runs_what_applies(classes, titles, towards):
    attack = AutoAttack(8.0, steps=3, queries=5).for_classes(classes)
    assert [stage.title for stage in attack.stages().values()] == titles
    assert attack.stages()["fab_targeted"].classes == towards
    again = attack.for_classes(classes)
    assert list(again.stages()) == list(attack.stages())
    fewest = ["APGD-CE", "FAB-T", "Square"]
    assert [stage.title for stage in attack.for_classes(2).stages().values()] == fewest
    assert ("left_out" in attack.describe()) == (classes < 4)
    random = np.random.default_rng(0)
    w = random.normal(0, 0.1, (12, classes)).astype("float32")
    images = tf.constant(random.uniform(0, 255, (5, 2, 2, 3)), tf.float32)

    def logits_fn(x):
        return (tf.reshape(x, [-1, 12]) / 127.5 - 1) @ w

    labels = tf.argmax(logits_fn(images), -1, tf.int32)
    found = attack(logits_fn, images, labels, tf.zeros((5, 2), tf.int64))
    assert np.all(np.isfinite(found)) and np.abs(found - images).max() <= 8.001


def test_without_a_gradient_it_is_square_alone():
    attack = AutoAttack(8.0).without_gradient()
    assert list(attack.stages()) == ["square"] and len(attack.left_out) == 3
    assert attack.describe()["left_out"]["apgd"] == "the model has no gradient by its images"


def test_another_order_has_the_same_stages():
    other = AutoAttack(8.0, order=("apgd", "square", "fab_targeted", "apgd_targeted"))
    assert list(other.stages()) == ["apgd", "square", "fab_targeted", "apgd_targeted"]
    assert other.version == "standard" and other.describe()["order"] == list(other.stages())
    assert "order" not in AutoAttack(8.0).describe()
    assert list(other.for_classes(3).stages()) == ["apgd", "square", "fab_targeted", "apgd_dlr"]
    for order in (("apgd",), ("apgd", "apgd", "fab_targeted", "square")):
        with pytest.raises(UserError, match="AutoAttack.order must name each of apgd, "):
            AutoAttack(8.0, order=order)
    with pytest.raises(UserError, match="AutoAttack.order.*Did you mean 'square'"):
        AutoAttack(8.0, order=("apgd", "squares", "fab_targeted", "apgd_targeted"))
