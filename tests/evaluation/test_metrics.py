"""Intervals, top-k and calibration against scikit-learn and by hand."""

import numpy as np
import pytest
import sklearn.metrics

from tfadv.evaluation import metrics


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
