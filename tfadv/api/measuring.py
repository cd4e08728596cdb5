"""Evaluation from Python: what ``python -m tfadv.evaluate`` does, said in arguments."""

import dataclasses
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfadv import digests
from tfadv.api.images import chosen_images
from tfadv.api.notices import Notices, in_python
from tfadv.api.parts import Part, chosen
from tfadv.api.recipes import DEFAULTS, Recipe, several
from tfadv.api.result import Result
from tfadv.api.run import RobustModel, Run
from tfadv.attacks import Attack
from tfadv.config import Config
from tfadv.config.command_line import chosen_branches
from tfadv.devices.workers import Workers
from tfadv.errors import UserError, check
from tfadv.evaluation.gradient_masking.evaluator import build_evaluator
from tfadv.evaluation.outcome_log import OutcomeLog
from tfadv.interop import external_checks, external_models
from tfadv.models.classifier import Classifier
from tfadv.models.external import ExternalModel
from tfadv.models.functional.graph import walk
from tfadv.models.functional.preparation import found_in
from tfadv.models.image_form import ImageForm
from tfadv.norms.mode import MAIN
from tfadv.pixels import PIXEL_RANGE
from tfadv.planning.distribution import Distribution
from tfadv.planning.dtype_choice import EVALUATION
from tfadv.planning.evaluation_parts import EvaluationParts, evaluation_parts
from tfadv.planning.precision import Precision, settled
from tfadv.registry import ATTACKS
from tfadv.runs import identity, provenance

# A run's, which has no say in an evaluation on other images.
_NO_VALIDATION = {
    "Validation.every_epochs": 0,
    "Validation.images": 0,
    "Validation.dataset": None,
}
# PGD of any length: towards drawn wrong classes, as in the paper, or away from the label.
_PGD = re.compile(r"(untargeted_)?pgd(\d+)")


def evaluate(
    model: Run | Any,
    data: Any = None,
    *,
    attacks: Sequence[str | Part | Attack] = ("pgd100",),
    epsilon: float | None = None,
    branches: Sequence[str] | None = None,
    examples: int | None = None,
    pixel_range: tuple[float, float] | None = None,
    settings: Mapping[str, Any] | None = None,
    plugins: Sequence[str] = (),
    quiet: bool = False,
) -> Result:
    """Measures clean and robust accuracy.

    Args:
        model: a `Run`, or its `Run.model`; a Keras model; a function from images [N, H, W, C] to
            logits; or the path of a bundle, a SavedModel or a Keras file.
        data: images in 0..255 and labels, as `fit` takes them; of (x, y) all are evaluated on.
            None takes a run's own test images.
        attacks: such as ``pgd100`` or ``untargeted_pgd20`` (PGD of any length), ``autoattack``,
            any registered name, `part` with its parameters, or ``tfadv.PGD(8, steps=50)``.
        epsilon: radius in pixels of 0..255 of those that are named; None takes the run's.
        branches: norm branches; None takes all that were trained.
        examples: how many of the images, drawn by the seed; None takes all.
        pixel_range: of the images that a Keras model, function or file takes, such as (0, 1).
            None takes what a Keras model shows: one with `Rescaling` first takes 0..255.
        settings: any other value by its gin name, such as ``{"Evaluation.worst_case": True}``.
        plugins: modules that register parts.
        quiet: prints nothing but warnings.

    Raises:
        UserError: an argument is wrong; before any work.
    """
    values = _attacks(attacks) | ({} if examples is None else {"Evaluation.examples": examples})
    if epsilon is not None:
        check(isinstance(epsilon, int | float), "epsilon", "be a number of pixels", epsilon)
        values |= {"eval/PGD.epsilon": epsilon, "eval/PGD.step_size": epsilon / 16}
    with in_python(quiet):
        if isinstance(model, Run):
            recipe, own = model.recipe, data is None
        elif data is None:
            raise UserError("data: only a run has images of its own: give images and labels")
        else:
            recipe, own = Recipe((DEFAULTS,)), False
        recipe = _on_images(recipe, data).with_values(values | dict(settings or {}))
        recipe = dataclasses.replace(recipe, plugins=(*recipe.plugins, *several(plugins)))
        if isinstance(model, Run):
            return _of_run(model, recipe, own, branches, quiet)
        return _of_another(model, recipe, pixel_range, branches, quiet)


def _on_images(recipe: Recipe, data: Any) -> Recipe:
    if data is None:
        return recipe
    values, images = chosen_images(data, to_train=False)
    found = recipe.with_values(values | _NO_VALIDATION)
    return dataclasses.replace(found, images=images)


