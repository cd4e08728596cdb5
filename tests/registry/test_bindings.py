"""Bindings of a part: its own, those of its scope, and what it borrows of others."""

import gin
import pytest
from shared.smoke_trainers import SMOKE, make_plan

from tfadv import config, registry
from tfadv.attacks.pgd import PGD
from tfadv.errors import UserError
from tfadv.planning.plan import build_plan
from tfadv.registry import ATTACKS, NORMS, STRATEGIES


def test_a_part_can_be_built_in_a_scope_of_its_own():
    bindings = ["Experiment.attack = 'mine/pgd'", "mine/PGD.steps = 3", "PGD.steps = 5"]
    config.read(["gin/mbn.gin"], bindings)
    plan = build_plan()
    assert plan.attack.steps == 3 and plan.attack.epsilon == 64


OF_PGD = (
    "PGD.targeted = True",
    "PGD.loss = 'margin'",
    "PGD.clean_start_probability = 0.7",
    "PGD.clean_start = 'per_batch'",
)


def evaluation_attack(spec, *bindings):
    plan = make_plan("mbn", f"Evaluation.attacks = ('{spec}',)", *OF_PGD, *bindings)
    return plan.evaluation_attacks[spec]


def test_fgsm_has_the_threat_model_and_not_the_goal_of_pgd():
    attack = evaluation_attack("fgsm", "PGD.epsilon = 8.0", "eval/PGD.ball = 'l2'")
    assert (attack.epsilon, attack.ball, attack.step_size) == (8.0, "l2", 8.0)
    assert not attack.targeted
    assert (attack.loss, attack.clean_start_probability) == ("cross_entropy", 0.0)


def test_an_attack_derived_from_pgd_has_its_steps_too_in_every_scope(forget_plugins):
    @ATTACKS.register("kin")
    class Kin(PGD):
        """PGD under another name."""

    attack = evaluation_attack("pgd10/kin")
    assert (attack.steps, attack.step_size, attack.epsilon) == (10, 1.6, 16.0)
    assert attack.targeted  # its own default, as PGD's
    assert (attack.loss, attack.clean_start) == ("cross_entropy", "per_example")
    assert attack.clean_start_probability == 0.0
    own = evaluation_attack("pgd10/kin", "Kin.steps = 4", "eval/pgd10/Kin.targeted = False")
    assert (own.steps, own.targeted) == (4, False)


@pytest.mark.parametrize("name", ["apgd", "apgd_targeted", "fab_targeted"])
def test_other_attacks_have_their_own_lengths(name):
    expected = 5 if name == "apgd" else 100
    assert evaluation_attack(name, "PGD.steps = 7", "APGD.steps = 5").steps == expected


def test_bindings_of_a_base_class_are_not_inherited():
    """A mixture's ratio is not logit pairing's, group norm's groups are no plugin's."""
    config.read(
        ["gin/mbn_alp.gin", SMOKE],
        ["Adversarial.clean_ratio = 0.25", "GroupNorm.groups = 2", "GroupNorm.epsilon = 0.5"],
        ["plugins.weight_standardization", "plugins.fast"],
    )
    assert STRATEGIES.build("logit_pairing").clean_ratio == 1.0
    assert STRATEGIES.build("fast").clean_ratio == 0.0
    norm = NORMS.build("weight_standardized_group_norm")
    assert (norm.groups, norm.epsilon) == (32, 1e-5)


def test_what_was_borrowed_is_written_with_its_source():
    config.read(
        ["gin/mbn.gin", SMOKE], ["Evaluation.attacks = ('fgsm',)", "eval/PGD.epsilon = 4.0"]
    )
    build_plan()
    text = config.operative_text()
    assert "\neval/FGSM.epsilon = 4.0  # from eval/PGD.epsilon\n" in text
    gin.clear_config()
    gin.parse_config(text)  # it stays a gin file
    assert gin.query_parameter("eval/FGSM.epsilon") == 4.0
    config.read(["gin/mbn.gin", SMOKE])
    assert registry.borrowed() == {}  # of the configuration before


@pytest.mark.parametrize(
    ("spec", "bindings", "nearest"),
    [
        ("pgd50/pgd", (), "eval/pgd5"),
        ("pgd50/pgd", ("pgd50/PGD.steps = 50",), "eval/pgd50/PGD"),  # without eval/: training's
        ("pgd100/fgsm", (), "FGSM"),  # has no steps
        ("pgd100/apgd", (), "APGD"),  # not of PGD's kin
        ("pgd100/autoattack", (), "AutoAttack"),
    ],
)
def test_a_scope_that_binds_nothing_for_its_attack_is_refused(spec, bindings, nearest):
    with pytest.raises(UserError, match="nothing is bound for .* in the scope 'eval/pgd") as error:
        make_plan("mbn", f"Evaluation.attacks = ('{spec}',)", *bindings)
    assert nearest in error.value.message
    assert error.value.parameter == "Evaluation.attacks"


@pytest.mark.parametrize("value", [10, 2])  # the scope's own value, even where it is training's
def test_a_scope_that_binds_something_is_taken(value):
    attack = evaluation_attack("mine/pgd", f"eval/mine/PGD.steps = {value}", "PGD.steps = 2")
    assert attack.steps == value


def test_training_may_use_a_scope_of_its_own():
    plan = make_plan("mbn", "Experiment.attack = 'strong/pgd'", "strong/PGD.steps = 9")
    assert plan.attack.steps == 9
    with pytest.raises(UserError, match="in the scope 'strong'"):
        make_plan("mbn", "Experiment.attack = 'strong/pgd'")


@pytest.mark.usefixtures("forget_plugins")
def test_a_part_takes_the_bindings_of_its_base_classes():
    config.read(
        ["gin/gn.gin"],
        ["eval/pgd10/MIFGSM.decay = 0.5", "MIFGSM.targeted = False"],
        plugins=["plugins.mi_fgsm"],
    )
    attack = ATTACKS.build("eval/pgd10/mi_fgsm")
    assert (attack.epsilon, attack.steps, attack.decay) == (64.0, 10, 0.5)
    assert ATTACKS.build("eval/pgd100/mi_fgsm").steps == 100
    assert not attack.targeted  # its own binding, before PGD.targeted = True of the protocol
    assert ATTACKS.build("mi_fgsm", epsilon=2.0).epsilon == 2.0


@pytest.mark.usefixtures("forget_plugins")
def test_a_base_class_that_is_not_pgd_lends_nothing():
    class Wide(PGD):
        """Between PGD and the attack that is built."""

        def __init__(self, epsilon: float, steps: int = 1):
            super().__init__(epsilon, steps)

    class Wider(Wide):
        """The attack that is built."""

    ATTACKS.register("wide")(Wide)
    ATTACKS.register("wider")(Wider)
    config.read(["gin/gn.gin"], ["Wide.epsilon = 3.0"])
    narrow, wide = ATTACKS.build("wide"), ATTACKS.build("wider")
    assert (narrow.epsilon, wide.epsilon, wide.steps) == (3.0, 64.0, 10)
    assert ATTACKS.build("wide", steps=2).steps == 2


@pytest.mark.parametrize("part", ["image_folder", "imagenet"])
def test_what_is_for_commands_alone_is_bound_by_no_run(part):
    with pytest.raises(UserError, match="incomplete"):
        config.read([], [f"{part}.incomplete = True"])
