"""The parts of one experiment, chosen by gin and built before any work starts."""

import dataclasses

import keras

from tfadv import attacks, models, norms, strategies  # noqa: F401  (their parts register)
from tfadv.attacks import Attack
from tfadv.data import Splits
from tfadv.data.augmentation import CropAndFlip
from tfadv.distribution import Distribution
from tfadv.errors import UserError, check, check_choice
from tfadv.models import Model
from tfadv.optimizers import momentum_sgd
from tfadv.registry import (
    ATTACKS,
    DATASETS,
    EVALUATION_SCOPE,
    MODELS,
    NORMS,
    STRATEGIES,
    configurable,
    configured,
    scoped,
)
from tfadv.schedules import StepSchedule
from tfadv.strategies import Strategy


@configurable
@dataclasses.dataclass(frozen=True)
class Experiment:
    """Which parts a run is made of.

    Attributes:
        scale: name of the scale file that chose the sizes.
        dataset: name of a dataset.
        norm: name of a norm.
        strategy: name of a training strategy.
        model: name of a model.
        attack: name of the training attack.
        seed: of the initial weights and of every random draw.
        deterministic: whether TensorFlow's kernels give the same bits every
            time, so that a resumed run equals an unbroken one exactly; slower
            on a GPU. It is a switch of the whole process.
    """

    scale: str
    dataset: str
    norm: str
    strategy: str
    model: str
    attack: str
    seed: int = 0
    deterministic: bool = False

    def __post_init__(self):
        for registry, name in (
            (DATASETS, "dataset"),
            (NORMS, "norm"),
            (STRATEGIES, "strategy"),
            (MODELS, "model"),
            (ATTACKS, "attack"),
        ):
            registry.get(getattr(self, name).rpartition("/")[2], f"Experiment.{name}")
        check(0 <= self.seed < 2**31, "Experiment.seed", "be in 0..2³¹-1", self.seed)

    def build_model(self, splits: Splits) -> Model:
        """Builds the model for these images; call it in the distribution's scope."""

        def make_norm(**arguments):
            return NORMS.build(self.norm, "Experiment.norm", **arguments)

        return MODELS.build(
            self.model,
            "Experiment.model",
            image_shape=splits.train.image_shape,
            classes=splits.train.classes,
            make_norm=make_norm,
        )


@configurable
@dataclasses.dataclass(frozen=True)
class Training:
    """How long and in what portions to train.

    Attributes:
        epochs: passes over the training images (paper, section 3: 110).
        batch_size: images of a step over all replicas (released pipeline: 4096).
        weight_decay: λ of ½·λ·‖W‖² over convolution and dense kernels, in the
            loss (released pipeline: 1e-4).
        freeze: ``statistics`` normalizes by the running statistics in the last
            epochs' training forward, while γ and β go on training (section
            4.3); ``nothing`` doesn't.
        freeze_last_epochs: how many epochs `freeze` covers (section 4.3: 10).
        attack_dtype: of the attack's convolutions, 'float32' or 'bfloat16'.
        steps_per_call: steps that run as one traced call; metrics are their means.
        checkpoint_every_epochs: how often to save; the end is always saved.
    """

    epochs: int
    batch_size: int
    weight_decay: float
    freeze: str = "nothing"
    freeze_last_epochs: int = 10
    attack_dtype: str = "float32"
    steps_per_call: int = 10
    checkpoint_every_epochs: int = 1

    def __post_init__(self):
        check_choice("Training.freeze", self.freeze, ("nothing", "statistics"))
        check_choice("Training.attack_dtype", self.attack_dtype, ("float32", "bfloat16"))
        for name in ("epochs", "batch_size", "steps_per_call", "checkpoint_every_epochs"):
            check(getattr(self, name) >= 1, f"Training.{name}", "be >= 1", getattr(self, name))
        for name in ("weight_decay", "freeze_last_epochs"):
            check(getattr(self, name) >= 0, f"Training.{name}", "be >= 0", getattr(self, name))

    def frozen(self, epoch: int) -> bool:
        """Returns whether the statistics are frozen in an epoch, counted from 0."""
        return self.freeze == "statistics" and epoch >= self.epochs - self.freeze_last_epochs


@configurable
@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How to measure a model.

    Attributes:
        attacks: attacks to run, ``name`` or ``scope/name``, built in the gin
            scope ``eval``: ``pgd100/pgd`` takes ``eval/pgd100/PGD.steps``.
        batch_size: images at once over all replicas.
        examples: how many test images, drawn by the experiment's seed; None
            takes all.
        dtype: of the convolutions, 'float32' or 'bfloat16'.
    """

    attacks: tuple[str, ...]
    batch_size: int
    examples: int | None = None
    dtype: str = "float32"

    def __post_init__(self):
        check(self.batch_size >= 1, "Evaluation.batch_size", "be >= 1", self.batch_size)
        some = self.examples is None or self.examples >= 1
        check(some, "Evaluation.examples", "be None or >= 1", self.examples)
        check_choice("Evaluation.dtype", self.dtype, ("float32", "bfloat16"))

    def build_attacks(self) -> dict[str, Attack]:
        """Builds the attacks, by the specs that name them."""
        with scoped(EVALUATION_SCOPE):
            return {spec: ATTACKS.build(spec, "Evaluation.attacks") for spec in self.attacks}


@dataclasses.dataclass(frozen=True)
class Plan:
    """Everything a run needs, checked, before TensorFlow starts a device."""

    experiment: Experiment
    training: Training
    evaluation: Evaluation
    distribution: Distribution
    splits: Splits
    augmentation: CropAndFlip
    strategy: Strategy
    attack: Attack
    evaluation_attacks: dict[str, Attack]
    schedule: StepSchedule

    def build_optimizer(self) -> keras.optimizers.Optimizer:
        """Builds the optimizer; call it in the distribution's scope."""
        return configured(momentum_sgd, learning_rate=self.schedule)

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
    evaluation = configured(Evaluation)
    parts = {
        "distribution": configured(Distribution),
        "augmentation": configured(CropAndFlip),
        "strategy": STRATEGIES.build(experiment.strategy, "Experiment.strategy"),
        "attack": ATTACKS.build(experiment.attack, "Experiment.attack"),
        "evaluation_attacks": evaluation.build_attacks(),
    }
    NORMS.build(experiment.norm, "Experiment.norm")  # its parameters are checked here
    splits = DATASETS.build(experiment.dataset, "Experiment.dataset")
    _check_alike(splits)
    steps_per_epoch = len(splits.train) // training.batch_size
    if not steps_per_epoch:
        raise UserError(
            f"Training.batch_size = {training.batch_size} is more than the "
            f"{len(splits.train)} images of {splits.train.name}",
            "Training.batch_size",
        )
    schedule = configured(
        StepSchedule, batch_size=training.batch_size, steps_per_epoch=steps_per_epoch
    )
    return Plan(experiment, training, evaluation, splits=splits, schedule=schedule, **parts)


def _check_alike(splits: Splits) -> None:
    for what in ("image_shape", "class_names"):
        train, test = getattr(splits.train, what), getattr(splits.test, what)
        if train != test:
            raise UserError(
                f"{what} of {splits.train.name} is {train}, of {splits.test.name} {test}"
            )
