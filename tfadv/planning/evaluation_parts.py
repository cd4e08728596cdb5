"""What an evaluation needs beside a model, chosen by gin."""

import dataclasses

from tfadv.attacks import Attack
from tfadv.config.configuration import Config
from tfadv.config.evaluation_settings import Checkup, Evaluation
from tfadv.data.manifest import AUTO, WAYS
from tfadv.data.source import Source
from tfadv.errors import check_choice
from tfadv.planning import plan_checks
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
    """

    source: Source
    evaluation: Evaluation
    attacks: dict[str, Attack]
    seed: int
    checkup: Checkup | None = None
    warnings: tuple[str, ...] = ()
    data_digest: str = AUTO

    @classmethod
    def of(cls, plan: Plan) -> "EvaluationParts":
        """Returns what a run's plan says."""
        seed = plan.experiment.seed
        attacks, checkup = plan.evaluation_attacks, plan.checkup
        warnings = plan.splits.test.warnings + plan_checks.odd_attacks(attacks)
        way = plan.experiment.data_digest
        return cls(plan.splits.test, plan.evaluation, attacks, seed, checkup, warnings, way)


def evaluation_parts(read: Config) -> EvaluationParts:
    """Builds what an evaluation needs, from a configuration without a recipe.

    Args:
        read: the configuration; it chooses ``Experiment.dataset``.

    Raises:
        UserError: a parameter, name, file or image is wrong.
    """
    evaluation = configured(Evaluation)
    dataset = read.values["Experiment.dataset"]  # every scale binds it
    splits = build_splits(dataset, used=["test"])
    splits.test.check_present()
    seed = read.values.get("Experiment.seed", default("Experiment.seed"))
    check_seed("Experiment.seed", seed)
    way = read.values.get("Experiment.data_digest", default("Experiment.data_digest"))
    check_choice("Experiment.data_digest", way, WAYS)
    attacks, checkup = evaluation.build_attacks(), evaluation.build_checkup()
    plan_checks.check_classes(attacks, splits.test)
    warnings = splits.test.warnings + plan_checks.odd_attacks(attacks)
    return EvaluationParts(splits.test, evaluation, attacks, seed, checkup, warnings, way)
