"""Outcomes that are not finite are refused by name and never counted."""

import numpy as np
import pytest
import tensorflow as tf
from shared.tiny_evaluator import make_evaluator, network

from tfadv.errors import UserError


def broken_evaluator(monkeypatch, fails, *bindings):
    """An evaluator of a network that `fails` for images whose first pixel is bright."""

    def model(images):
        return fails(network(images), images)

    monkeypatch.setattr("attackable.network", network)
    plan, evaluator = make_evaluator(*bindings)
    evaluator.judge._model.functions["main"] = model
    return plan, evaluator


def nan_logits(logits, images):
    return tf.where(images[:, 0, 0, :1] > 150, float("nan"), logits)


def nan_gradients(logits, images):
    bright = images[:, 0, 0, :1] > 150
    return logits + tf.sqrt(tf.nn.relu(images[:, 0, 0, :1] - 999) + tf.cast(~bright, tf.float32))


def test_clean_images_without_a_finite_answer_are_counted(monkeypatch):
    plan, evaluator = broken_evaluator(monkeypatch, nan_logits)
    images = np.stack([plan.splits.test.fetch(tf.constant(i))[0] for i in range(20)])
    count = int((images[:, 0, 0, 0] > 150).sum())
    assert 0 < count < 20
    with pytest.raises(UserError, match=f"branch 'main', clean: .* on {count} of 20 images"):
        evaluator.evaluate()


@pytest.mark.parametrize(
    "bindings",
    [
        ("Evaluation.attacks = ('pgd10/pgd',)",),
        ("Evaluation.attacks = ('pgd10/pgd', 'pgd20/pgd')",),  # along one trajectory
        ("Evaluation.attacks = ('pgd10/pgd', 'pgd20/pgd')", "Evaluation.worst_case = True"),
        ("Evaluation.attacks = ('apgd',)", "APGD.steps = 4"),
        ("Evaluation.attacks = ('autoattack',)", "AutoAttack.steps = 3", "AutoAttack.queries = 4"),
    ],
)
def test_an_attack_without_a_finite_gradient_is_refused_by_name(monkeypatch, bindings):
    _, evaluator = broken_evaluator(monkeypatch, nan_gradients, *bindings)
    name = "autoattack/apgd" if "autoattack" in bindings[0] else "(pgd|apgd)"
    with pytest.raises(UserError, match=rf"branch 'main', .*{name}.*: numbers that are not finite"):
        evaluator.evaluate()


def test_the_checkup_measures_no_gradient_that_is_none(monkeypatch):
    bindings = ("Evaluation.attacks = ()", "Evaluation.doctor = True", "eval/Checkup.examples = 20")
    _, evaluator = broken_evaluator(monkeypatch, nan_gradients, *bindings)
    evaluator._doctor._judge._model.functions["main"] = evaluator.judge._model.functions["main"]
    with pytest.raises(UserError, match="doctor .*not finite"):
        evaluator.evaluate()
