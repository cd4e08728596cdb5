"""Choices that don't go together, or are hardly what was meant: reported before work starts."""

from collections.abc import Mapping

from tfadv.attacks import PIXEL_RANGE, Attack
from tfadv.attacks.threat_model import ThreatModel
from tfadv.config.evaluation_settings import Evaluation
from tfadv.config.settings import LAST, Experiment
from tfadv.config.training_settings import Training
from tfadv.data.augmentation import Augmentation
from tfadv.data.source import Source
from tfadv.errors import UserError
from tfadv.norms import Norm, NormPhase, NormPolicy
from tfadv.optimization import keras_optimizers
from tfadv.optimization.schedules import LearningRate, StepDecay
from tfadv.registry import OPTIMIZERS
from tfadv.strategies import BatchStrategy

# More than one GPU does of any but a tiny network: who is warned by it is warned rightly.
_PASSES_PER_SECOND = 10_000
_PASSES_PER_DAY = 24 * 3600 * _PASSES_PER_SECOND
_LONG_TRAINING, _LONG_EVALUATION = 30.0, 1.0  # days
_START = "Experiment.initial_weights: a run, a bundle or a file of weights"


def check_start(
    experiment: Experiment,
    training: Training,
    policy: NormPolicy,
    norm: Norm,
    model_file: str | None = None,
) -> None:
    """Checks that training moves what it must where the weights are random.

    Args:
        experiment: says where to start from.
        training: how long and what.
        policy: what is frozen.
        norm: one of the model's.
        model_file: the file that the model is built from, with its weights, if it is.

    Raises:
        UserError: the run needs weights to start from, or another policy.
    """
    started = experiment.initial_weights or model_file
    _check_taken_over(experiment, training, started)
    if started:
        return
    if training.train_only == "norms":
        raise UserError(f"Training.train_only = 'norms' needs {_START}", "Training.train_only")
    if training.epochs == 0:
        raise UserError(f"Training.epochs = 0 needs {_START}", "Training.epochs")
    from_first = policy.is_late(0, training.epochs)
    if from_first and (norm.keeps_statistics or NormPhase(policy, late=True).freezes_affine):
        raise UserError(
            f"NormPolicy.freeze_last_epochs = {policy.freeze_last_epochs} of Training.epochs = "
            f"{training.epochs} freeze from the first step on what nothing has trained "
            f"(NormPolicy.freeze = '{policy.freeze}'): make Training.epochs greater, or give "
            f"{_START}",
            "NormPolicy.freeze_last_epochs",
        )
    if not norm.keeps_statistics or policy.attack_update:
        return
    if policy.training_statistics == "running":
        raise UserError(
            "NormPolicy.training_statistics = 'running' normalizes by statistics that nothing has "
            f"measured: it needs {_START}",
            "NormPolicy.training_statistics",
        )
    if not policy.update:
        raise UserError(
            "NormPolicy.update = False leaves the running statistics, which evaluation takes, "
            f"as they were made: it needs {_START}",
            "NormPolicy.update",
        )


def check_decay(experiment: Experiment, training: Training) -> None:
    """Raises `UserError` if an optimizer of Keras decays weights, and the loss does so, too.

    A plugin's may know what it does.
    """
    spec = experiment.optimizer
    name = spec.rpartition("/")[2]
    if name not in keras_optimizers.PAPERS or not training.weight_decay:
        return
    decay = OPTIMIZERS.bound(spec, "weight_decay", or_default=True)
    if decay:
        raise UserError(
            f"{name}.weight_decay = {decay:g} decays the weights, and so does "
            f"Training.weight_decay = {training.weight_decay:g} in the loss: bind one of them to 0",
            "Training.weight_decay",
        )


def _check_taken_over(experiment: Experiment, training: Training, started: str | None) -> None:
    branch = experiment.initial_norm_branch
    if experiment.initial_checkpoint != LAST and not experiment.initial_weights:
        raise UserError(
            f"Experiment.initial_checkpoint = {experiment.initial_checkpoint!r} needs {_START}",
            "Experiment.initial_checkpoint",
        )
    if branch is not None and not experiment.initial_weights:
        raise UserError(
            f"Experiment.initial_norm_branch = {branch!r} needs {_START}",
            "Experiment.initial_norm_branch",
        )
    if not experiment.new_head:
        return
    if not started:
        raise UserError(f"Experiment.new_head = True needs {_START}", "Experiment.new_head")
    untrained = {
        "Training.epochs = 0": training.epochs == 0,
        "Training.train_only = 'norms'": training.train_only == "norms",
    }
    for binding, leaves_it in untrained.items():
        if leaves_it:
            raise UserError(
                f"Experiment.new_head = True makes a last layer that {binding} leaves untrained: "
                "bind another, or begin from weights with these classes",
                "Experiment.new_head",
            )


def check_strategy(
    experiment: Experiment, training: Training, strategy: BatchStrategy, attack: Attack
) -> None:
    """Checks that a run has what its strategy takes.

    Args:
        experiment: names the two.
        training: how long and what.
        strategy: of the run.
        attack: the run's own.

    Raises:
        UserError: the attack lacks a setting, or there is no average of the weights.
    """
    name = experiment.strategy
    missing = [setting for setting in strategy.attack_settings if not hasattr(attack, setting)]
    if missing:
        raise UserError(
            f"Experiment.strategy = '{name}' takes {', '.join(strategy.attack_settings)} of the "
            f"run's attack, and Experiment.attack = '{experiment.attack}' has no {missing[0]}: "
            "bind 'pgd' or an attack of its kind",
            "Experiment.attack",
        )
    kept = training.average_decay is not None or training.average_from_epoch is not None
    if strategy.needs_average and not kept:
        raise UserError(
            f"Experiment.strategy = '{name}' learns from the weights' moving average: bind "
            "Training.average_decay, such as 0.999",
            "Training.average_decay",
        )


