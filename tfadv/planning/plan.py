"""The parts of one experiment, chosen by gin and built before any work starts."""

import dataclasses
import functools
from collections.abc import Callable, Mapping

import keras

from tfadv.attacks import Attack
from tfadv.attacks.threat_model import ThreatModel
from tfadv.config import Config
from tfadv.config.evaluation_settings import Checkup, Evaluation
from tfadv.config.hardware import Hardware
from tfadv.config.settings import Experiment
from tfadv.config.training_settings import Training
from tfadv.data import Source, Splits
from tfadv.data.augmentation import Augmentation
from tfadv.data.bad_images import BadImages
from tfadv.data.mixing import Mixing
from tfadv.models.classifier import Trainable
from tfadv.models.functional.building import build_network
from tfadv.norms import NormPolicy
from tfadv.norms.base import Norm
from tfadv.optimization.schedules import Decay, LearningRate
from tfadv.optimization.weight_average import AverageRule, EqualAverage, MovingAverage
from tfadv.planning import plan_checks
from tfadv.planning.distribution import Distribution
from tfadv.planning.dtype_choice import Choice
from tfadv.planning.feed import Feed, build_feed
from tfadv.planning.images import build_extra, build_splits, odd_images
from tfadv.planning.paper_rows import recipe_of
from tfadv.planning.parts import build_parts, for_classes
from tfadv.planning.resolution import check_source
from tfadv.planning.validation_parts import ValidationParts, build_validation
from tfadv.registry import (
    DECAYS,
    MODELS,
    NORMS,
    OPTIMIZERS,
    TRACKERS,
    configured,
)
from tfadv.strategies import BatchStrategy
from tfadv.trackers import Tracker


