"""An attack's ε, N and α by epoch: in one trace, what constants of the epoch make."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.fgsm import FGSM
from tfadv.attacks.pgd import PGD
from tfadv.attacks.square import Square
from tfadv.errors import UserError
from tfadv.registry import Schedule

EPSILON, STEPS, ALPHA = Schedule(((0, 0.0), (4, 16.0))), Schedule(((0, 1), (4, 5))), 3.0
EPOCHS = (0.0, 0.5, 1.0, 2.75, 9.0)


def at(epoch):
    return 4 * min(epoch, 4.0), int(1 + min(epoch, 4.0))


class Clock:
    def __init__(self, epoch):
        self.epoch = epoch


def attacked_by(attack, logits_fn, images, labels):
    """Returns a traced function of the epoch."""
    seeds = randomness.example_seeds(0, "attack", tf.range(len(images)))

    @tf.function(autograph=False)
    def traced(epoch):
        return attack.at(Clock(epoch))(logits_fn, images, labels, seeds)

    return traced


def require_the_constants(scheduled, constant_of, logits_fn, some_images):
    traced = attacked_by(scheduled, logits_fn, *some_images)
    for epoch in EPOCHS:
        constant = attacked_by(constant_of(epoch), logits_fn, *some_images)
        found = traced(tf.constant(epoch))
        np.testing.assert_array_equal(found, constant(tf.constant(0.0)), err_msg=str(epoch))
    assert traced.experimental_get_tracing_count() == 1
    assert np.abs(found - some_images[0]).max() > 5


@pytest.mark.parametrize("rule", PGD.STEP_RULES)
def test_pgd_is_that_of_the_epochs_numbers(rule, tiny_model, some_images):
    alpha = 0.25 if rule == "times_epsilon" else ALPHA
    rest = {"step_rule": rule, "clean_start_probability": 0.3}

    def constant(epoch):
        epsilon, steps = at(epoch)
        size = {"fixed": alpha, "times_epsilon": alpha * epsilon}.get(
            rule, max(alpha, epsilon / steps)
        )
        # The rule's arithmetic is this test's own.
        return PGD(epsilon, steps, size or 1.0, clean_start_probability=0.3)

    scheduled = PGD(EPSILON, STEPS, alpha, **rest)
    require_the_constants(scheduled, constant, tiny_model("batch").logits_fn(), some_images)


def test_l2_a_scheduled_step_and_xla_likewise(tiny_model, some_images):
    scheduled = PGD(10 * EPSILON, 2, 5 * EPSILON, ball="l2", jit_compile=True)

    def constant(epoch):
        radius = 10 * at(epoch)[0]
        return PGD(radius, 2, radius / 2 or 1.0, ball="l2", jit_compile=True)

    require_the_constants(scheduled, constant, tiny_model("batch").logits_fn(), some_images)


def test_fgsm_steps_as_far_as_the_epochs_radius(tiny_model, some_images):
    def constant(epoch):
        return FGSM(at(epoch)[0])

    require_the_constants(FGSM(EPSILON), constant, tiny_model("batch").logits_fn(), some_images)


def test_a_strategys_own_attack_is_in_the_epochs_threat_model(tiny_model, some_images):
    run = PGD(EPSILON, STEPS)

    class Inside:
        def at(self, clock):
            attack = run.at(clock)
            return PGD.within(attack.threat_model, attack.steps, 0.5 * attack.epsilon)

    def constant(epoch):
        epsilon, steps = at(epoch)
        return PGD(epsilon, steps, epsilon / 2 or 1.0)

    require_the_constants(Inside(), constant, tiny_model("batch").logits_fn(), some_images)


def test_no_gradient_is_computed_while_the_radius_is_zero(some_images):
    asked = []

    def logits_fn(images):
        tf.py_function(lambda: asked.append(1), [], [])
        return tf.reduce_mean(images, [1, 2])

    attack = PGD(Schedule(((0, 0.0), (1, 8.0)), "step"), 3)
    traced = attacked_by(attack, logits_fn, some_images[0], some_images[1] % 3)
    np.testing.assert_array_equal(traced(tf.constant(0.9)), some_images[0])
    assert not asked
    traced(tf.constant(1.0))
    assert len(asked) == 3


def test_an_attack_without_schedules_is_itself_and_asks_for_no_epoch():
    attack = PGD(8.0, 2)
    assert attack.at(None) is attack and not vars(attack).get("schedules")


def test_a_factor_scales_the_radius_of_pgd_and_its_kin_alone():
    factor = Schedule(((0, 0.0), (5, 1.0)))
    warm = FGSM(8.0).with_factor(factor, "Training.epsilon_factor")
    assert warm.schedules["epsilon"].points == ((0, 0.0), (5, 8.0)) and warm.epsilon == 8.0
    with pytest.raises(UserError, match=r"Square keeps its ε over the epochs"):
        Square(8.0, 10).with_factor(factor, "Training.epsilon_factor")
    with pytest.raises(UserError, match=r"and so has PGD.epsilon: bind one"):
        PGD(EPSILON, 2).with_factor(factor, "Training.epsilon_factor")
