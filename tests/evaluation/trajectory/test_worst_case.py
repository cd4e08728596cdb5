"""The worst case along a trajectory: the first misclassified iterate decides."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.pgd import PGD
from tfadv.evaluation.trajectory.curve import Curve
from tfadv.losses import cross_entropy
from tfadv.testing.attack_checks import Victim

LENGTHS = (2, 5, 40)
COUNT, SIZE = 11, 4
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(0, 255, (COUNT, 6, 6, 3)).astype("float32")


def seeds_of(index):
    return randomness.example_seeds(0, "evaluate", index)


def make_attack(targeted):
    return PGD(4.0, 1, 2.0, targeted=targeted)


def first_beaten(logits_fn, labels, targeted):
    """Returns each image's first misclassified iterate after the start, by NumPy's steps."""
    attack, index = make_attack(targeted), tf.range(COUNT, dtype=tf.int64)
    goal = attack.targets(tf.constant(labels), 5, seeds_of(index)) if targeted else labels
    sign = 1 if targeted else -1

    @tf.function(autograph=False)
    def logits_and_gradient(x):
        logits = logits_fn(x)
        return logits, tf.gradients(cross_entropy(logits, goal), x)[0]

    x = attack.start(tf.constant(IMAGES), seeds_of(index)).numpy()
    beaten = np.full(COUNT, 10**9)
    for steps in range(1, LENGTHS[-1] + 1):
        gradient = logits_and_gradient(tf.constant(x))[1].numpy()
        x = np.clip(x - sign * np.float32(2) * np.sign(gradient), IMAGES - 4, IMAGES + 4)
        x = np.clip(x, 0, 255)
        wrong = np.argmax(logits_and_gradient(tf.constant(x))[0], -1) != labels
        beaten[wrong] = np.minimum(beaten[wrong], steps)
    return beaten


def batches(labels):
    for rows in (np.arange(4), np.arange(4, 8), np.arange(7, 11)):
        counts = rows >= (8 if rows[0] == 7 else 0)
        yield {"image": IMAGES[rows], "label": labels[rows], "index": rows, "counts": counts}


@pytest.mark.parametrize("targeted", [True, False])
def test_an_image_is_beaten_by_its_first_misclassified_iterate(targeted):
    logits_fn = Victim()
    labels = np.argmax(logits_fn(IMAGES), -1).astype("int32")
    beaten = first_beaten(logits_fn, labels, targeted)
    robust = np.array([[at > length for length in LENGTHS] for at in beaten])
    assert 0 < robust[:, -1].sum() < robust[:, 0].sum()
    passes = {}
    for skips in (True, False):
        curve = Curve(make_attack(targeted), LENGTHS, skips, worst_case=True, steps_per_call=3)
        for one in curve.run(logits_fn, batches(labels), seeds_of):
            np.testing.assert_array_equal(one.predictions == one.label, robust[one.index])
            if not robust[one.index, -1]:
                assert one.passes == beaten[one.index] + 1
                assert np.argmax(logits_fn(one.final[None])) == one.predictions[-1] != one.label
            passes[skips, one.index] = one.passes
    left = [index for index in range(COUNT) if robust[index, -1]]
    assert all(passes[False, index] == LENGTHS[-1] + 1 for index in left)
    assert any(passes[True, index] < LENGTHS[-1] + 1 for index in left)


def misleading(steer):
    """Returns logits of class 1 above a shade of 102, whose gradients `steer` turns around."""

    @tf.custom_gradient
    def height(shade):
        return shade - 102, lambda upstream: upstream * steer(shade)

    def logits_fn(images):
        above = height(tf.reduce_mean(images, [1, 2, 3]))
        return tf.stack([tf.zeros_like(above), above], -1)

    return logits_fn


def always_down(shade):
    return -1.0


def down_and_up(shade):
    return tf.where(shade > 102, -1.0, 1.0)


@pytest.mark.parametrize(
    ("steer", "beaten"),
    [
        (always_down, False),  # 103, 101, 99, 99, …
        (down_and_up, True),  # 103, 101, 103, …
    ],
)
@pytest.mark.parametrize("skips", [True, False])
def test_a_wrong_start_counts_once_the_steps_come_back_to_it(steer, beaten, skips):
    attack = PGD(4.0, 1, 2.0, targeted=False, clean_start_probability=1.0)
    curve = Curve(attack, [12], skips, worst_case=True)
    images, nothing = np.full((2, 1, 1, 3), 103, "float32"), np.zeros(2, "int32")
    batch = {"image": images, "label": nothing, "index": np.arange(2), "counts": nothing == 0}
    for one in curve.run(misleading(steer), [batch], seeds_of):
        assert one.predictions.tolist() == [int(beaten)]