@dataclasses.dataclass(frozen=True)
class Plan:
    """Everything a run needs, checked, before TensorFlow starts a device.

    Attributes:
        mixing: of training images in pairs.
        extra: images that are trained on beside those of the data set.
        attacks: those that the strategy names, by their specs.
        warnings: lines about what it was given and is hardly meant so.
        recipe: the gin files of the paper's row that this is, if it is one.
        validation: what is measured on the way, if something is.
        view: makes the second view of each image that the strategy wants, if it does.
        precision: what was taken where 'auto' was bound, by parameter; see `Precision`.
    """

    experiment: Experiment
    training: Training
    evaluation: Evaluation
    norm_policy: NormPolicy
    distribution: Distribution
    splits: Splits
    augmentation: Augmentation
    strategy: BatchStrategy
    attack: Attack
    evaluation_attacks: dict[str, Attack]
    checkup: Checkup | None
    bad_images: BadImages
    learning_rate: LearningRate
    hardware: Hardware
    warnings: tuple[str, ...]
    recipe: tuple[str, ...] | None = None
    mixing: Mixing = dataclasses.field(default_factory=Mixing)
    extra: Source | None = None
    attacks: Mapping[str, Attack] = dataclasses.field(default_factory=dict)
    validation: ValidationParts | None = None
    view: Augmentation | None = None
    precision: Mapping[str, Choice] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        _ = self.feed  # in which choices may not go together

    @property
    def sources(self) -> dict[str, Source]:
        """All images by what they are for: ``train``, ``test``, ``validation`` and ``extra``."""
        others = {"validation": self.validation and self.validation.source, "extra": self.extra}
        return self.splits._asdict() | {k: v for k, v in others.items() if v is not None}

    def check_present(self) -> None:
        """Raises `UserError` if images are known of, and not here."""
        for source in self.sources.values():
            source.check_present()

    @functools.cached_property
    def feed(self) -> Feed:
        """What the run trains on."""
        seed, train = self.experiment.seed, self.splits.train
        return build_feed(self.training, self.mixing, seed, train, self.extra, self.view)

    def build_model(self) -> Trainable:
        """Builds the model for the plan's images; call it in the distribution's scope."""
        return build_network(
            self.experiment.model,
            "Experiment.model",
            image_shape=self.splits.train.image_shape,
            classes=self.splits.train.classes,
            make_norm=_norm_maker(self.experiment.norm),
            new_head=self.experiment.new_head,
        )

    @property
    def model_file(self) -> str | None:
        """The file that the model is built from, with its weights, if it is built from one."""
        return _model_file(self.experiment)

    def build_optimizer(self) -> keras.optimizers.Optimizer:
        """Builds the optimizer; call it in the distribution's scope."""
        return OPTIMIZERS.build(
            self.experiment.optimizer, "Experiment.optimizer", learning_rate=self.learning_rate
        )

    def build_trackers(self) -> dict[str, Tracker]:
        """Builds what follows the run, by the specs that name it; nothing is written.

        Raises:
            UserError: a tracker's package is not installed, or a parameter is wrong.
        """
        specs = self.experiment.trackers
        return {spec: TRACKERS.build(spec, "Experiment.trackers") for spec in specs}

    @property
    def average_rule(self) -> AverageRule | None:
        """How the weights are averaged over the run, None where they are not."""
        training = self.training
        if training.average_from_epoch is not None:
            return EqualAverage(training.average_from_epoch, self.steps_per_epoch)
        decay = training.average_decay
        return None if decay is None else MovingAverage(decay)

    @property
    def batches_for_average(self) -> int:
        """Batches on which norm statistics of the average are measured; 0 for none."""
        asked = self.training.average_statistics_batches
        if asked is not None:
            return asked
        return 0 if self.training.average_from_epoch is None else self.steps_per_epoch

    def is_late(self, epoch: int) -> bool:
        """Returns whether an epoch, counted from 0, is one that the norm policy freezes."""
        return self.norm_policy.is_late(epoch, self.training.epochs)

    @property
    def threat_model(self) -> ThreatModel | None:
        """What the model is trained to withstand; None where nothing attacks it.

        Where a strategy names several attacks, it is that of ``Experiment.attack``.
        """
        return self.attack.threat_model if self.strategy.attacks else None

    @property
    def other_threat_models(self) -> dict[str, ThreatModel]:
        """Those of the strategy's own attacks that differ from the run's, by their specs."""
        found = {spec: attack.threat_model for spec, attack in self.attacks.items()}
        return {spec: other for spec, other in found.items() if other != self.threat_model}

    def branches(self, model: Trainable) -> tuple[str, ...]:
        """Returns the norm branches of a model that were trained, here or before.

        The others hold nothing but their start, of which there is nothing to say.
        """
        trained = self.strategy.trained_branches(model.branches)
        if self.experiment.initial_weights or self.model_file:
            started = self.experiment.initial_norm_branch
            alone = started in model.branches  # the others hold their start
            return tuple(b for b in model.branches if not alone or b in (started, *trained))
        return trained

    def describe(self) -> dict[str, object]:
        """Returns what a record says of how a model was trained."""
        others = {spec: other.record() for spec, other in self.other_threat_models.items()}
        return {
            "recipe": self.recipe and list(self.recipe),
            "norm": self.experiment.norm,
            "strategy": self.experiment.strategy,
            "scale": self.experiment.scale,
            "threat_model": self.threat_model and self.threat_model.record(),
            **({"other_threat_models": others} if others else {}),
        }

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of one epoch."""
        return self.training.steps_per_epoch(len(self.splits.train))

    @property
    def steps(self) -> int:
        """Optimizer steps of the run."""
        return self.training.epochs * self.steps_per_epoch


def build_plan(
    read: Config | None = None, splits: Splits | None = None, extra: Source | None = None
) -> Plan:
    """Builds the plan that the gin configuration describes.

    Args:
        read: the configuration, by which the paper's row is found.
        splits: the images, in place of those that the configuration names; with them there is
            no validation.
        extra: those of ``Experiment.extra``, likewise.

    Raises:
        UserError: a parameter, name, file or image is wrong.
    """
    experiment, training = configured(Experiment), configured(Training)
    evaluation = configured(Evaluation)
    parts = build_parts(experiment, evaluation, training.epsilon_factor)
    plan_checks.check_strategy(experiment, training, parts["strategy"], parts["attack"])
    norm = _norm(experiment, training, parts["norm_policy"])
    plan_checks.check_decay(experiment, training)
    decay = DECAYS.build(experiment.decay, "Experiment.decay")
    splits, validation = (splits, None) if splits else _images(experiment, training)
    extra = extra or build_extra(experiment.extra, splits.train)
    plan_checks.check_sizes((parts["augmentation"], parts["view"]), splits.test)
    check_source(training, splits.train)
    attacks, left_out = for_classes(parts, splits.test)
    in_training = parts["attacks"] or {experiment.attack: parts["attack"]}
    learning_rate = _learning_rate(training, decay, len(splits.train))
    warnings = (
        *odd_images(splits, [validation.source] if validation else [], extra),
        *plan_checks.odd_attacks({**(validation.attacks if validation else {}), **attacks}),
        *left_out,
        *plan_checks.long_training(in_training, parts["strategy"], training, splits.train),
        *plan_checks.long_evaluation(parts["evaluation_attacks"], evaluation, splits.test),
        *plan_checks.odd_training(training, parts["norm_policy"], norm, learning_rate),
    )
    return Plan(
        experiment,
        training,
        evaluation,
        splits=splits,
        learning_rate=learning_rate,
        warnings=warnings,
        recipe=recipe_of(read.values) if read else None,
        extra=extra,
        validation=validation,
        **parts,
    )


def _norm(experiment: Experiment, training: Training, policy: NormPolicy) -> Norm:
    """Returns one of the run's norms, which trains what the run says."""
    norm = NORMS.build(experiment.norm, "Experiment.norm")
    plan_checks.check_start(experiment, training, policy, norm, _model_file(experiment))
    return norm


def _norm_maker(spec: str) -> Callable[..., Norm]:
    """Returns what builds the run's norms; a bound ε or momentum wins over a Keras layer's."""
    bound = [name for name in ("epsilon", "momentum") if NORMS.bound(spec, name) is not None]

    def make(**arguments):
        arguments = {name: value for name, value in arguments.items() if name not in bound}
        return NORMS.build(spec, "Experiment.norm", **arguments)

    return make


def _model_file(experiment: Experiment) -> str | None:
    return MODELS.bound(experiment.model, "path") or None


def _images(experiment: Experiment, training: Training) -> tuple[Splits, ValidationParts | None]:
    """Returns the images to train on and to test on, and what validation needs."""
    splits = build_splits(experiment.dataset, experiment.channels)
    return build_validation(splits, training, experiment.channels)


def _learning_rate(training: Training, decay: Decay, examples: int) -> LearningRate:
    return configured(
        LearningRate,
        batch_size=training.batch_size,
        steps_per_epoch=training.steps_per_epoch(examples),
        epochs=training.epochs,
        decay=decay,
    )
