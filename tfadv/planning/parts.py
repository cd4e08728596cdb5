"""The parts of a plan that are built before its images are read."""

from tfadv.attacks import Attack
from tfadv.config.evaluation_settings import Evaluation, build_attack
from tfadv.config.hardware import Hardware
from tfadv.config.settings import Experiment
from tfadv.config.training_settings import EPSILON_FACTOR
from tfadv.data.augmentation import Augmentation
from tfadv.data.bad_images import BadImages
from tfadv.data.mixing import Mixing
from tfadv.data.source import Source
from tfadv.errors import UserError
from tfadv.norms import NormPolicy
from tfadv.planning import plan_checks
from tfadv.planning.distribution import Distribution
from tfadv.registry import AUGMENTATIONS, STRATEGIES, configured
from tfadv.registry.schedule import Schedule
from tfadv.strategies import BatchStrategy


def build_parts(
    experiment: Experiment, evaluation: Evaluation, factor: Schedule | None = None
) -> dict[str, object]:
    """Returns what a plan is made of that depends on no image, by its attributes.

    Args:
        experiment: names the parts.
        evaluation: builds those of the evaluation.
        factor: of ε of the training attacks over the epochs, if there is one.
    """
    strategy = STRATEGIES.build(experiment.strategy, "Experiment.strategy")
    parameter = f"{type(strategy).__name__}.attacks"
    attack = build_attack(experiment.attack, "Experiment.attack")
    attacks = {spec: build_attack(spec, parameter) for spec in strategy.named_attacks}
    if factor and strategy.attacks:
        attack = attack.with_factor(factor, EPSILON_FACTOR)
        attacks = {k: one.with_factor(factor, EPSILON_FACTOR) for k, one in attacks.items()}
    return {
        "norm_policy": configured(NormPolicy),
        "distribution": configured(Distribution),
        "hardware": configured(Hardware),
        "augmentation": AUGMENTATIONS.build(experiment.augmentation, "Experiment.augmentation"),
        "strategy": strategy,
        "attack": attack,
        "attacks": attacks,
        "evaluation_attacks": evaluation.build_attacks(),
        "checkup": evaluation.build_checkup(),
        "bad_images": configured(BadImages),
        "mixing": configured(Mixing),
        "view": _view_of(strategy),
    }


def _view_of(strategy: BatchStrategy) -> Augmentation | None:
    if strategy.view is None:
        return None
    parameter = f"{type(strategy).__name__}.view"
    view = AUGMENTATIONS.build(strategy.view, parameter)
    if view.takes_original:
        raise UserError(
            f"{parameter} = '{strategy.view}' takes images as they are stored, and a second view "
            "is made of what Experiment.augmentation leaves: name another, such as 'rand_augment'",
            parameter,
        )
    if view.image_size is not None:
        raise UserError(
            f"{parameter} = '{strategy.view}' makes images of a size of its own, and a second view "
            "has that of what Experiment.augmentation leaves: name another, such as 'rand_augment'",
            parameter,
        )
    return view


def for_classes(
    parts: dict[str, object], source: Source
) -> tuple[dict[str, Attack], tuple[str, ...]]:
    """Makes the attacks of a plan those that run on as many classes as there are.

    Returns:
        All of them by what the user calls them, and a line about each that is run in part.
    """
    parts["attack"] = parts["attack"].for_classes(source.classes)
    parts["attacks"], in_training = plan_checks.for_classes(parts["attacks"], source)
    parts["evaluation_attacks"], left_out = plan_checks.for_classes(
        parts["evaluation_attacks"], source
    )
    named = {f"{spec} in training": attack for spec, attack in parts["attacks"].items()}
    called = {"the training attack": parts["attack"], **named, **parts["evaluation_attacks"]}
    return called, (*in_training, *left_out)
