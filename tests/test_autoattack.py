"""AutoAttack in stages of ever fewer images: the verdicts of the whole, called at once."""

import json

import numpy as np
import pytest
import tensorflow as tf
from attackable import make_evaluator, network

from tfadv import config, randomness
from tfadv.attacks.autoattack import AutoAttack
from tfadv.data.pipeline import some_examples
from tfadv.errors import UserError
from tfadv.evaluation.report import worst_of_all, write_report
from tfadv.planning.plan import build_plan
from tfadv.registry import ATTACKS, scoped

BINDINGS = (
    "Evaluation.attacks = ('autoattack',)",
    "Evaluation.batch_size = 10",
    "eval/AutoAttack.steps = 6",
    "eval/AutoAttack.queries = 30",
)


def evaluator(*bindings):
    return make_evaluator(*BINDINGS, *bindings)


@pytest.mark.parametrize("epsilon", [0.5, 1.5])
def test_stages_give_the_verdicts_of_the_whole(epsilon):
    plan, made = evaluator(f"eval/AutoAttack.epsilon = {epsilon}")
    record = made.evaluate()
    (row,) = record["attacks"]
    batch = some_examples(plan.splits.test, 20)
    attack = plan.evaluation_attacks["autoattack"]
    seeds = randomness.example_seeds(0, "evaluate autoattack", batch["index"])
    run = tf.function(lambda *rest: attack(network, *rest), autograph=False)
    labels = tf.constant(plan.splits.test.labels, tf.int32)
    expected = np.argmax(network(run(batch["image"], labels, seeds)), -1)
    np.testing.assert_array_equal(
        made.predictions["main", "autoattack"] == labels, expected == labels
    )
    assert 0 < row["accuracy"] == np.mean(expected == labels) < record["clean"]["main"]["accuracy"]
    assert row["epsilon"] == epsilon and row["attack_success"] == pytest.approx(1 - row["accuracy"])


def test_each_stage_attacks_what_the_ones_before_left():
    _, made = evaluator("eval/AutoAttack.epsilon = 1.5")
    record = made.evaluate()
    (row,) = record["attacks"]
    assert [stage["attack"] for stage in row["stages"]] == [
        "apgd",
        "apgd_targeted",
        "fab_targeted",
        "square",
    ]
    before = record["clean"]["main"]["accuracy"]
    for stage in row["stages"]:
        assert stage["attacked"] == round(20 * before)
        assert stage["accuracy"] <= before
        before = stage["accuracy"]
    assert before == row["accuracy"]


def test_nothing_is_left_for_the_later_stages():
    _, made = evaluator("eval/AutoAttack.epsilon = 60.0", "Evaluation.worst_case = True")
    record = made.evaluate()
    (row,) = record["attacks"]
    assert row["accuracy"] == record["worst_case"]["main"]["accuracy"] == 0
    assert [stage["attacked"] for stage in row["stages"]][-1] == 0


@pytest.mark.parametrize("name", ["autoattack", "apgd", "fab_targeted", "square"])
def test_the_radius_of_every_attack_is_pgds_unless_it_has_its_own(name):
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


def test_the_overlays_ask_for_what_they_say():
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


def test_the_record_and_the_page_hold_everything(tmp_path):
    _, made = evaluator(
        "Evaluation.attacks = ('autoattack', 'pgd10/pgd')",
        "Evaluation.corruptions = ('contrast',)",
        "Evaluation.doctor = True",
        "eval/AutoAttack.epsilon = 1.5",
        "eval/PGD.epsilon = 6.0",
        "eval/Checkup.steps = 4",
        "eval/Checkup.queries = 10",
    )
    record = {"model": {"name": "tiny", "branches": ["main"]}, "epsilon": None} | made.evaluate()
    json.dumps(record)
    clean = record["clean"]["main"]
    assert sum(row["examples"] for row in clean["per_class"]) == 20
    assert 0 <= clean["calibration_error"] <= 1 and "top5" not in clean  # of four classes
    rows = record["corruptions"]["main"]
    assert [row["severity"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0]["accuracy"] > rows[-1]["accuracy"]  # its labels are the clean images'
    assert len(record["doctor"]["main"]) == 10
    worst = worst_of_all(made, record)
    page = write_report(made, record, worst, tmp_path / "report")
    text = page.read_text()
    for told in ("AUTOATTACK", "black box", "contrast"):
        assert told.lower() in text.lower(), told
    assert worst and all(shown.prediction != shown.label for shown in worst)
    assert sorted((shown.confidence for shown in worst), reverse=True) == [
        shown.confidence for shown in worst
    ]
    for shown in worst:
        assert np.abs(shown.adversarial - shown.image).max() <= 6 + 1e-3
