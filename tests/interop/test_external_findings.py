"""What a few images tell of a model: gradients, saturation, chance, order of colours."""

import numpy as np
import pytest
import tensorflow as tf
from shared.outside_models import Linear, expected_logits, save, weights

from tfadv.attacks.autoattack import AutoAttack
from tfadv.attacks.pgd import PGD
from tfadv.attacks.square import Square
from tfadv.config.evaluation_settings import Evaluation
from tfadv.data.source import ArraySource
from tfadv.errors import UserError
from tfadv.evaluation.evaluator import Evaluator
from tfadv.interop import external_checks, external_models
from tfadv.interop.external_models import Stated
from tfadv.planning.evaluation_parts import EvaluationParts

SHAPE, CLASSES = (4, 5, 3), 5
W = weights(60, CLASSES)
PIXELS = np.random.default_rng(2).integers(0, 256, (64, *SHAPE)).astype("float32")
LABELS = np.argmax(expected_logits(PIXELS / 255, W), 1)


def source(labels=LABELS, classes=CLASSES):
    return ArraySource("theirs", PIXELS, labels, [str(i) for i in range(classes)], 3)


def outside(path, after=lambda logits: logits, w=W, classes=CLASSES, **stated):
    stated = Stated(**{"pixel_range": (0.0, 1.0), "layout": "NHWC"} | stated)
    save(Linear(w, after), path / "m", [None, *SHAPE])
    return external_models.load(path / "m", SHAPE, classes, stated)


def evaluated(model, images, **attacks):
    """Returns the record of an evaluation in one batch."""
    evaluation = Evaluation(tuple(attacks), 64)
    parts = EvaluationParts(images, evaluation, attacks, 0)
    return Evaluator(model, parts, tf.distribute.get_strategy()).evaluate()


def test_an_honest_model_is_found_to_be_one(tmp_path):
    model = outside(tmp_path)
    found = external_checks.check(model, source())
    assert found == (64, 0.0, 0.0, ()) and not found.warnings("m") and not model.randomized
    assert found.record() == {
        "examples": 64,
        "randomized": 0.0,
        "saturated": 0.0,
        "no_gradient": [],
    }


@pytest.mark.parametrize("kind", ["probabilities", "logits"])
def test_the_share_of_saturated_images_is_told(tmp_path, kind):
    scale = 30.0 if kind == "probabilities" else 200.0
    after = {
        "probabilities": lambda logits: tf.nn.softmax(scale * logits),
        "logits": lambda logits: scale * logits,
    }[kind]
    found = external_checks.check(outside(tmp_path, after, outputs=kind), source())
    z = np.sort(np.float32(scale * expected_logits(PIXELS / 255, W)), 1)
    others = np.exp((z[:, :-1] - z[:, -1:]).astype("float32"))
    if kind == "probabilities":  # what is left of 1 is less than half of float32's last bit
        expected = np.mean(others.sum(1) < 2**-24)
        tolerance = 2.5 / 64
    else:  # e⁻ᵈ is below float32's smallest normal number, or its smallest
        expected, tolerance = np.mean(others.max(1) < 1.2e-38), 2.5 / 64
    assert 0.1 < expected < 0.9 and found.saturated == pytest.approx(expected, abs=tolerance)
    (line,) = found.warnings("m")
    assert f"{found.saturated:.0%} of 64 images are exactly 0 and 1" in line
    assert found.no_gradient == ()


def noisy(strength):
    def after(logits):
        return logits + strength * tf.random.normal(tf.shape(logits))

    return after


def test_a_randomized_model_is_told_and_never_more_robust_than_right(tmp_path):
    model, images = outside(tmp_path, noisy(1.0)), source()
    found = external_checks.check(model, images)
    assert found.randomized == 1 and model.randomized
    assert "is randomized: two forward passes of 64 images differ on 100%" in found.warnings("m")[0]
    attacks = {
        "square": Square(0.5, 5),
        "pgd": PGD(0.5, 60, 0.1, targeted=False, expectation_samples=2),
        "autoattack": AutoAttack(0.5, steps=2, queries=5),
    }
    record = evaluated(model, images, **attacks)
    clean = record["clean"]["main"]["accuracy"]
    assert 0.3 < clean < 0.95
    assert all(row["accuracy"] <= clean for row in record["attacks"])
    assert record["attacks"][1]["expectation_samples"] == 2


