"""Outcomes that are not finite are refused by name and never counted."""

import numpy as np
import pytest
import tensorflow as tf
from shared.tiny_evaluator import make_evaluator, network

from tfadv.errors import UserError


def nan_logits(images):
    """The tiny network without an answer to images whose first pixel is bright."""
    return tf.where(images[:, 0, 0, :1] > 150, float("nan"), network(images))


def nan_gradients(images):
    """The tiny network whose gradient is not finite for images whose first pixel is bright."""
    first = images[:, 0, 0, :1]
    root = tf.sqrt(tf.nn.relu(first - 999) + tf.cast(first <= 150, tf.float32))
    return network(images) + root


def test_clean_images_without_a_finite_answer_are_counted():
    plan, evaluator = make_evaluator(function=nan_logits)
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
        # So small a ball that no image is beaten before its gradient breaks.
        ("Evaluation.attacks = ('apgd',)", "APGD.steps = 4", "APGD.epsilon = 1.0"),
        ("Evaluation.attacks = ('autoattack',)", "AutoAttack.steps = 3", "AutoAttack.queries = 4"),
    ],
)
def test_an_attack_without_a_finite_gradient_is_refused_by_name(bindings):
    _, evaluator = make_evaluator(*bindings, function=nan_gradients)
    name = "autoattack/apgd" if "autoattack" in bindings[0] else "(pgd|apgd)"
    with pytest.raises(UserError, match=rf"branch 'main', .*{name}.*: numbers that are not finite"):
        evaluator.evaluate()


def test_an_examination_without_a_finite_gradient_is_refused():
    bindings = ("Evaluation.attacks = ()", "Evaluation.doctor = True", "eval/Checkup.examples = 20")
    _, evaluator = make_evaluator(*bindings, function=nan_gradients)
    with pytest.raises(UserError, match="doctor .*not finite"):
        evaluator.evaluate()
