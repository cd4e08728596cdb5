"""What an evaluation needs beside a model, chosen by gin."""

import dataclasses

import numpy as np

from tfadv.attacks import Attack
from tfadv.config.configuration import Config
from tfadv.config.evaluation_settings import Checkup, Evaluation
from tfadv.data.manifest import AUTO, WAYS
from tfadv.data.selected import with_occurring_classes
from tfadv.data.source import Source
from tfadv.errors import UserError, check_choice
from tfadv.models.classifier import Classifier
from tfadv.models.restricted import RestrictedClassifier
from tfadv.planning import plan_checks
from tfadv.planning.dtype_choice import EVALUATION, Choice
from tfadv.planning.images import build_splits
from tfadv.planning.plan import Plan
from tfadv.randomness import check_seed
from tfadv.registry import configured, default


@dataclasses.dataclass(frozen=True)
class EvaluationParts:
    """What an evaluation needs beside a model.

    Attributes:
        source: the images.
        evaluation: how many, and at what precision.
        attacks: by their specs.
        seed: of the subset, the targets and the starts.
        checkup: how closely to look for masked gradients, if that is asked for.
        warnings: lines about what is hardly meant so.
        data_digest: how files are distinguished, one of `manifest.WAYS`.
        whole: the images with labels among all classes of the model; None if `source` has.
        kept_classes: those of the model's classes that the labels count, int64 [K'];
            None for all.
        precision: what was taken for `evaluation.dtype`, where 'auto' was bound.
    """

    source: Source
    evaluation: Evaluation
    attacks: dict[str, Attack]
    seed: int
    checkup: Checkup | None = None
    warnings: tuple[str, ...] = ()
    data_digest: str = AUTO
    whole: Source | None = None
    kept_classes: np.ndarray | None = None
    precision: Choice | None = None

    @classmethod
    def of(cls, plan: Plan) -> "EvaluationParts":
        """Returns what a run's plan says."""
        seed, checkup, whole = plan.experiment.seed, plan.checkup, plan.splits.test
        source, kept = _asked_about(whole, plan.evaluation)
        attacks, left_out = plan_checks.for_classes(plan.evaluation_attacks, source)
        warnings = whole.warnings + plan_checks.odd_attacks(attacks) + left_out
        warnings += plan_checks.long_evaluation(attacks, plan.evaluation, whole)
        way = plan.experiment.data_digest
        precision = plan.precision.get(EVALUATION)
        return cls(
            source, plan.evaluation, attacks, seed, checkup, warnings, way, whole, kept, precision
        )

    @classmethod
    def of_validation(cls, plan: Plan) -> "EvaluationParts":
        """Returns what a run's plan says of validation, of which there is to be some."""
        parts = plan.validation
        evaluation = parts.evaluation(plan.evaluation)
        return cls(parts.source, evaluation, parts.attacks, plan.experiment.seed)

    def without_gradient(self) -> "EvaluationParts":
        """Returns them for a model that has no gradient by its images: the attacks that need none.

        Raises:
            UserError: there is none among them.
        """
        found = {spec: attack.without_gradient() for spec, attack in self.attacks.items()}
        attacks = {spec: attack for spec, attack in found.items() if attack}
        if self.attacks and not attacks:
            raise UserError(
                f"the model has no gradient by its images, and {', '.join(self.attacks)} follow "
                "it: bind Evaluation.attacks = ('square',)",
                "Evaluation.attacks",
            )
        listed = tuple(spec for spec in self.evaluation.attacks if spec in attacks)
        skipped = [f"{spec} is skipped: it follows a gradient" for spec in found.keys() - attacks]
        evaluation = dataclasses.replace(self.evaluation, attacks=listed)
        warnings = self.warnings + tuple(skipped) + plan_checks.left_out(attacks)
        return dataclasses.replace(self, evaluation=evaluation, attacks=attacks, warnings=warnings)

    def settled(self, choice: Choice) -> "EvaluationParts":
        """Returns them with a choice in place of 'auto'."""
        evaluation = dataclasses.replace(self.evaluation, dtype=choice.dtype)
        return dataclasses.replace(self, evaluation=evaluation, precision=choice)

    @property
    def all_classes(self) -> Source:
        """The images with labels among all classes of the model."""
        return self.whole or self.source

    def of_classes(self, model: Classifier) -> Classifier:
        """Returns a model as it is asked: about all its classes, or those that occur."""
        if self.kept_classes is None:
            return model
        return RestrictedClassifier(model, self.kept_classes)


def evaluation_parts(read: Config) -> EvaluationParts:
    """Builds what an evaluation needs, from a configuration without a recipe.

    Args:
        read: the configuration; it chooses ``Experiment.dataset``.

    Raises:
        UserError: a parameter, name, file or image is wrong.
    """
    evaluation = configured(Evaluation)
    dataset = read.values["Experiment.dataset"]  # every scale binds it
    channels = read.values.get("Experiment.channels", default("Experiment.channels"))
    splits = build_splits(dataset, channels, used=["test"])
    splits.test.check_present()
    seed = read.values.get("Experiment.seed", default("Experiment.seed"))
    check_seed("Experiment.seed", seed)
    way = read.values.get("Experiment.data_digest", default("Experiment.data_digest"))
    check_choice("Experiment.data_digest", way, WAYS)
    attacks, checkup = evaluation.build_attacks(), evaluation.build_checkup()
    source, kept = _asked_about(splits.test, evaluation)
    attacks, left_out = plan_checks.for_classes(attacks, source)
    warnings = source.warnings + plan_checks.odd_attacks(attacks) + left_out
    warnings += plan_checks.long_evaluation(attacks, evaluation, source)
    whole = splits.test
    return EvaluationParts(source, evaluation, attacks, seed, checkup, warnings, way, whole, kept)


def _asked_about(source: Source, evaluation: Evaluation) -> tuple[Source, np.ndarray | None]:
    """Returns the images, and the classes that a model is asked about, None for all."""
    if evaluation.classes == "all":
        return source, None
    return with_occurring_classes(source)
