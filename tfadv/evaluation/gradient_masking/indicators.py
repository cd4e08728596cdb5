"""Indicators of masked gradients: numbers near 0 for an honest model, each with its limit.

After Athalye et al. (2018), Carlini et al. (2019) and Croce et al. (2022). All are
shares of the images looked at, so that they compare with accuracies.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfadv.attacks.apgd_targeted import APGDTargeted
from tfadv.attacks.gradients import is_broken, label_gradient
from tfadv.attacks.square import Square
from tfadv.evaluation.gradient_masking.examined_branch import ExaminedBranch
from tfadv.evaluation.gradient_masking.substitute import imitation
from tfadv.norms.mode import NormMode

FINE, SUSPICIOUS, NOT_MEASURED = "fine", "suspicious", "not measured"
# A gradient is gone where so many of its values are exactly 0.
_MOST = 0.5


class Indicator(NamedTuple):
    """One number that tells of masked gradients.

    Attributes:
        name: of it.
        what: the number, in words.
        limit: above which it is suspicious.
        measure: returns the number, or None where it doesn't apply.
    """

    name: str
    what: str
    limit: float
    measure: Callable[[ExaminedBranch], float | None]

    def record(self, examined: ExaminedBranch) -> dict[str, object]:
        """Returns what the results say of it."""
        value = self.measure(examined)
        verdict = NOT_MEASURED
        if value is not None:
            verdict = SUSPICIOUS if value > self.limit else FINE
        return {
            "sign": self.name,
            "what": self.what,
            "value": value,
            "limit": self.limit,
            "verdict": verdict,
        }


def _zero_gradients(examined: ExaminedBranch) -> float:
    def zeros(logits_fn, batch):
        gradient, _ = label_gradient(logits_fn, batch["image"], batch["label"])
        gone = tf.reduce_mean(tf.cast(gradient == 0, tf.float32), [1, 2, 3])
        return tf.where(is_broken(gradient), float("nan"), gone)

    return float(np.mean(examined.measure("zero gradients", zeros) > _MOST))


def _end_of_the_curve(examined: ExaminedBranch) -> float:
    return examined.share(len(examined.after_half) - len(examined.remaining))


def _more_steps(examined: ExaminedBranch) -> float:
    return examined.lost(examined.after_ten_times)


def _restarts(examined: ExaminedBranch) -> float:
    remaining, checkup = examined.remaining, examined.checkup
    for restart in range(1, checkup.restarts):
        (remaining,) = examined.robust(
            "restarts", checkup.pgd(), remaining, (checkup.steps,), restart
        )
    return examined.lost(remaining)


def _other_losses(examined: ExaminedBranch) -> float:
    loss = "dlr" if examined.source.classes >= 4 else "margin"
    steps = max(examined.checkup.steps // 2, 1)
    attack = APGDTargeted.within(examined.checkup.threat_model, steps, loss)
    return examined.beaten("other losses", attack)


def _black_box(examined: ExaminedBranch) -> float:
    checkup = examined.checkup
    return examined.beaten("black box", Square.within(checkup.threat_model, checkup.queries))


def _transfer(examined: ExaminedBranch) -> float:
    def imitated():
        model = examined.model.logits_fn(examined.mode, examined.dtype)
        network = imitation(model, examined.source, examined.checkup.threat_model, examined.seed)
        return lambda: network

    pgd, remaining = examined.checkup.pgd(), examined.remaining
    (remaining,) = examined.robust("transfer", pgd, remaining, substitute=imitated)
    if examined.other:

        def given():
            return lambda: examined.other.logits_fn(NormMode())

        (remaining,) = examined.robust("transfer from another", pgd, remaining, substitute=given)
    return examined.lost(remaining)


def _any_distance(examined: ExaminedBranch) -> float:
    whole = examined.checkup.threat_model.unbounded(examined.source.image_shape)
    everything = examined.checkup.pgd(whole)
    lengths = (examined.checkup.steps,)
    (remaining,) = examined.robust("any distance", everything, examined.remaining, lengths)
    return examined.share(len(remaining))


def _precision(examined: ExaminedBranch) -> float | None:
    if len(examined.model.dtypes) == 1:
        return None
    remaining = {}
    for dtype in examined.model.dtypes:

        def computed(dtype=dtype):
            return lambda: examined.model.logits_fn(examined.mode, dtype)

        (remaining[dtype],) = examined.robust(
            f"precision {dtype}", examined.checkup.pgd(), examined.right, substitute=computed
        )
    one, other = (len(places) for places in remaining.values())
    return examined.share(abs(one - other))


def _statistics(examined: ExaminedBranch) -> float | None:
    model = examined.model
    if not any(norm.keeps_statistics for norm in model.norms.values()):
        return None

    def by_batch():
        return lambda: model.logits_fn(NormMode(examined.mode.branch, "batch"), examined.dtype)

    return examined.beaten("statistics", examined.checkup.pgd(), substitute=by_batch)


INDICATORS = (
    Indicator(
        "zero gradients",
        "images whose loss has a gradient of exactly 0 in most of its values",
        0.05,
        _zero_gradients,
    ),
    Indicator(
        "the curve's end",
        "images that the second half of PGD's steps beats",
        0.03,
        _end_of_the_curve,
    ),
    Indicator(
        "more steps",
        "images that ten times as many steps beat, and PGD does not",
        0.05,
        _more_steps,
    ),
    Indicator("restarts", "images that further random starts beat", 0.05, _restarts),
    Indicator(
        "other losses",
        "images that Auto-PGD beats by a loss without a scale, towards each likely class",
        0.1,
        _other_losses,
    ),
    Indicator(
        "black box", "images that Square beats, which asks for no gradient", 0.03, _black_box
    ),
    Indicator(
        "transfer",
        "images that PGD on another model beats, and on this one does not",
        0.03,
        _transfer,
    ),
    Indicator(
        "any distance",
        "images that PGD leaves even where every image is allowed",
        0.05,
        _any_distance,
    ),
    Indicator(
        "precision", "difference of attacks computed in float32 and in bfloat16", 0.03, _precision
    ),
    Indicator(
        "statistics",
        "images that gradients by batch statistics beat, and by running ones do not",
        0.03,
        _statistics,
    ),
)