def test_square_leaves_what_is_wrong_alone(tmp_path):
    """A first image of stripes may be right by chance: that makes no model robust."""
    wrong = (LABELS + np.arange(64) % 2) % CLASSES
    model = outside(tmp_path)
    attacked = Square(60.0, 3)(
        model.logits_fn(), PIXELS, tf.constant(wrong, tf.int32), tf.zeros((64, 2), tf.int64)
    )
    changed = np.abs(attacked - PIXELS).max((1, 2, 3)) > 0
    np.testing.assert_array_equal(changed, wrong == LABELS)
    record = evaluated(model, source(wrong), square=Square(60.0, 3))
    assert record["attacks"][0]["accuracy"] <= record["clean"]["main"]["accuracy"] == 0.5


def no_gradient_by_rounding(logits):
    return tf.round(logits * 100) / 100


def no_gradient_known(logits):
    return tf.raw_ops.PreventGradient(input=logits)


@pytest.mark.parametrize("after", [no_gradient_by_rounding, no_gradient_known])
def test_without_a_gradient_square_alone_is_run(tmp_path, after):
    model = outside(tmp_path, after)
    found = external_checks.check(model, source())
    assert found.no_gradient == ("main",) and "Square needs none" in found.warnings("m")[0]
    attacks = {"pgd": PGD(8, 2), "square": Square(20.0, 20), "autoattack": AutoAttack(20.0)}
    attacks["autoattack"].stages()["square"].queries = 20
    parts = EvaluationParts(source(), Evaluation(tuple(attacks), 64), attacks, 0)
    left = parts.without_gradient()
    assert list(left.attacks) == list(left.evaluation.attacks) == ["square", "autoattack"]
    assert left.warnings[0] == "pgd is skipped: it follows a gradient"
    assert "autoattack is run without apgd (the model has no gradient" in left.warnings[1]
    record = Evaluator(model, left, tf.distribute.get_strategy()).evaluate()
    assert all(row["accuracy"] < 1 for row in record["attacks"])
    only = EvaluationParts(source(), Evaluation(("pgd",), 64), {"pgd": PGD(8, 2)}, 0)
    with pytest.raises(UserError, match=r"pgd follow it: bind Evaluation.attacks = \('square',\)"):
        only.without_gradient()


def test_another_order_of_colours_is_found(tmp_path):
    w = W * np.tile([4.0, 1.0, 0.0], 20)[:, None].astype("float32")
    labels = np.argmax(expected_logits(PIXELS[..., ::-1] / 255, w), 1)
    model = outside(tmp_path, w=w)
    with pytest.raises(UserError, match="fed otherwise: state --color=BGR"):
        external_checks.check(model, source(labels))
    external_checks.check(outside(tmp_path / "right", w=w, color="BGR"), source(labels))


def test_one_number_for_two_classes_is_recognized(tmp_path):
    w = W[:, :1]
    labels = (expected_logits(PIXELS / 255, w)[:, 0] > 0).astype(int)
    images = source(labels, 2)
    kinds = {"logit": lambda logits: logits, "sigmoid": tf.sigmoid}
    for kind, after in kinds.items():
        stated = {"w": w, "classes": 2}
        path = tmp_path / kind
        found = external_checks.check(outside(path, after, outputs=kind, **stated), images)
        assert found.no_gradient == ()
        (other,) = kinds.keys() - {kind}
        with pytest.raises(UserError, match=f"state --outputs={kind}"):
            external_checks.check(outside(path, after, outputs=other, **stated), images)
        with pytest.raises(UserError, match="state --outputs=sigmoid, or logit"):
            external_checks.check(outside(path, after, **stated), images)