def _of_run(run: Run, recipe: Recipe, own_images: bool, branches, quiet: bool) -> Result:
    trained = run.trained
    with run.planned(recipe) as (read, plan):
        parts = EvaluationParts.of(settled(plan, trained.plan.precision))
        if own_images:
            images = parts.all_classes
            identity.check_images(identity.made_by_run(run.folder), read, images, parts.data_digest)
        described = trained.describe() | {"weights": digests.of_model(trained.model)}
        origin = provenance.of_run(run.folder)
        if run.is_scratch:
            del origin["run"]  # which goes with the run
        known = trained.branches
        found = _measured(read, trained.model, parts, known, branches, described, quiet)
        found.record["provenance"] = origin | found.record["provenance"]
        return found


def _of_another(model: Any, recipe: Recipe, pixel_range, branches, quiet: bool) -> Result:
    if isinstance(model, RobustModel):
        model, branches = model.network, branches or model.branches
    with recipe.read() as read:
        parts = evaluation_parts(read)
        if hasattr(model, "logits_fn"):
            known = model.branches
            return _measured(read, model, parts, known, branches, model.describe(), quiet)
        loaded = _external(model, parts, pixel_range)
        found = external_checks.check(loaded, parts.all_classes)
        Notices(quiet).warn(found.warnings(loaded.name))
        if set(found.no_gradient) == set(loaded.branches):
            parts = parts.without_gradient()
        described = loaded.describe() | {"tried": found.record()}
        return _measured(read, loaded, parts, loaded.branches, branches, described, quiet)


def _measured(
    read: Config, model: Classifier, parts: EvaluationParts, known, branches, described, quiet
) -> Result:
    Notices(quiet).warn([*read.failures.values(), *parts.warnings])
    branches = several(branches or known)
    for branch in branches:
        chosen_branches(known, branch)
    distribution = Distribution(kind="one_device").create()
    parts = Precision().of_evaluation(parts, model, 1, Workers(distribution))
    if parts.precision:
        Notices(quiet).note([parts.precision.line(EVALUATION)])
    log = OutcomeLog()
    other = external_checks.transfer_model(parts.checkup, parts.source)
    evaluator = build_evaluator(model, parts, distribution, other, branches, log)
    record = {"model": described, **evaluator.evaluate()}
    return Result(record | {"provenance": provenance.of_evaluation(log.began)}, evaluator)


def _external(model: Any, parts: EvaluationParts, pixel_range) -> ExternalModel:
    images = parts.all_classes
    if isinstance(model, keras.Model):
        return _of_keras(model, images, pixel_range)
    if isinstance(model, str | Path):
        stated = external_models.Stated(pixel_range, "NHWC" if pixel_range else None)
        return external_models.load(Path(model), images.image_shape, images.classes, stated)
    if callable(model):
        return _of_function(model, images, pixel_range)
    raise UserError(
        f"model: a {type(model).__name__} is no tfadv.Run, Keras model, function or path"
    )


def _of_keras(model: keras.Model, images, pixel_range) -> ExternalModel:
    if pixel_range is None:
        if found_in(walk(model)) is None:
            raise UserError(
                "pixel_range: the Keras model doesn't tell which pixels it takes: give (0, 1), "
                "(-1, 1) or (0, 255)"
            )
        pixel_range = PIXEL_RANGE
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{model.name}.keras"
        model.save(path)
        stated = external_models.Stated(pixel_range, "NHWC")
        found = external_models.load(path, images.image_shape, images.classes, stated)
    found.name = model.name
    return found


def _of_function(function: Callable[[tf.Tensor], tf.Tensor], images, pixel_range) -> ExternalModel:
    if pixel_range is None:
        raise UserError("pixel_range: give that of the images that the function takes, as (0, 1)")
    name = getattr(function, "__name__", type(function).__name__)
    form = ImageForm(tuple(pixel_range))
    return ExternalModel(name, {MAIN: function}, images.image_shape, images.classes, form)


def _attacks(given: Sequence[str | Part | Attack]) -> dict[str, Any]:
    """Returns what is bound for the attacks of an evaluation."""
    specs, values = [], {}
    for number, one in enumerate([given] if isinstance(given, str) else given, 1):
        named = _PGD.fullmatch(one) if isinstance(one, str) else None
        if named:
            spec = f"{one}/pgd"
            values[f"eval/{one}/PGD.steps"] = int(named[2])
            values[f"eval/{one}/PGD.targeted"] = not named[1]
        else:
            scope = "" if isinstance(one, str) else f"attack{number}"
            spec, own = chosen(ATTACKS, one, "attacks", scope)
            values |= {f"eval/{key}": value for key, value in own.items()}
        specs.append(spec)
    return {"Evaluation.attacks": tuple(specs), **values}
