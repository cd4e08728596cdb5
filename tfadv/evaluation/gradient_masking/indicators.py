"""The doctor's signs: numbers near 0 for an honest model, each with its limit.

After Athalye et al. (2018), Carlini et al. (2019) and Croce et al. (2022). All are
shares of the images looked at, so that they compare with accuracies.
"""

import numpy as np
import tensorflow as tf

from tfadv.attacks.apgd_targeted import APGDTargeted
from tfadv.attacks.base import input_gradient
from tfadv.attacks.square import Square
from tfadv.config.settings import DTYPES
from tfadv.evaluation.gradient_masking.examination import ExaminedBranch, Indicator
from tfadv.evaluation.gradient_masking.substitute import imitation
from tfadv.losses import cross_entropy
from tfadv.models.base import Model
from tfadv.norms.mode import NormMode

# A gradient is gone where so many of its values are exactly 0.
_MOST = 0.5


def _zero_gradients(patient: ExaminedBranch) -> float:
    def zeros(logits_fn, batch):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(batch["image"])
            loss = tf.reduce_sum(cross_entropy(logits_fn(batch["image"]), batch["label"]))
        gradient = input_gradient(tape, loss, batch["image"])
        gone = tf.reduce_mean(tf.cast(gradient == 0, tf.float32), [1, 2, 3])
        fine = tf.reduce_all(tf.math.is_finite(gradient), [1, 2, 3])
        return tf.where(fine, gone, float("nan"))

    return float(np.mean(patient.measure("zero gradients", zeros) > _MOST))


def _end_of_the_curve(patient: ExaminedBranch) -> float:
    return patient.share(len(patient.after_half) - len(patient.left))


def _more_steps(patient: ExaminedBranch) -> float:
    return patient.lost(patient.after_ten_times)


def _restarts(patient: ExaminedBranch) -> float:
    left, checkup = patient.left, patient.checkup
    for restart in range(1, checkup.restarts):
        (left,) = patient.robust("restarts", checkup.pgd(), left, (checkup.steps,), restart)
    return patient.lost(left)


def _other_losses(patient: ExaminedBranch) -> float:
    loss = "dlr" if patient.source.classes >= 4 else "margin"
    steps = max(patient.checkup.steps // 2, 1)
    attack = APGDTargeted.within(patient.checkup.threat_model, steps, loss)
    return patient.beaten("other losses", attack)


def _black_box(patient: ExaminedBranch) -> float:
    checkup = patient.checkup
    return patient.beaten("black box", Square.within(checkup.threat_model, checkup.queries))


def _transfer(patient: ExaminedBranch) -> float:
    def imitated():
        model = patient.model.logits_fn(patient.mode, patient.dtype)
        network = imitation(model, patient.source, patient.checkup.threat_model, patient.seed)
        return lambda: network

    pgd, left = patient.checkup.pgd(), patient.left
    (left,) = patient.robust("transfer", pgd, left, substitute=imitated)
    if patient.other:

        def given():
            return lambda: patient.other.logits_fn(NormMode())

        (left,) = patient.robust("transfer from another", pgd, left, substitute=given)
    return patient.lost(left)


def _any_distance(patient: ExaminedBranch) -> float:
    whole = patient.checkup.threat_model.unbounded(patient.source.image_shape)
    everything = patient.checkup.pgd(whole)
    lengths = (patient.checkup.steps,)
    (left,) = patient.robust("any distance", everything, patient.left, lengths)
    return patient.share(len(left))


def _precision(patient: ExaminedBranch) -> float | None:
    if not isinstance(patient.model, Model):
        return None
    left = {}
    for dtype in DTYPES:

        def computed(dtype=dtype):
            return lambda: patient.model.logits_fn(patient.mode, dtype)

        (left[dtype],) = patient.robust(
            f"precision {dtype}", patient.checkup.pgd(), patient.right, substitute=computed
        )
    one, other = (len(places) for places in left.values())
    return patient.share(abs(one - other))


def _statistics(patient: ExaminedBranch) -> float | None:
    model = patient.model
    if not isinstance(model, Model) or not any(u.norm.non_trainable_variables for u in model.units):
        return None

    def by_batch():
        return lambda: model.logits_fn(NormMode(patient.mode.branch, "batch"), patient.dtype)

    return patient.beaten("statistics", patient.checkup.pgd(), substitute=by_batch)


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
