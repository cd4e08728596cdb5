"""Closed forms: losses, learning rates, intervals and calibration."""

import keras
import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf

from tfadv import losses
from tfadv.errors import UserError
from tfadv.evaluation import metrics
from tfadv.optimization.optimizers import momentum_sgd, rmsprop
from tfadv.optimization.schedules import CosineDecay, ExponentialDecay, LearningRate, StepDecay

LOGITS = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]], np.float32)
LABELS = np.array([1, 0])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy(smoothing):
    log_softmax = LOGITS - np.log(np.exp(LOGITS).sum(1, keepdims=True))
    soft = (1 - smoothing) * np.eye(3)[LABELS] + smoothing / 3
    found = losses.cross_entropy(tf.constant(LOGITS), tf.constant(LABELS), smoothing)
    np.testing.assert_allclose(found, -(soft * log_softmax).sum(1), rtol=1e-6)


def test_logit_pairing():
    other = LOGITS[::-1].copy()
    squares = (LOGITS - other) ** 2
    np.testing.assert_allclose(losses.logit_pairing(LOGITS, other), squares.mean(1), rtol=1e-6)
    np.testing.assert_allclose(losses.logit_pairing(LOGITS, other, "sum"), squares.sum(1))


def test_l2_penalty_has_its_half():
    kernels = [tf.constant([[3.0, 4.0]]), tf.constant([12.0])]
    assert float(losses.l2_penalty(kernels, 0.1)) == pytest.approx(0.5 * 0.1 * 169)


def paper_rate(batch_size=4096, decay=None, **arguments):
    decay = decay or StepDecay((35, 70, 95))
    return LearningRate(batch_size, 312, 110, decay, 0.1, **{"warmup_epochs": 5} | arguments)


@pytest.mark.parametrize(
    ("epoch", "rate"),
    [(0, 0.1), (2.5, 0.85), (5, 1.6), (34.9, 1.6), (35, 0.16), (70, 0.016), (95, 0.0016)],
)
def test_the_papers_learning_rate(epoch, rate):
    assert float(paper_rate()(round(epoch * 312))) == pytest.approx(rate, rel=1e-3)


def test_a_drop_comes_with_the_first_step_of_its_epoch():
    rate = paper_rate()
    assert float(rate(35 * 312 - 1)) == pytest.approx(1.6)
    assert float(rate(35 * 312)) == pytest.approx(0.16)


def test_a_small_batch_has_a_rate_and_no_warm_up():
    assert float(paper_rate(batch_size=128)(0)) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        (ExponentialDecay(0.94, 2), {0: 1, 1.99: 1, 2: 0.94, 10: 0.94**5, 109: 0.94**54}),
        (ExponentialDecay(0.9, 2, staircase=False), {1: 0.9**0.5, 5: 0.9**2.5}),
        (CosineDecay(), {0: 1, 55: 0.5, 110: 0}),
        (CosineDecay(0.1), {0: 1, 27.5: 0.1 + 0.9 * (1 + 0.5**0.5) / 2, 110: 0.1}),
        (StepDecay(()), {0: 1, 109: 1}),
        (StepDecay((1, 2), 0.5), {0: 1, 1: 0.5, 2: 0.25}),
    ],
)
def test_decays_are_their_closed_forms(decay, expected):
    rate = paper_rate(256, decay, warmup_epochs=0)
    for epoch, factor in expected.items():
        found = float(rate(round(epoch * 312)))
        assert found == pytest.approx(0.1 * factor, rel=1e-4, abs=1e-8)


GRADIENTS = [np.array([0.5, 1.0]), np.array([-1.0, 2.0]), np.array([0.3, 0.1])]


def optimized(make, **arguments):
    """Applies the gradients at rates of 0.1, 0.01 and 0.001; returns the variable."""
    variable = keras.Variable([1.0, -2.0])
    optimizer = make(LearningRate(256, 1, 3, StepDecay((1, 2)), 0.1, 0), **arguments)
    optimizer.build([variable])
    for gradient in GRADIENTS:
        optimizer.apply([tf.constant(gradient, tf.float32)], [variable])
    return variable


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("rate_in", ["update", "velocity"])
def test_momentum_sgd_in_both_conventions(rate_in, nesterov):
    value, velocity = np.array([1.0, -2.0]), np.zeros(2)
    for gradient, rate in zip(GRADIENTS, (0.1, 0.01, 0.001), strict=True):
        inside, outside = (rate, 1) if rate_in == "velocity" else (1, rate)
        velocity = 0.9 * velocity + inside * gradient
        step = inside * gradient + 0.9 * velocity if nesterov else velocity
        value = value - outside * step
    found = optimized(momentum_sgd, nesterov=nesterov, rate_in=rate_in)
    np.testing.assert_allclose(found, value, rtol=1e-6)


