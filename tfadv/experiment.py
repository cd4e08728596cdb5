"""The parts of one experiment, chosen by gin and built before any work starts."""

import dataclasses

import keras

from tfadv.attacks import Attack
from tfadv.attacks.threat_model import ThreatModel
from tfadv.config import Config
from tfadv.data import Splits
from tfadv.data.augmentation import Augmentation
from tfadv.data.source import Source
from tfadv.devices import fastest_dtype
from tfadv.distribution import Distribution
from tfadv.errors import UserError
from tfadv.evaluation_settings import Checkup, Evaluation, build_attack
from tfadv.hardware import Hardware
from tfadv.models import Model
from tfadv.norms import NormPolicy
from tfadv.registry import (
    AUGMENTATIONS,
    DATASETS,
    DECAYS,
    OPTIMIZERS,
    STRATEGIES,
    configured,
    default,
)
from tfadv.schedules import LearningRate
from tfadv.settings import Experiment, Training
from tfadv.strategies import Strategy


@dataclasses.dataclass(frozen=True)
class Plan:
    """Everything a run needs, checked, before TensorFlow starts a device."""

    experiment: Experiment
    training: Training
    evaluation: Evaluation
    norm_policy: NormPolicy
    distribution: Distribution
    splits: Splits
    augmentation: Augmentation
    strategy: Strategy
    attack: Attack
    evaluation_attacks: dict[str, Attack]
    checkup: Checkup | None
    learning_rate: LearningRate
    hardware: Hardware

    def build_optimizer(self) -> keras.optimizers.Optimizer:
        """Builds the optimizer; call it in the distribution's scope."""
        return OPTIMIZERS.build(
            self.experiment.optimizer, "Experiment.optimizer", learning_rate=self.learning_rate
        )

    def is_late(self, epoch: int) -> bool:
        """Returns whether an epoch, counted from 0, is one that the norm policy freezes."""
        return self.norm_policy.is_late(epoch, self.training.epochs)

    @property
    def threat_model(self) -> ThreatModel | None:
        """What the model is trained to withstand; None where nothing attacks it."""
        return self.attack.threat_model if self.strategy.attacks else None

    def branches(self, model: Model) -> tuple[str, ...]:
        """Returns the norm branches of a model that were trained, here or before.

        The others hold nothing but their start, of which there is nothing to say.
        """
        if self.experiment.initial_weights:
            return model.branches
        return self.strategy.trained_branches(model.branches)

    def describe(self) -> dict[str, object]:
        """Returns what a record says of how a model was trained."""
        return {
            "norm": self.experiment.norm,
            "strategy": self.experiment.strategy,
            "scale": self.experiment.scale,
            "threat_model": self.threat_model and self.threat_model.record(),
        }

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of one epoch."""
        return len(self.splits.train) // self.training.batch_size

    @property
    def steps(self) -> int:
        """Optimizer steps of the run."""
        return self.training.epochs * self.steps_per_epoch


def plan() -> Plan:
    """Builds the plan that the gin configuration describes.

    Raises:
        UserError: a parameter, name, file or image is wrong.
    """
    experiment = configured(Experiment)
    training = configured(Training)
    if training.attack_dtype == "auto":
        training = dataclasses.replace(training, attack_dtype=fastest_dtype())
    evaluation = configured(Evaluation)
    parts = {
        "norm_policy": configured(NormPolicy),
        "distribution": configured(Distribution),
        "hardware": configured(Hardware),
        "augmentation": AUGMENTATIONS.build(experiment.augmentation, "Experiment.augmentation"),
        "strategy": STRATEGIES.build(experiment.strategy, "Experiment.strategy"),
        "attack": build_attack(experiment.attack, "Experiment.attack"),
        "evaluation_attacks": evaluation.build_attacks(),
        "checkup": evaluation.build_checkup(),
    }
    _check_start(experiment, training)
    experiment.make_norm()  # its parameters are checked here
    decay = DECAYS.build(experiment.decay, "Experiment.decay")
    splits = DATASETS.build(experiment.dataset, "Experiment.dataset")
    _check_alike(splits)
    steps_per_epoch = len(splits.train) // training.batch_size
    if not steps_per_epoch:
        raise UserError(
            f"Training.batch_size = {training.batch_size} is more than the "
            f"{len(splits.train)} images of {splits.train.name}",
            "Training.batch_size",
        )
    learning_rate = configured(
        LearningRate,
        batch_size=training.batch_size,
        steps_per_epoch=steps_per_epoch,
        epochs=training.epochs,
        decay=decay,
    )
    return Plan(
        experiment, training, evaluation, splits=splits, learning_rate=learning_rate, **parts
    )


@dataclasses.dataclass(frozen=True)
class EvaluationParts:
    """What an evaluation needs beside a model.

    Attributes:
        source: the images.
        evaluation: how many, and at what precision.
        attacks: by their specs.
        seed: of the subset, the targets and the starts.
        checkup: what the doctor is to do, if there is to be one.
    """

    source: Source
    evaluation: Evaluation
    attacks: dict[str, Attack]
    seed: int
    checkup: Checkup | None = None

    @classmethod
    def of(cls, plan: Plan) -> "EvaluationParts":
        """Returns what a run's plan says."""
        seed = plan.experiment.seed
        attacks, checkup = plan.evaluation_attacks, plan.checkup
        return cls(plan.splits.test, plan.evaluation, attacks, seed, checkup)


def evaluation_parts(read: Config) -> EvaluationParts:
    """Builds what an evaluation needs, from a configuration without a recipe.

    Args:
        read: the configuration; it chooses ``Experiment.dataset``.

    Raises:
        UserError: a parameter, name, file or image is wrong.
    """
    evaluation = configured(Evaluation)
    dataset = read.values["Experiment.dataset"]  # every scale binds it
    splits = DATASETS.build(dataset, "Experiment.dataset")
    splits.test.check_present()
    seed = read.values.get("Experiment.seed", default("Experiment.seed"))
    attacks, checkup = evaluation.build_attacks(), evaluation.build_checkup()
    return EvaluationParts(splits.test, evaluation, attacks, seed, checkup)


def _check_start(experiment: Experiment, training: Training) -> None:
    if experiment.initial_weights:
        return
    for parameter, trains_too_little in (
        ("Training.train_only = 'norms'", training.train_only == "norms"),
        ("Training.epochs = 0", training.epochs == 0),
    ):
        if trains_too_little:
            raise UserError(
                f"{parameter} needs Experiment.initial_weights: the folder of a run, or an .npz of "
                "the released pipeline",
                parameter.partition(" ")[0],
            )


def _check_alike(splits: Splits) -> None:
    for what in ("image_shape", "class_names"):
        train, test = getattr(splits.train, what), getattr(splits.test, what)
        if train != test:
            raise UserError(
                f"{what} of {splits.train.name} is {train}, of {splits.test.name} {test}"
            )
