"""Whether a model made elsewhere takes what its user says it takes."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv.attacks.gradients import label_gradient
from tfadv.config.evaluation_settings import Checkup
from tfadv.data.pipeline import some_examples
from tfadv.data.source import Source
from tfadv.errors import UserError
from tfadv.errors import check as require
from tfadv.interop.bundle_format import is_bundle
from tfadv.interop.external_models import load
from tfadv.models.external import LAYOUTS, ExternalModel
from tfadv.norms import NormMode

# What models are commonly fed.
_RANGES = ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0))
_IMAGES = 64
# Another range must do better by this share of the images to be the right one.
_MARGIN = 0.15


def check(model: ExternalModel, source: Source) -> list[str]:
    """Tries a few images before any attack is spent on a mistaken model.

    Args:
        model: the model, its range and layout as stated.
        source: the images it is to be evaluated on.

    Returns:
        Warnings, a line each: of branches whose gradient is nowhere but 0.

    Raises:
        UserError: it does not take such images, has another number of classes,
            returns what is not stated, or classifies far better in another range.
    """
    batch = some_examples(source, _IMAGES)
    images, labels = batch["image"], batch["label"].numpy()
    outputs = _outputs(model, images)
    if outputs.ndim != 2 or outputs.shape[1] != source.classes:
        raise UserError(
            f"{model.name} returns {list(outputs.shape)} for {len(images)} images, and "
            f"{source.name} has {source.classes} classes"
        )
    if not np.isfinite(outputs).all():
        raise UserError(f"{model.name} returns numbers that are not finite")
    _check_outputs(model, outputs)
    _check_range(model, images, labels, _accuracy(outputs, labels))
    return [
        f"{model.name} has no gradient by its images ({branch}): attacks that follow it find "
        "nothing, which says nothing of its robustness; Square needs none, and "
        "'Evaluation.doctor = True' looks closer"
        for branch in model.branches
        if not _has_gradient(model.logits_fn(NormMode(branch)), images, batch["label"])
    ]


def transfer_model(checkup: Checkup, source: Source) -> ExternalModel | None:
    """Loads the bundle that a gradient-masking examination transfers attacks from, if any.

    Raises:
        UserError: it is no bundle, or of other images.
    """
    if not checkup.transfer_from:
        return None
    path, rule = Path(checkup.transfer_from), "be a bundle, as python -m tfadv.export writes it"
    require(is_bundle(path), "Checkup.transfer_from", rule, str(path))
    model = load(path, source.image_shape, source.classes)
    check(model, source)
    return model


def _outputs(model, images) -> np.ndarray:
    """Returns what the model itself returns: [N, K], logits or probabilities."""
    try:
        logits = model.logits_fn(NormMode())(images).numpy()
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
        other = LAYOUTS[1 - LAYOUTS.index(model.layout)]
        raise UserError(
            f"{model.name} does not take images of {tuple(images.shape)} as {model.layout} "
            f"(is it {other}?): {str(error).splitlines()[0]}"
        ) from None
    return np.exp(logits) if model.outputs == "probabilities" else logits


def _has_gradient(logits_fn, images, labels) -> bool:
    gradient, _ = label_gradient(logits_fn, images, labels)
    return bool(tf.reduce_any(gradient != 0))


def _check_outputs(model, outputs):
    sums_to_one = np.abs(outputs.sum(1) - 1).max() < 1e-2 and outputs.min() >= 0
    if sums_to_one and model.outputs == "logits":
        raise UserError(
            f"{model.name} returns probabilities, whose gradients vanish: export its logits, or "
            "state --outputs=probabilities"
        )
    if not sums_to_one and model.outputs == "probabilities":
        raise UserError(f"{model.name} returns no probabilities: state --outputs=logits")


def _check_range(model, images, labels, accuracy):
    for other in _RANGES:
        trial = model.fed(other)
        found = _accuracy(_outputs(trial, images), labels)
        if found > accuracy + _MARGIN:
            raise UserError(
                f"{model.name} classifies {accuracy:.0%} of {len(labels)} images fed in "
                f"{_text(model.pixel_range)}, and {found:.0%} in {_text(other)}: state "
                f"--pixel_range={other[0]:g},{other[1]:g}"
            )


def _accuracy(outputs, labels) -> float:
    return float(np.mean(np.argmax(outputs, 1) == labels))


def _text(pixel_range) -> str:
    return f"{pixel_range[0]:g}..{pixel_range[1]:g}"