def test_without_momentum_both_conventions_are_plain_descent():
    expected = np.array([1.0, -2.0]) - 0.1 * GRADIENTS[0] - 0.01 * GRADIENTS[1]
    expected = expected - 0.001 * GRADIENTS[2]
    for rate_in in ("update", "velocity"):
        found = optimized(momentum_sgd, momentum=0.0, nesterov=False, rate_in=rate_in)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_rmsprop():
    value, square, velocity = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    for gradient, rate in zip(GRADIENTS, (0.1, 0.01, 0.001), strict=True):
        square = 0.9 * square + 0.1 * gradient**2
        velocity = 0.8 * velocity + rate * gradient / np.sqrt(square + 1.0)
        value = value - velocity
    np.testing.assert_allclose(optimized(rmsprop, momentum=0.8), value, rtol=1e-6)


def test_wilson_interval():
    low, high = metrics.wilson_interval(15, 50)  # by hand: centre .3143, half-width .1249
    assert (low, high) == pytest.approx((0.1910, 0.4375), abs=1e-4)
    assert metrics.wilson_interval(0, 10)[0] == 0
    assert metrics.wilson_interval(10, 10)[1] == pytest.approx(1)


def answers(examples=400, classes=6):
    """Returns labels, predictions and their confidence; class 4 has no image."""
    random = np.random.default_rng(0)
    labels = random.choice([0, 1, 2, 3, 5], examples)
    logits = random.normal(size=(examples, classes)) + 2 * np.eye(classes)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return labels, logits, probabilities.argmax(1), probabilities.max(1)


@pytest.mark.parametrize("k", [1, 3])
def test_top_k_is_that_of_scikit_learn(k):
    labels, logits, *_ = answers()
    rank = (logits > logits[np.arange(len(labels)), labels][:, None]).sum(1)
    expected = sklearn.metrics.top_k_accuracy_score(labels, logits, k=k, labels=range(6))
    found = metrics.top_k_correct(rank, k)
    assert found["accuracy"] == pytest.approx(expected)
    assert found["ci95"] == metrics.wilson_interval(round(expected * 400), 400)


def test_calibration_by_hand():
    confidence = np.array([0.5, 0.45, 0.51, 0.95, 1.0, 0.0])
    correct = np.array([True, False, False, True, True, False])
    points = metrics.reliability(confidence, correct, bins=2)  # 0.5 is in the lower half
    assert [point["examples"] for point in points] == [3, 3]
    assert [point["confidence"] for point in points] == pytest.approx([0.95 / 3, 2.46 / 3])
    assert [point["accuracy"] for point in points] == pytest.approx([1 / 3, 2 / 3])
    error = metrics.expected_calibration_error(confidence, correct, bins=2)
    assert error == pytest.approx((0.05 + 0.46) / 6)
    assert len(metrics.reliability(confidence, correct, bins=10)) == 4


def test_calibration_error_is_that_of_a_loop_over_bins():
    labels, _, predictions, confidence = answers()
    correct, expected = labels == predictions, 0
    for m in range(15):
        inside = (confidence > m / 15) & (confidence <= (m + 1) / 15)
        if inside.any():
            expected += abs(correct[inside].sum() - confidence[inside].sum()) / 400
    found = metrics.expected_calibration_error(confidence, correct)
    assert found == pytest.approx(expected) and found > 0.01
    assert metrics.expected_calibration_error(np.ones(3), np.ones(3, bool)) == 0


def test_confusion_and_classes_are_those_of_scikit_learn():
    labels, _, predictions, _ = answers()
    expected = sklearn.metrics.confusion_matrix(labels, predictions, labels=range(6))
    found = metrics.confusion(labels, predictions, 6)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, expected)
    classes = metrics.per_class(labels, predictions, list("abcdef"))
    assert [record["class"] for record in classes] == list("abcdf")
    recall = sklearn.metrics.recall_score(labels, predictions, labels=[0, 1, 2, 3, 5], average=None)
    assert [record["accuracy"] for record in classes] == pytest.approx(list(recall))
    assert [record["examples"] for record in classes] == list(expected.sum(1)[[0, 1, 2, 3, 5]])
    assert classes[0]["ci95"] == metrics.wilson_interval(expected[0, 0], expected[0].sum())


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: LearningRate(256, 1, 1, StepDecay(()), 0, 0), "LearningRate.rate_per_256"),
        (lambda: LearningRate(256, 1, 1, StepDecay(()), 1, -1), "LearningRate.warmup_epochs"),
        (lambda: StepDecay((70, 35)), "StepDecay.boundaries"),
        (lambda: StepDecay((1,), 0), "StepDecay.factor"),
        (lambda: ExponentialDecay(every_epochs=0), "ExponentialDecay.every_epochs"),
        (lambda: CosineDecay(2), "CosineDecay.final"),
        (lambda: momentum_sgd(0.1, rate_in="velocities"), "Did you mean 'velocity'"),
        (lambda: rmsprop(0.1, epsilon=0), "rmsprop.epsilon"),
    ],
)
def test_wrong_arguments_are_told(make, told):
    with pytest.raises(UserError, match=told):
        make()
