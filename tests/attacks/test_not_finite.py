"""Gradients and logits that are not finite come back as NaN images."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import config, randomness
from tfadv.attacks.gradients import NOT_FINITE, classified
from tfadv.registry import ATTACKS

CLASSES = 5
BRIGHT = np.arange(6) % 2 == 0


def victim(kind):
    """Returns a linear network of 6x6 images that fails at bright ones.

    Args:
        kind: 'nan gradients' or 'nan logits'.
    """
    weights = np.random.default_rng(0).normal(0, 0.01, (108, CLASSES)).astype("float32")

    def logits_fn(images):
        gone = tf.cast(tf.math.is_nan(images[:, :1, 0, 0]), tf.float32)
        if kind == "nan gradients":  # and answers as if nothing were where an image is none
            images = tf.where(tf.math.is_nan(images), 0.0, images)
        mean = tf.reduce_mean(images, [1, 2, 3])
        logits = tf.reshape(images, [-1, 108]) @ weights
        if kind == "nan logits":
            return tf.where(mean[:, None] > 127, float("nan"), logits)
        # A root at 0 for bright images: its value is 0 and its derivative is none.
        root = tf.sqrt(tf.cast(mean < 127, tf.float32) * mean)
        # Bright images are of class 0, and what is no image even more surely.
        logits += 30 * (1 + gone) * tf.one_hot(0, CLASSES)
        return logits + root[:, None] * tf.range(1.0, CLASSES + 1) ** 2

    return logits_fn


def examples():
    shade = np.where(BRIGHT, 200, 60)[:, None, None, None]
    noise = np.random.default_rng(1).uniform(-20, 20, (6, 6, 6, 3))
    seeds = randomness.example_seeds(0, "attack", tf.range(6))
    images = tf.constant(shade + noise, tf.float32)
    # What the network says: nothing is misclassified before it is attacked.
    return images, tf.argmax(victim("nan gradients")(images), -1, tf.int32), seeds


ATTACKS_BY_GRADIENT = [
    ("pgd", {"targeted": True}),
    ("pgd", {"targeted": False, "ball": "l2"}),
    ("pgd", {"targeted": False, "loss": "dlr"}),
    ("fgsm", {}),
    ("mi_fgsm", {}),
    ("mi_fgsm", {"ball": "l2"}),
    ("apgd", {"restarts": 2}),
    ("apgd", {"ball": "l2"}),
    ("apgd_targeted", {"classes": 2}),
    ("fab_targeted", {"classes": 2, "restarts": 2}),
    ("fab_targeted", {"classes": 2, "ball": "l2"}),
    ("autoattack", {"classes": 2, "queries": 5}),
]


@pytest.mark.parametrize(("name", "arguments"), ATTACKS_BY_GRADIENT)
def test_an_image_whose_gradient_is_not_finite_comes_back_as_nan(name, arguments, forget_plugins):
    config.with_plugins(["plugins.mi_fgsm"])
    steps = {} if name == "fgsm" else {"steps": 3}
    attack, fails = ATTACKS.get(name)(8.0, **steps | arguments), victim("nan gradients")
    run = tf.function(lambda *batch: attack(fails, *batch), autograph=False)
    found = run(*examples()).numpy()
    np.testing.assert_array_equal(np.isnan(found).all((1, 2, 3)), BRIGHT)
    assert np.isfinite(found[~BRIGHT]).all()


def test_square_returns_nan_where_logits_are_not_finite():
    attack = ATTACKS.get("square")(8.0, queries=5)
    found = attack(victim("nan logits"), *examples()).numpy()
    np.testing.assert_array_equal(np.isnan(found).all((1, 2, 3)), BRIGHT)
    found = attack(victim("nan gradients"), *examples()).numpy()  # it needs none
    assert np.isfinite(found).all()


def test_logits_that_are_not_finite_have_no_class():
    logits = tf.constant([[0, 1.0], [float("nan"), 1], [float("inf"), 1], [2, 1]])
    assert classified(logits).numpy().tolist() == [1, NOT_FINITE, NOT_FINITE, 0]
    images = tf.constant([[0.0], [0], [0], [float("nan")]])[:, :, None, None]
    assert classified(logits, images).numpy().tolist() == [1, NOT_FINITE, NOT_FINITE, NOT_FINITE]
