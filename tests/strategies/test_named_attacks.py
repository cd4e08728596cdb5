"""Several attacks by name: their kinds, threat models, records and mistakes."""

import pytest
from shared.smoke_trainers import make_plan

from tfadv.errors import UserError
from tfadv.strategies import kinds_of_attacks

pytestmark = pytest.mark.usefixtures("worked_plugins")

MIXTURE = ("Experiment.strategy = 'threat_mixture'", "ThreatMixture.attacks = ('pgd', 'l2/pgd')")
L2 = ("l2/PGD.ball = 'l2'", "l2/PGD.epsilon = 128.0")


def test_kinds_are_called_after_scopes():
    found = kinds_of_attacks(["pgd", "weak/pgd", "a/b/fgsm"], "Mine.attacks")
    assert found == {"adv": "pgd", "weak": "weak/pgd", "a_b": "a/b/fgsm"}


@pytest.mark.parametrize(
    "attacks", [(), ("pgd", "fgsm"), ("weak/pgd", "weak/fgsm"), ("clean/pgd",)]
)
def test_kinds_of_one_name_are_refused(attacks):
    with pytest.raises(UserError, match="Mine.attacks must be attacks in scopes of different"):
        kinds_of_attacks(attacks, "Mine.attacks")


def test_each_attack_has_the_run_s_threat_model_unless_its_own_is_bound():
    plan = make_plan("mbn", *MIXTURE, "l2/PGD.steps = 3", "PGD.epsilon = 12.0")
    assert {attack.threat_model for attack in plan.attacks.values()} == {plan.threat_model}
    assert plan.attacks["l2/pgd"].steps == 3
    assert "other_threat_models" not in plan.describe()


def test_threat_models_beside_the_run_s_are_recorded():
    plan = make_plan("mbn", *MIXTURE, *L2)
    record = plan.describe()
    assert record["threat_model"] == {"epsilon": 16.0, "ball": "linf"}
    assert record["other_threat_models"] == {"l2/pgd": {"epsilon": 128.0, "ball": "l2"}}


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        (
            ("Experiment.strategy = 'trades'", "Experiment.attack = 'square'"),
            "'square' has no steps",
        ),
        (("ThreatMixture.attacks = ('pgd', 'l2/pdg')", MIXTURE[0], *L2), "Did you mean 'pgd'"),
        (("Experiment.strategy = 'mean_teacher'",), "bind Training.average_decay"),
        (
            (
                "Experiment.strategy = 'awp'",
                "AdversarialWeightPerturbation.strategy = 'free'",
            ),
            "'free' has a step of its own",
        ),
    ],
)
def test_what_does_not_go_together_is_one_line_before_work_starts(bindings, message):
    with pytest.raises(UserError, match=message):
        make_plan("mbn", "Square.queries = 10", *bindings)
