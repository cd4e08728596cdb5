"""Auto-PGD against the paper's algorithm 1 in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from shared.attack_cases import IMAGES, PREDICTED, SEEDS, attacked, loss_and_gradient, misclassified

from tfadv import randomness
from tfadv.attacks import apgd, objectives
from tfadv.attacks.apgd import APGD, checkpoints
from tfadv.attacks.apgd_targeted import APGDTargeted


def numpy_apgd(start, loss, epsilon, steps):
    """One image's Auto-PGD as the paper's algorithm 1 reads, with its whole history kept."""
    image, label = start["image"], start["label"]

    def project(x):
        return np.clip(np.clip(x, image - epsilon, image + epsilon), 0, 255)

    def value_and_slope(x):
        value, slope = loss_and_gradient(lambda logits: loss(logits, np.array([label])), x[None])
        return value[0], slope[0]

    ends = [0]
    length, shortest, by = (max(int(s * steps), 1) for s in (0.22, 0.06, 0.03))
    while ends[-1] < steps:
        ends.append(ends[-1] + length)
        length = max(length - by, shortest)
    x, before = start["x"], start["x"]
    value, slope = value_and_slope(x)
    best, best_slope, best_value = x, slope, value
    values, step, halved, value_then = [0.0], 2 * epsilon, True, best_value
    found = x if misclassified(x[None], label) else None
    for count in range(steps):
        ahead = project(x + step * np.sign(slope))
        share = 1.0 if count == 0 else 0.75
        x, before = project(x + share * (ahead - x) + (1 - share) * (x - before)), x
        value, slope = value_and_slope(x)
        values.append(value)
        if misclassified(x[None], label):
            found = x
        if value > best_value:
            best, best_slope, best_value = x, slope, value
        if count + 1 in ends:
            length = count + 1 - ends[ends.index(count + 1) - 1]
            rises = sum(
                b > a for a, b in zip(values[-length - 1 :], values[-length:], strict=False)
            )
            halve = rises <= 0.75 * length or (not halved and value_then >= best_value)
            if halve:
                step, x, slope = step / 2, best, best_slope
            halved, value_then = halve, best_value
    return best if found is None else found


@pytest.mark.parametrize("loss", ["cross_entropy", "dlr"])
def test_apgd_is_algorithm_1(loss):
    attack = APGD(3.0, 30, loss)
    found = attacked(attack)
    starts = attack._start(tf.constant(IMAGES), randomness.for_purpose(SEEDS, "round 0")).numpy()
    # At the surface, where pixels allow it.
    np.testing.assert_allclose(np.abs(starts - IMAGES).max((1, 2, 3)), 3, atol=0.5)
    for image, label, x, ours in zip(IMAGES, PREDICTED, starts, found, strict=True):
        start = {"image": image, "label": label, "x": x}
        expected = numpy_apgd(start, objectives.AWAY[loss], 3.0, 30)
        assert np.mean(np.abs(ours - expected) < 0.01) > 0.95


def test_checkpoints_are_the_papers():
    """Section 3.2: p₀ = 0, p₁ = 0.22, p_{j+1} = p_j + max(p_j - p_{j-1} - 0.03, 0.06)."""
    shares = [0.0, 0.22]
    while shares[-1] < 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06))
    ends = [round(100 * share) for share in shares[1:] if share <= 1]
    assert [end + 1 for end in checkpoints(100)] == ends


def test_a_stretch_halves_the_step_after_few_rises_or_no_gain():
    """Section 3.3's two conditions; the second only where the step wasn't halved just before."""
    image, rows = tf.zeros((4, 1, 1, 1)), tf.constant
    state = apgd._State(
        count=rows(10),
        x=image + 1,
        before=image,
        gradient=image,
        loss=tf.zeros(4),
        best=image + 2,
        best_gradient=image,
        best_loss=rows([5.0, 5.0, 5.0, 6.0]),
        best_loss_then=rows([5.0, 5.0, 5.0, 5.0]),
        step=tf.fill([4], 8.0),
        rises=rows([7.0, 8.0, 8.0, 8.0]),
        halved_then=rows([False, False, True, False]),
        found=image,
        fooled=tf.zeros(4, tf.bool),
        broken=tf.zeros(4, tf.bool),
    )
    after = apgd._at_checkpoint(state, rows(10.0))
    np.testing.assert_array_equal(after.step, [4, 4, 8, 8])
    np.testing.assert_array_equal(np.ravel(after.x), [2, 2, 1, 1])
    np.testing.assert_array_equal(after.halved_then, [True, True, False, False])
    np.testing.assert_array_equal(after.rises, 0)
    between = apgd._at_checkpoint(state, rows(0.0))
    np.testing.assert_array_equal(between.step, 8)


def test_the_first_state_is_the_authors():
    """The first stretch counts as halved before, and the first loss is compared with 0."""
    start, loss = tf.zeros((2, 1, 1, 1)), tf.constant([1.0, 2.0])
    state = apgd._first(start, 16.0, start, loss, tf.constant([True, False]))
    assert np.all(state.halved_then) and not np.any(state.loss)
    np.testing.assert_array_equal(state.step, 16)
    np.testing.assert_array_equal(state.best_loss_then, loss)
    np.testing.assert_array_equal(state.fooled, [True, False])


@pytest.mark.parametrize("attack", [APGD(20.0, 20, ball="l2"), APGDTargeted(20.0, 20, ball="l2")])
def test_l2_apgd_stays_in_its_ball(attack):
    found = attacked(attack)
    distances = np.sqrt(np.sum((found - IMAGES) ** 2, (1, 2, 3)))
    assert distances.max() <= 20 + 1e-3
    assert found.min() >= 0 and found.max() <= 255
