"""AutoAttack's stages: balls, radii and the overlays that ask for it."""

import pytest

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
    config.read(["gin/mbn.gin", "gin/eval/full.gin"], [])
    plan = build_plan()
    assert plan.evaluation.worst_case and plan.checkup.epsilon == 64
    assert len(plan.evaluation.corruptions) == 14 and "autoattack" in plan.evaluation_attacks
