"""Attacks as their papers write them: NumPy around one gradient, and nothing of tfadv's.

FGSM (Goodfellow et al., 2015), PGD (Madry et al., 2018), MI-FGSM (Dong et al., 2018) and
Auto-PGD (Croce & Hein, 2020, algorithm 1 with the conventions of the authors' code). All
take float32 images [N, H, W, C] and a radius in pixels of 0..255.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

PIXELS = (0.0, 255.0)
# Auto-PGD's α and ρ, and the lengths of its stretches as shares of the steps.
MOMENTUM, ENOUGH_RISES = 0.75, 0.75
FIRST, SHORTEST, SHORTER_BY = 0.22, 0.06, 0.03


class Victim(NamedTuple):
    """What is attacked.

    Attributes:
        logits_fn: maps images [N, H, W, C] in 0..255 to logits [N, K].
        images: float32 [N, H, W, C].
        labels: int64 [N].
        targets: int64 [N], the classes to get to; None, where the labels are to be left.
    """

    logits_fn: Callable[[tf.Tensor], tf.Tensor]
    images: np.ndarray
    labels: np.ndarray
    targets: np.ndarray | None = None

    def classes(self, images: np.ndarray) -> np.ndarray:
        """Returns what the model says, int64 [N]."""
        return np.argmax(self.logits_fn(tf.constant(images)), 1)


def steepest(gradient: np.ndarray, ball: str) -> np.ndarray:
    """Returns the direction of length 1 in which a linear function grows fastest."""
    if ball == "linf":
        return np.sign(gradient)
    return gradient / np.maximum(_length(gradient), np.finfo(np.float32).tiny)


def projected(x: np.ndarray, images: np.ndarray, epsilon: float, ball: str) -> np.ndarray:
    """Returns points brought back into the ball, then into the pixel range."""
    moved = x - images
    if ball == "linf":
        moved = np.clip(moved, -epsilon, epsilon)
    else:
        moved = moved * np.minimum(1, epsilon / np.maximum(_length(moved), 1e-12))
    return np.clip(images + moved, *PIXELS).astype(np.float32)


def fgsm(victim: Victim, epsilon: float, ball: str) -> np.ndarray:
    """One step of ε from the image."""
    x = victim.images + epsilon * steepest(_uphill(victim, victim.images), ball)
    return projected(x, victim.images, epsilon, ball)


def pgd(victim: Victim, epsilon: float, ball: str, steps: int, alpha: float) -> np.ndarray:
    """Steps of α from the image; the last iterate."""
    x = victim.images
    for _ in range(steps):
        x = projected(x + alpha * steepest(_uphill(victim, x), ball), victim.images, epsilon, ball)
    return x


def mi_fgsm(
    victim: Victim, epsilon: float, ball: str, steps: int, decay: float = 1.0
) -> np.ndarray:
    """Steps of ε/N along the decaying sum of gradients, each divided by its L1 norm."""
    x, total = victim.images, np.zeros_like(victim.images)
    for _ in range(steps):
        gradient = _uphill(victim, x)
        size = np.sum(np.abs(gradient), (1, 2, 3), keepdims=True)
        total = decay * total + gradient / np.maximum(size, np.finfo(np.float32).tiny)
        x = x + epsilon / steps * steepest(total, ball)
        x = projected(x, victim.images, epsilon, ball)
    return x


def auto_pgd(
    victim: Victim, epsilon: float, ball: str, steps: int, start: np.ndarray
) -> np.ndarray:
    """Auto-PGD by the cross-entropy away from the labels, or the DLR towards the targets.

    Args:
        victim: what is attacked.
        epsilon: radius in pixels.
        ball: 'linf' or 'l2'.
        steps: number of steps.
        start: float32 [N, H, W, C], the first iterates.

    Returns:
        Misclassified iterates where there was one, else the best by the loss.
    """
    loss_fn = _away if victim.targets is None else _towards
    value, slope = _loss_and_gradient(victim, start, loss_fn)
    x, before, best, best_slope, best_value = start, start, start, slope, value
    wrong = victim.classes(start) != victim.labels
    found = start
    losses = [np.zeros_like(value)]  # the first comparison is with 0
    step, halved, value_then = np.full_like(value, 2 * epsilon), np.ones_like(wrong), value
    stretches = dict(_stretches(steps))
    for count in range(steps):
        ahead = x + _by_image(step) * steepest(slope, ball)
        ahead = projected(ahead, victim.images, epsilon, ball)
        share = MOMENTUM if count else 1.0
        moved = x + share * (ahead - x) + (1 - share) * (x - before)
        x, before = projected(moved, victim.images, epsilon, ball), x
        value, slope = _loss_and_gradient(victim, x, loss_fn)
        losses.append(value)
        now = victim.classes(x) != victim.labels
        found, wrong = np.where(_by_image(now), x, found), wrong | now
        better = value > best_value
        best = np.where(_by_image(better), x, best)
        best_slope = np.where(_by_image(better), slope, best_slope)
        best_value = np.maximum(value, best_value)
        if count + 1 in stretches:
            length = stretches[count + 1]
            rises = np.sum(np.diff(losses[-length - 1 :], axis=0) > 0, axis=0)
            halve = rises <= ENOUGH_RISES * length
            halve |= ~halved & (value_then >= best_value)
            x = np.where(_by_image(halve), best, x)
            slope = np.where(_by_image(halve), best_slope, slope)
            step = np.where(halve, step / 2, step)
            halved, value_then = halve, best_value
    return np.where(_by_image(wrong), found, best)


def auto_pgd_targeted(
    victim: Victim, epsilon: float, ball: str, steps: int, starts: list[np.ndarray]
) -> np.ndarray:
    """Auto-PGD towards the likeliest wrong classes in turn, one for each of the starts."""
    logits = np.array(victim.logits_fn(tf.constant(victim.images)))
    logits[np.arange(len(logits)), victim.labels] = -np.inf
    ranked = np.argsort(-logits, axis=1, kind="stable")
    found = np.array(victim.images)
    left = np.ones(len(found), bool)
    for number, start in enumerate(starts):
        rows = np.flatnonzero(left)
        some = Victim(
            victim.logits_fn, victim.images[rows], victim.labels[rows], ranked[rows, number]
        )
        found[rows] = auto_pgd(some, epsilon, ball, steps, start[rows])
        left[rows] = some.classes(found[rows]) == some.labels
    return found


def _stretches(steps: int):
    """Yields the steps, counted from 1, that end a stretch, and its length."""
    length, shortest, by = (max(int(s * steps), 1) for s in (FIRST, SHORTEST, SHORTER_BY))
    end = length
    while end <= steps:
        yield end, length
        length = max(length - by, shortest)
        end += length


def _uphill(victim: Victim, x: np.ndarray) -> np.ndarray:
    """Returns the gradient of the labels' cross-entropy, or against that of the targets'."""
    classes = victim.labels if victim.targets is None else victim.targets
    gradient = _loss_and_gradient(victim._replace(labels=classes), x, _away)[1]
    return gradient if victim.targets is None else -gradient


def _away(logits, labels, _):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def _towards(logits, labels, targets):
    """The targeted difference of logits ratio (equation 7)."""
    ordered = tf.sort(logits, -1, "DESCENDING")
    difference = tf.gather(logits, targets, batch_dims=1) - tf.gather(logits, labels, batch_dims=1)
    return difference / (ordered[:, 0] - (ordered[:, 2] + ordered[:, 3]) / 2 + 1e-12)


def _loss_and_gradient(victim: Victim, images: np.ndarray, loss_fn: Callable):
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        losses = loss_fn(victim.logits_fn(x), victim.labels, victim.targets)
    return losses.numpy(), tape.gradient(losses, x).numpy()


def _length(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.sum(np.square(x, dtype=np.float64), (1, 2, 3), keepdims=True))


def _by_image(values: np.ndarray) -> np.ndarray:
    return values[:, None, None, None]
