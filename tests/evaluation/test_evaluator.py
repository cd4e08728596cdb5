"""Clean accuracy, and stages of ever fewer images that give the outcomes of a whole attack."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import finish, make_plan, one_device
from shared.tiny_evaluator import AUTOATTACK, make_evaluator, network

from tfadv import randomness
from tfadv.data.pipeline import some_examples
from tfadv.training.session import Session

STAGES = ["apgd", "apgd_targeted", "fab_targeted", "square"]


@pytest.mark.parametrize("epsilon", [0.5, pytest.param(1.5, marks=pytest.mark.slow)])
def test_stages_give_the_outcomes_of_the_whole_attack(epsilon):
    plan, made = make_evaluator(*AUTOATTACK, f"eval/AutoAttack.epsilon = {epsilon}")
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


def test_each_stage_attacks_what_the_stages_before_left():
    _, made = make_evaluator(*AUTOATTACK, "eval/AutoAttack.epsilon = 1.5")
    record = made.evaluate()
    (row,) = record["attacks"]
    assert [stage["attack"] for stage in row["stages"]] == STAGES
    before = record["clean"]["main"]["accuracy"]
    for stage in row["stages"]:
        assert stage["attacked"] == round(20 * before)
        assert stage["accuracy"] <= before
        before = stage["accuracy"]
    assert before == row["accuracy"]


@pytest.mark.slow
def test_any_order_of_the_stages_gives_the_same_verdicts():
    verdicts = []
    order = "eval/AutoAttack.order = ('square', 'fab_targeted', 'apgd_targeted', 'apgd')"
    for bindings in ((), (order,)):
        _, made = make_evaluator(*AUTOATTACK, "eval/AutoAttack.epsilon = 1.0", *bindings)
        (row,) = made.evaluate()["attacks"]
        verdicts.append(made.predictions["main", "autoattack"] == made.source.labels)
    assert [stage["attack"] for stage in row["stages"]] == STAGES[::-1]
    np.testing.assert_array_equal(*verdicts)
    assert 0 < np.mean(verdicts[0]) < 1


def test_later_stages_may_have_nothing_left_to_attack():
    _, made = make_evaluator(
        *AUTOATTACK, "eval/AutoAttack.epsilon = 60.0", "Evaluation.worst_case = True"
    )
    record = made.evaluate()
    (row,) = record["attacks"]
    assert row["accuracy"] == record["worst_case"]["main"]["accuracy"] == 0
    assert [stage["attacked"] for stage in row["stages"]][-1] == 0


@pytest.mark.parametrize(("dtype", "said"), [("float32", None), ("auto", "bfloat16")])
def test_a_row_names_a_precision_that_is_not_usual(machine, dtype, said):
    trainer = one_device(make_plan("mbn", f"Evaluation.dtype = '{dtype}'"))
    record = Session(trainer).evaluate()
    assert [row.get("dtype") for row in record["attacks"]] == [said, said]
    chosen = trainer.plan.precision.get("Evaluation.dtype")
    assert record.get("precision") == (chosen and chosen.record())


def test_evaluation_counts_every_image_once_whatever_the_batch():
    records = []
    for batch_size in (16, 20, 6):
        keras.utils.clear_session()
        trainer = one_device(make_plan("mbn", f"Evaluation.batch_size = {batch_size}"))
        records.append(Session(trainer).evaluate())
    for record in records:
        assert record["examples"] == 20
        assert record["clean"] == records[0]["clean"]
        found, expected = (
            [row["accuracy"] for row in one["attacks"]] for one in (record, records[0])
        )
        assert found == pytest.approx(expected, abs=0.05)


def test_evaluation_agrees_with_a_plain_forward():
    trainer = one_device(make_plan("mbn", "Evaluation.attacks = ()"))
    finish(trainer)
    source = trainer.plan.splits.test
    images, labels = zip(*(source.fetch(index) for index in range(len(source))), strict=True)
    predicted = np.argmax(trainer.model(tf.stack(images)), 1)
    expected = np.mean(predicted == np.array(labels))
    assert Session(trainer).evaluate()["clean"]["adv"]["accuracy"] == pytest.approx(expected)
