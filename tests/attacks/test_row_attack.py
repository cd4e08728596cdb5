"""Attacks by row: which attacks are, and that they take an image's first mistake."""

import copy

import numpy as np
import pytest
import tensorflow as tf
from shared.attack_cases import IMAGES, PREDICTED, SEEDS, attacked, misclassified, network

from tfadv.attacks.apgd import APGD
from tfadv.attacks.apgd_targeted import APGDTargeted
from tfadv.attacks.apgd_training import APGDTraining
from tfadv.attacks.fab import FABTargeted
from tfadv.attacks.fgsm import FGSM
from tfadv.attacks.gradients import NOT_FINITE
from tfadv.attacks.row_attack import Rows
from tfadv.attacks.square import Square

slow = pytest.mark.slow


class OtherStart(APGD):
    """Starts from the image itself."""

    def start(self, images, seeds):
        return images


class OtherCall(Square):
    """Finds nothing."""

    def __call__(self, logits_fn, images, labels, seeds):
        return images


def walked(attack, logits_fn=network):
    """Returns the classes that an attack by row finds, all its rows in step."""
    rows = attack.by_row(logits_fn)
    images, labels = tf.constant(IMAGES), tf.constant(PREDICTED)
    own = rows.enter(images, labels, SEEDS)
    found = labels
    step = tf.function(rows.step, autograph=False)
    for number in range(rows.rounds):
        told = Rows(images, labels, SEEDS, tf.fill([6], number), found == labels)
        own, now = rows.begin(own, told)
        found = tf.where(found == labels, now, found)
        for count in range(rows.steps):
            told = told._replace(live=found == labels)
            own, now = step(own, told, tf.fill([6], count))
            found = tf.where(found == labels, now, found)
    return tf.where(found == labels, rows.close(own, told), found).numpy()


@pytest.mark.parametrize(
    ("attack", "options", "ball", "epsilons"),
    [
        (APGD, {"steps": 9, "restarts": 2}, "linf", (4.0, 24.0)),
        (APGDTargeted, {"steps": 9, "classes": 2}, "l2", (20.0, 120.0)),
        (FABTargeted, {"steps": 5, "classes": 2, "restarts": 2}, "linf", (4.0, 24.0)),
        pytest.param(FABTargeted, {"steps": 5, "classes": 2}, "l2", (20.0, 120.0), marks=slow),
        (Square, {"queries": 40}, "linf", (6.0, 40.0)),
        pytest.param(Square, {"queries": 40}, "l2", (30.0, 200.0), marks=slow),
    ],
)
def test_by_row_an_image_is_beaten_if_it_is_by_the_whole_attack(attack, options, ball, epsilons):
    seen = set()
    for epsilon in epsilons:
        made = attack(epsilon, ball=ball, **options)
        beaten = misclassified(attacked(made))
        np.testing.assert_array_equal(walked(made) != PREDICTED, beaten)
        seen |= set(beaten.tolist())
    assert seen == {False, True}


def test_a_number_that_is_not_finite_is_no_class():
    def broken(images):
        return network(images) + tf.where(images[:, :1, 0, 0] > limit, float("nan"), 0.0)

    limit = float(np.mean(np.sort(IMAGES[:, 0, 0, 0])[2:4]))
    bright = IMAGES[:, 0, 0, 0] > limit + 2
    assert 0 < bright.sum() < 6
    for attack in (APGD(2.0, 2), FABTargeted(2.0, 2, classes=1), Square(2.0, 3)):
        assert np.all(walked(attack, broken)[bright] == NOT_FINITE)


@pytest.mark.parametrize("attack", [APGDTraining(8.0), OtherStart(8.0), OtherCall(8.0), FGSM(8.0)])
def test_what_goes_ways_of_its_own_is_called_as_it_is(attack):
    assert attack.by_row(network) is None


def test_xla_changes_no_verdict():
    for made in (FABTargeted(12.0, 5, classes=1), APGD(12.0, 8), Square(12.0, 20)):
        plain = copy.copy(made)
        plain.jit_compile = False
        plain, fused = (walked(one) != PREDICTED for one in (plain, made))
        np.testing.assert_array_equal(plain, fused)
