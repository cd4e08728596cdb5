"""Shares and how far to trust them, and what a model's answers on clean images tell."""

import math
from collections.abc import Sequence

import numpy as np


def wilson_interval(successes: int, trials: int) -> list[float]:
    """Returns the 95% Wilson score interval of a share.

    Args:
        successes: images counted, 0..trials.
        trials: images in all, > 0.

    Returns:
        [low, high], both in 0..1.
    """
    z = 1.959963984540054
    share = successes / trials
    centre = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return [max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)]


def share(successes: float, trials: float) -> dict[str, object]:
    """Returns an accuracy record: the fraction and its 95% interval."""
    successes, trials = int(successes), int(trials)
    return {"accuracy": successes / trials, "ci95": wilson_interval(successes, trials)}


def top_k_correct(label_rank: np.ndarray, k: int) -> dict[str, object]:
    """Returns the `share` of images whose label has one of the k largest logits.

    Args:
        label_rank: integers [N], N > 0, how many logits are larger than the label's.
        k: >= 1.
    """
    return share(np.sum(np.asarray(label_rank) < k), len(label_rank))


def reliability(
    confidence: np.ndarray, correct: np.ndarray, bins: int = 15
) -> list[dict[str, object]]:
    """Returns the points of a reliability diagram (Guo et al., 2017, section 2).

    Args:
        confidence: floats [N] in 0..1, each the probability given to the predicted class.
        correct: bools [N], whether that class is the label.
        bins: m/M < confidence <= (m+1)/M for each m of M.

    Returns:
        For each bin with an image its mean ``confidence``, its ``accuracy`` and
        how many ``examples`` it has.
    """
    confidence, correct = np.asarray(confidence, np.float64), np.asarray(correct, bool)
    inner_edges = np.arange(1, bins) / bins
    place = np.digitize(confidence, inner_edges, right=True)
    return [
        {
            "confidence": float(confidence[place == m].mean()),
            "accuracy": float(correct[place == m].mean()),
            "examples": int(np.sum(place == m)),
        }
        for m in np.unique(place)
    ]


def expected_calibration_error(
    confidence: np.ndarray, correct: np.ndarray, bins: int = 15
) -> float:
    """Returns the mean gap between confidence and accuracy, in 0..1 (Guo et al., 2017).

    The arguments are those of `reliability`, N > 0; a bin counts by its examples.
    """
    points = reliability(confidence, correct, bins)
    gaps = (point["examples"] * abs(point["accuracy"] - point["confidence"]) for point in points)
    return sum(gaps) / len(confidence)


def per_class(
    labels: np.ndarray, predictions: np.ndarray, class_names: Sequence[str]
) -> list[dict[str, object]]:
    """Returns each class's `share` of images predicted as their label.

    Args:
        labels: integers [N] in 0..K-1.
        predictions: integers [N].
        class_names: K names.

    Returns:
        ``class``, ``examples``, ``accuracy`` and ``ci95`` of the classes that have
        an image, in their order.
    """
    labels = np.asarray(labels)
    examples = np.bincount(labels, minlength=len(class_names))
    right = np.bincount(labels[labels == predictions], minlength=len(class_names))
    return [
        {"class": class_name, "examples": int(trials)} | share(successes, trials)
        for class_name, successes, trials in zip(class_names, right, examples, strict=True)
        if trials
    ]


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Counts what each class's images are predicted as.

    Args:
        labels: integers [N] in 0..K-1.
        predictions: integers [N] in 0..K-1.
        classes: K.

    Returns:
        int64 [K, K]; rows are labels, columns are predictions.
    """
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predictions), 1)
    return counts
