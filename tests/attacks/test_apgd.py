"""Auto-PGD against the paper's algorithm 1 in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from shared.attack_cases import IMAGES, PREDICTED, SEEDS, attacked, loss_and_gradient, misclassified

from tfadv import randomness
from tfadv.attacks import objectives
from tfadv.attacks.apgd import APGD
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
    starts = attack.start(tf.constant(IMAGES), randomness.for_purpose(SEEDS, "round 0")).numpy()
    # At the surface, where pixels allow it.
    np.testing.assert_allclose(np.abs(starts - IMAGES).max((1, 2, 3)), 3, atol=0.5)
    for image, label, x, ours in zip(IMAGES, PREDICTED, starts, found, strict=True):
        start = {"image": image, "label": label, "x": x}
        expected = numpy_apgd(start, objectives.AWAY[loss], 3.0, 30)
        assert np.mean(np.abs(ours - expected) < 0.01) > 0.95


@pytest.mark.parametrize("attack", [APGD(20.0, 20, ball="l2"), APGDTargeted(20.0, 20, ball="l2")])
def test_l2_apgd_stays_in_its_ball(attack):
    found = attacked(attack)
    distances = np.sqrt(np.sum((found - IMAGES) ** 2, (1, 2, 3)))
    assert distances.max() <= 20 + 1e-3
    assert found.min() >= 0 and found.max() <= 255