def check_sizes(augmentation: Augmentation, source: Source) -> None:
    """Checks that a model trains on images of the size and channels that it is evaluated on.

    Args:
        augmentation: makes the training images.
        source: the evaluation's view of them.

    Raises:
        UserError: the sizes differ, or the augmentation is of other channels.
    """
    height, width, channels = source.image_shape
    for part in augmentation.parts:
        name, size = type(part).__name__, part.image_size
        if part.channels not in (None, channels):
            raise UserError(
                f"{name} as it is bound changes images of {part.channels} channels, and "
                f"{source.name} has {channels}: bind another Experiment.augmentation",
                "Experiment.augmentation",
            )
        if size is not None and not size == height == width:
            raise UserError(
                f"{name}.image_size = {size} makes training images of {size}x{size} pixels, and "
                f"{source.name} evaluates on {height}x{width}: bind both alike",
                f"{name}.image_size",
            )


def for_classes(
    attacks: Mapping[str, Attack], source: Source
) -> tuple[dict[str, Attack], tuple[str, ...]]:
    """Returns attacks as they are run on as many classes as there are, and what is left out.

    Args:
        attacks: by what the user calls them.
        source: the images.

    Raises:
        UserError: one can't be run on so many.
    """
    found = {spec: attack.for_classes(source.classes) for spec, attack in attacks.items()}
    return found, left_out(found)


def left_out(attacks: Mapping[str, Attack]) -> tuple[str, ...]:
    """Returns a line about each attack that is run without some of its stages."""
    return tuple(
        f"{spec} is run without "
        + ", ".join(f"{stage} ({why})" for stage, why in attack.left_out.items())
        + f": {', '.join(stage.title for stage in attack.stages().values())}"
        for spec, attack in attacks.items()
        if attack.left_out
    )


def odd_attacks(attacks: Mapping[str, Attack]) -> tuple[str, ...]:
    """Returns warnings about attacks whose radius hardly is one in pixels.

    Args:
        attacks: by what the user calls them.
    """
    by_threat: dict[ThreatModel, list[str]] = {}
    for spec, attack in attacks.items():
        if attack.threat_model:
            by_threat.setdefault(attack.threat_model, []).append(spec)
    found = []
    for threat_model, specs in by_threat.items():
        epsilon = threat_model.epsilon
        where = f"epsilon = {epsilon:g} of {', '.join(specs)}"
        if 0 < epsilon < 1:
            found.append(
                f"{where} is less than one of a pixel's 255 levels: if images in 0..1 are meant, "
                f"bind {epsilon * PIXEL_RANGE[1]:g}"
            )
        elif threat_model.ball == "linf" and 2 * epsilon >= PIXEL_RANGE[1]:
            found.append(f"{where} allows one and the same grey in place of every image")
    return tuple(found)


def long_attacks(attacks: Mapping[str, Attack], images: int, patience: float) -> tuple[str, ...]:
    """Returns warnings about attacks that take long on any machine.

    Args:
        attacks: by what the user calls them.
        images: how many each is run on.
        patience: the days after which one is long.
    """
    found = []
    for spec, attack in attacks.items():
        passes = attack.passes * images
        days = passes / _PASSES_PER_DAY
        if days > patience:
            found.append(
                f"{spec} takes {passes:.3g} forward and backward passes, {attack.passes:,.0f} for "
                f"each of {images:,} images: {days:,.0f} days at {_PASSES_PER_SECOND:,} a second"
            )
    return tuple(found)


def long_training(
    attacks: Mapping[str, Attack], strategy: BatchStrategy, training: Training, source: Source
) -> tuple[str, ...]:
    """Returns warnings about attacks that take long in all epochs on the images of `source`."""
    images = training.epochs * len(source) if strategy.attacks else 0
    named = {f"the training attack '{spec}'": attack for spec, attack in attacks.items()}
    return long_attacks(named, images, _LONG_TRAINING)


def long_evaluation(
    attacks: Mapping[str, Attack], evaluation: Evaluation, source: Source
) -> tuple[str, ...]:
    """Returns warnings about attacks that take long to evaluate on the images of `source`."""
    images = min(evaluation.examples or len(source), len(source)) * evaluation.restarts
    return long_attacks(attacks, images, _LONG_EVALUATION)


def odd_training(
    training: Training, policy: NormPolicy, norm: Norm, learning_rate: LearningRate
) -> tuple[str, ...]:
    """Returns warnings about how long and in what portions a run trains."""
    found = []
    sizes = (training.batch_size, training.micro_batch_size, policy.ghost_batch_size)
    by_batch = norm.keeps_statistics and policy.training_statistics == "batch"
    if by_batch and min(size for size in sizes if size) == 1:
        found.append(
            "batch statistics are taken of one image at a time: see Training.batch_size, "
            "Training.micro_batch_size and NormPolicy.ghost_batch_size"
        )
    epochs, steps = training.epochs, training.epochs * learning_rate.steps_per_epoch
    if 0 < steps <= learning_rate.warmup_steps:
        found.append(
            f"the learning rate still rises when Training.epochs = {epochs} end: see "
            "LearningRate.warmup_epochs"
        )
    decay = learning_rate.decay
    if isinstance(decay, StepDecay) and epochs and min(decay.boundaries, default=0) >= epochs:
        found.append(
            f"the learning rate never falls: StepDecay.boundaries begin at epoch "
            f"{decay.boundaries[0]:g} of Training.epochs = {epochs}"
        )
    return tuple(found)
