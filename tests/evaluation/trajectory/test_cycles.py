"""Cycles of iterates: on paths whose periods are known, whatever their logits show."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv.attacks.pgd import PGD
from tfadv.evaluation.trajectory.curve import Curve
from tfadv.evaluation.trajectory.cycles import WINDOW, fingerprint

CENTRE = 128.0
LENGTHS = (1, 40, 399, 1003)
# Steps of 1 in both pixels, along a diamond of this size.
SIZES = (1, 3, 10, 31, 40)


def image(size):
    """Returns [1, 2, 3]: `size` pixels beside the centre, in the first channel alone."""
    pixels = np.full((1, 2, 3), CENTRE, "float32")
    pixels[0, 0, 0] += size
    return pixels


def around_the_centre(logits_of):
    """Returns a model whose gradient turns around the centre: the diamond's period is 4·size.

    Args:
        logits_of: maps the pixels' distances from the centre [N, 2] to one logit [N].
    """

    @tf.custom_gradient
    def turning(images):
        here = images[:, 0, :, 0] - CENTRE

        def gradient(upstream):
            right, up = here[:, 0], here[:, 1]
            quarter = tf.where(
                (right > 0) & (up >= 0),
                0,
                tf.where((right <= 0) & (up > 0), 1, tf.where((right < 0) & (up <= 0), 2, 3)),
            )
            along = tf.gather(tf.constant([[-1.0, 1], [-1, -1], [1, -1], [1, 1]]), quarter)
            turns = tf.stack([along, tf.zeros_like(along), tf.zeros_like(along)], -1)[:, None]
            return -turns * tf.reduce_sum(tf.abs(upstream))  # what a step goes against

        return logits_of(here), gradient

    return lambda images: tf.stack([turning(images)] + [tf.zeros(images.shape[0])] * 3, -1)


def walk(logits_fn, jit_compile=False, **arguments):
    """Climbs the cross-entropy of class 0 by steps of 1 from the images themselves."""
    plain = {"targeted": False, "clean_start_probability": 1.0, "jit_compile": jit_compile}
    attack = PGD(100.0, 1, 1.0, **plain)
    batch = {
        "image": np.stack([image(size) for size in SIZES]),
        "label": np.zeros(len(SIZES), "int32"),
        "index": np.arange(len(SIZES)),
        "counts": np.ones(len(SIZES), bool),
    }
    run = Curve(attack, LENGTHS, steps_per_call=11, **arguments)
    seeds = tf.zeros([len(SIZES), 2], tf.int64)
    return {one.index: one for one in run.run(logits_fn, [batch], lambda _: seeds)}


def place(size, steps):
    """Returns the pixel pair after some steps along the diamond, in closed form."""
    quarter, rest = divmod(steps % (4 * size), size)
    corner, towards = [(1, 0), (0, 1), (-1, 0), (0, -1)], [(-1, 1), (-1, -1), (1, -1), (1, 1)]
    return np.array(corner[quarter]) * size + np.array(towards[quarter]) * rest


def distinct(here):
    """Logits that differ from place to place."""
    return 5.0 + here[:, 0] / 100 + here[:, 1] / 9973


def constant(here):
    """Logits that are the same everywhere: every iterate looks like an earlier one."""
    return 0.0 * here[:, 0]


@pytest.mark.parametrize("logits_of", [distinct, constant])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_periods_and_places_are_those_of_the_path(logits_of, jit_compile):
    found = walk(around_the_centre(logits_of), jit_compile)
    for index, size in enumerate(SIZES):
        one, period = found[index], 4 * size
        np.testing.assert_array_equal(one.final[0, :, 0] - CENTRE, place(size, LENGTHS[-1]))
        if period > WINDOW:
            assert one.period == 0 and one.passes == LENGTHS[-1] + 1
        else:
            assert one.period == period and one.passes <= LENGTHS[1] + WINDOW + 3 * period


def test_a_cycle_is_found_after_its_second_round():
    """And the run ends where the last of the lengths falls in the third."""
    found = walk(around_the_centre(distinct))
    for index, size in enumerate(SIZES[:-1]):
        two, period = 8 * size, 4 * size
        ahead = [(length - two) % period for length in LENGTHS if length > two]
        assert found[index].passes == two + max(ahead) + 1


def test_the_worst_case_is_over_after_two_cycles():
    found = walk(around_the_centre(distinct), worst_case=True)
    for index, size in enumerate(SIZES[:-1]):
        assert np.all(found[index].predictions == 0)
        assert found[index].passes == 2 * 4 * size + 1


def test_fingerprints_of_logits_differ_by_one_bit():
    logits = np.random.default_rng(0).normal(size=(1000, 10)).astype("float32")
    turned = logits.copy()
    rows = np.arange(len(logits))
    turned.view("uint32")[rows, rows % 10] ^= np.uint32(1) << (rows % 32).astype("uint32")
    prints = fingerprint(tf.constant(logits)).numpy()
    assert np.array_equal(prints, fingerprint(tf.constant(logits.copy())).numpy())
    assert len(np.unique(prints)) == len(prints)
    assert np.all(prints != fingerprint(tf.constant(turned)).numpy())
