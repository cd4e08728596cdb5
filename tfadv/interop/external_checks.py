"""Whether a model made elsewhere takes what its user says it takes, and what it is like."""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfadv.attacks.gradients import input_gradient
from tfadv.attacks.objectives import margin
from tfadv.config.evaluation_settings import Checkup
from tfadv.data.pipeline import some_examples
from tfadv.data.source import Source
from tfadv.errors import UserError
from tfadv.errors import check as require
from tfadv.interop import form_trials
from tfadv.interop.bundle_format import is_bundle
from tfadv.interop.external_models import load
from tfadv.models.external import ExternalModel
from tfadv.models.image_form import COLORS
from tfadv.norms import NormMode

# What models are commonly fed.
_RANGES = ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0))
# By how much of the largest logit two answers to the same images differ at most, where the
# order of sums is all that is random.
_ROUNDING = 1e-5


class Findings(NamedTuple):
    """What a few images tell of a model.

    Attributes:
        examples: how many images.
        randomized: share of them that two forward passes answer differently.
        saturated: share of them whose probabilities are exactly 0 and 1 in float32.
        no_gradient: the branches whose gradient by the images is nowhere but 0.
    """

    examples: int
    randomized: float
    saturated: float
    no_gradient: tuple[str, ...]

    def record(self) -> dict[str, object]:
        """Returns what a results record says of it."""
        return self._asdict() | {"no_gradient": list(self.no_gradient)}

    def warnings(self, name: str) -> list[str]:
        """Returns a line about each that an evaluation's reader must know."""
        lines = [
            f"{name} has no gradient by its images ({branch}): attacks that follow it would find "
            "nothing, which says nothing of its robustness; Square needs none"
            for branch in self.no_gradient
        ]
        if self.saturated:
            lines.append(
                f"{name}: the probabilities of {self.saturated:.0%} of {self.examples} images are "
                "exactly 0 and 1, and their gradients vanish, so that attacks find less than there "
                "is: export the logits, or take losses without a scale (APGDTargeted) and Square"
            )
        if self.randomized:
            lines.append(
                f"{name} is randomized: two forward passes of {self.examples} images differ on "
                f"{self.randomized:.0%}; each outcome is one draw, and gradients want an average: "
                "see PGD.expectation_samples"
            )
        return lines


def check(model: ExternalModel, source: Source) -> Findings:
    """Tries a few images before any attack is spent on a mistaken model.

    Args:
        model: the model, its form as stated; whether it is randomized is noted in it.
        source: the images it is to be evaluated on.

    Returns:
        What they tell.

    Raises:
        UserError: it does not take such images, has another number of classes,
            returns what is not stated, or classifies far better in another range or order of
            colours.
    """
    batch = some_examples(source, form_trials.IMAGES)
    images, labels = batch["image"], batch["label"].numpy()
    outputs = _outputs(model, images)
    _check_outputs(model, outputs, source)
    _check_form(model, images, labels)
    again = _outputs(model, images)
    differ = np.abs(again - outputs).max(1) > _ROUNDING * np.abs(outputs).max()
    model.randomized = bool(differ.any())
    return Findings(
        len(labels),
        float(np.mean(differ)),
        float(np.mean(_saturated(model, images, outputs))),
        tuple(
            branch
            for branch in model.branches
            if not _has_gradient(model.logits_fn(NormMode(branch)), images, batch["label"])
        ),
    )


def transfer_model(checkup: Checkup | None, source: Source) -> ExternalModel | None:
    """Loads the bundle that a gradient-masking examination transfers attacks from, if any.

    Raises:
        UserError: it is no bundle, or of other images.
    """
    if checkup is None or not checkup.transfer_from:
        return None
    path, rule = Path(checkup.transfer_from), "be a bundle, as python -m tfadv.export writes it"
    require(is_bundle(path), "Checkup.transfer_from", rule, str(path))
    model = load(path, source.image_shape, source.classes)
    check(model, source)
    return model


def _outputs(model, images) -> np.ndarray:
    """Returns what the model itself returns, as [N, K] or [N, 1]."""
    try:
        found = model.raw_outputs()(images).numpy()
    except UserError:
        raise
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
        raise UserError(
            f"{model.name} does not take images of {tuple(images.shape)} as {model.form.layout}: "
            f"{str(error).splitlines()[0]}"
        ) from None
    return found[:, None] if found.ndim == 1 else found


def _check_outputs(model, outputs, source):
    expected = 1 if model.of_two_classes else source.classes
    if outputs.ndim != 2 or outputs.shape[1] != expected:
        hint = ""
        if outputs.ndim == 2 and outputs.shape[1] == 1 and source.classes == 2:
            hint = ": state --outputs=sigmoid, or logit if no sigmoid was applied"
        raise UserError(
            f"{model.name} returns {list(outputs.shape)} for {len(outputs)} images, and "
            f"{source.name} has {source.classes} classes{hint}"
        )
    if not np.isfinite(outputs).all():
        raise UserError(f"{model.name} returns numbers that are not finite")
    in_unit = outputs.min() >= 0 and outputs.max() <= 1
    if model.of_two_classes:
        _check_two_classes(model, in_unit)
        return
    sums_to_one = np.abs(outputs.sum(1) - 1).max() < 1e-2 and outputs.min() >= 0
    if sums_to_one and model.outputs == "logits":
        raise UserError(
            f"{model.name} returns probabilities, whose gradients vanish: export its logits, or "
            "state --outputs=probabilities"
        )
    if not sums_to_one and model.outputs == "probabilities":
        raise UserError(f"{model.name} returns no probabilities: state --outputs=logits")


def _check_two_classes(model, in_unit: bool):
    if in_unit and model.outputs == "logit":
        raise UserError(
            f"{model.name} returns numbers of 0..1 alone: state --outputs=sigmoid, or export "
            "what is before the sigmoid"
        )
    if not in_unit and model.outputs == "sigmoid":
        raise UserError(f"{model.name} returns no probability: state --outputs=logit")


def _check_form(model, images, labels):
    """Raises `UserError` if the model classifies far better in another form."""
    form = model.form
    others = [
        (f"--pixel_range={low:g},{high:g}", dataclasses.replace(form, pixel_range=(low, high)))
        for low, high in _RANGES
        if form.dtype.is_floating and not form.mean
    ]
    if images.shape[-1] == 3:
        other = COLORS[1 - COLORS.index(form.color)]
        others.append((f"--color={other}", dataclasses.replace(form, color=other)))
    trials = ((f"state {flag}", model.fed(other).logits_fn()) for flag, other in others)
    form_trials.check_accuracy(model.name, images, labels, model.logits_fn(), trials)


def _saturated(model, images, outputs) -> np.ndarray:
    """Returns bool [N]: whose probabilities are exactly 0 and 1, as float32 has them."""
    if model.outputs == "probabilities":
        return outputs.max(1) == 1
    if model.outputs == "sigmoid":
        return (outputs[:, 0] == 0) | (outputs[:, 0] == 1)
    # Of logits the gradient vanishes where all others are 0, not where they round to it.
    probabilities = tf.nn.softmax(model.logits_fn()(images)).numpy()
    return np.count_nonzero(probabilities, 1) == 1


def _has_gradient(logits_fn, images, labels) -> bool:
    """Returns whether the difference of two logits has one: that of a likelihood may vanish."""
    try:
        gradient, *_ = input_gradient(lambda x: (margin(logits_fn(x), labels), ()), images)
    except LookupError:  # TensorFlow knows none of some operation
        return False
    return bool(tf.reduce_any(gradient != 0))
