"""One threat model, from gin to training, evaluation, records and bundles."""

import json

import numpy as np
import pytest
import tensorflow as tf
from shared.random_bundles import bundle_of, random_run
from shared.smoke_trainers import make_plan
from shared.tiny_evaluator import make_evaluator

from tfadv import randomness
from tfadv.attacks.pgd import PGD
from tfadv.attacks.threat_model import ThreatModel
from tfadv.errors import UserError
from tfadv.interop.loaded_bundle import LoadedBundle
from tfadv.planning.evaluation_parts import EvaluationParts
from tfadv.registry import ATTACKS
from tfadv.reports.console import attack_name
from tfadv.strategies import Network

L2 = ("PGD.ball = 'l2'", "PGD.epsilon = 128.0", "PGD.step_size = 32.0", "eval/PGD.step_size = 8.0")
DISTANT = 40.0


@pytest.mark.parametrize("strategy", ["plugins/trades", "plugins/fast", "mbn_alp"])
def test_the_attacks_of_a_strategy_stay_in_the_ball_of_the_run(strategy, tiny_model, some_images):
    plan = make_plan(strategy, "PGD.ball = 'l2'", f"PGD.epsilon = {DISTANT}")
    model, (images, labels) = tiny_model("batch"), some_images
    seeds = randomness.example_seeds(0, "attack", tf.range(6))
    found = plan.strategy.training_images(Network(model), plan.attack, images, labels, seeds)["adv"]
    distance = np.linalg.norm((found - images).numpy().reshape(6, -1), axis=1)
    assert distance.max() <= DISTANT + 1e-3
    assert distance.max() > 8.0  # a step's length: in L∞ balls it would be more


@pytest.mark.parametrize(
    ("attacks", "radii"),
    [("('pgd10/pgd', 'fgsm', 'apgd', 'square')", "(0.5,)"), ("('fgsm', 'apgd')", "(2.0,)")],
)
def test_an_l2_evaluation_says_so_in_every_row_and_in_the_record(attacks, radii):
    bindings = [*L2, f"Evaluation.attacks = {attacks}", f"Evaluation.radii = {radii}"]
    bindings += ["APGD.steps = 3", "Square.queries = 5", "Evaluation.worst_case = True"]
    _, evaluator = make_evaluator(*bindings)
    record = json.loads(json.dumps(evaluator.evaluate()))
    assert (record["epsilon"], record["ball"]) == (128.0, "l2")
    assert {row["ball"] for row in record["attacks"]} == {"l2"}
    assert all(isinstance(row["targeted"], bool) for row in record["attacks"])
    factor = float(radii.strip("(,)"))
    assert record["attacks"][-1]["epsilon"] == 128.0 * factor
    assert all("ε=" in attack_name(row) and "L2" in attack_name(row) for row in record["attacks"])
    assert "targeted" in attack_name(record["attacks"][0])


def test_the_checkup_searches_the_attacks_ball():
    plan = make_plan("mbn", *L2, "Evaluation.doctor = True")
    assert plan.checkup.threat_model == ThreatModel(128.0, "l2")
    pgd = plan.checkup.pgd()
    assert (pgd.ball, pgd.epsilon, pgd.step_size, pgd.targeted) == ("l2", 128.0, 8.0, False)
    whole = plan.checkup.threat_model.unbounded((8, 8, 3))
    corners = tf.constant([[0.0] * 192, [255.0] * 192])
    assert whole.epsilon >= float(tf.norm(corners[1] - corners[0])) - 1e-2
    assert ThreatModel(4.0).unbounded((8, 8, 3)).epsilon == 255.0


def test_an_attack_that_knows_one_ball_is_refused_in_another(forget_plugins):
    @ATTACKS.register("linf_alone")
    class LinfAlone(PGD):
        """Takes no ball."""

        def __init__(self, epsilon: float):
            super().__init__(epsilon, 1, epsilon)

    for bindings in (
        ("Evaluation.attacks = ('linf_alone',)",),
        ("Experiment.attack = 'linf_alone'",),
    ):
        with pytest.raises(UserError, match="LinfAlone knows L∞ balls alone.*PGD.ball = 'l2'"):
            make_plan("mbn", *L2, *bindings)
        make_plan("mbn", *bindings)
    with pytest.raises(UserError, match="knows L∞ balls alone"):
        LinfAlone.within(ThreatModel(8.0, "l2"))


@pytest.mark.parametrize(("epsilon", "ball"), [(-1.0, "linf"), (float("nan"), "l2"), (8.0, "l1")])
def test_impossible_threat_models_are_refused(epsilon, ball):
    with pytest.raises(UserError):
        ThreatModel(epsilon, ball)


@pytest.mark.parametrize(
    ("files", "bindings", "threat", "message"),
    [
        (["gin/mbn_alp.gin"], L2, (128.0, "l2"), "within ε = 128 of 255 (L2)"),
        (["gin/mbn_alp.gin"], (), (64.0, "linf"), "within ε = 64 of 255 (L∞)"),
        (["gin/clean.gin"], L2, (None, None), "Trained without an attack"),
    ],
)
def test_a_bundle_claims_what_its_model_was_trained_for(tmp_path, files, bindings, threat, message):
    run = random_run(tmp_path, *bindings, files=[*files, "gin/scale/digits.gin"])
    metadata, _ = bundle_of(run, tmp_path / "bundle")
    assert (metadata["epsilon_of_255"], metadata["ball"]) == threat
    card = (tmp_path / "bundle/model_card.md").read_text()
    assert message in card
    other_balls = {"L2", "L∞"} - {message[-3:-1]}
    assert not other_balls & set(card.replace(")", " ").replace("(", " ").split())
    loaded = LoadedBundle(tmp_path / "bundle")
    assert loaded.ball == (threat[1] or "linf")
    if threat[0] is None:
        with pytest.raises(UserError, match="trained without an attack"):
            _ = loaded.epsilon
    else:
        assert loaded.epsilon == pytest.approx(threat[0] / 255)


def test_an_evaluation_may_use_another_ball_than_training():
    plan = make_plan("mbn", "eval/PGD.ball = 'l2'", "eval/PGD.epsilon = 90.0")
    assert plan.threat_model == ThreatModel(16.0, "linf")
    assert {a.threat_model for a in plan.evaluation_attacks.values()} == {ThreatModel(90.0, "l2")}
    assert EvaluationParts.of(plan).attacks == plan.evaluation_attacks
