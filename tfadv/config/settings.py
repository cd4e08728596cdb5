"""What gin says of a run: its parts, and where it starts."""

import dataclasses

from tfadv.data.manifest import AUTO, WAYS
from tfadv.errors import UserError, check, check_choice, nearest
from tfadv.optimization.weight_average import WEIGHTS
from tfadv.randomness import check_seed
from tfadv.registry import (
    ATTACKS,
    AUGMENTATIONS,
    DATASETS,
    DECAYS,
    MODELS,
    NORMS,
    OPTIMIZERS,
    STRATEGIES,
    TRACKERS,
    configurable,
)

# Which of a run's checkpoints, beside the number of a step.
BEST, LAST = "best", "last"


def check_checkpoint(parameter: str, choice: str) -> None:
    """Raises `UserError` unless a parameter is ``best``, ``last`` or the number of a step."""
    if choice not in (BEST, LAST) and not (choice.isdecimal() and len(choice) < 19):
        raise UserError(
            f"{parameter} must be '{BEST}', '{LAST}' or the number of a step, got {choice!r}."
            + nearest(choice, (BEST, LAST)),
            parameter,
        )


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
        augmentation: name of the training images' augmentation.
        optimizer: name of an optimizer.
        decay: name of the learning rate's decay.
        initial_weights: where to start from instead of random weights: the folder of a
            run, a bundle, a ``.keras`` or ``.weights.h5`` file, PyTorch's weights of a ResNet
            as ``.safetensors``, or an ``.npz`` of the released pipeline.
        initial_weights_kind: of a run's, the ``trained`` ones, or their moving
            ``average``; None takes what a ``best`` checkpoint was chosen by, else the former.
        initial_checkpoint: of a run's, the ``last``, the ``best`` in its validation, or that
            of a step, by its number.
        initial_norm_branch: where those weights' norms have one branch and the model's
            several, ``every`` of these or the one to start from them; where it is the
            other way round, the branch of theirs to take.
        new_head: whether the last layer starts anew, for other classes.
        seed: of the initial weights and of every random draw.
        deterministic: whether TensorFlow's kernels give the same bits every
            time, so that a resumed run equals an unbroken one exactly; slower
            on a GPU. It is a switch of the whole process.
        data_digest: how a run's image files are distinguished: by what they
            hold ('content'), by their times of change ('fast'), or 'auto': by
            what they hold up to 1 GiB. Names and sizes always count.
        channels: of the images: 1 grey, 2 grey and alpha, 3 colours, 4 colours and
            alpha. None leaves that to the data set, mostly 3.
        extra: a data set, ``scope/name``, whose training images are trained on as well:
            synthetic ones, or such as a model has labelled. See ``Training.extra_share``.
        manifest: a ``manifest.jsonl`` that ``python -m tfadv.data`` wrote: a run
            starts with no other images than those that it lists.
        trackers: names of trackers that follow the run beside ``metrics.jsonl``; a run may be
            resumed with others.
    """

    scale: str
    dataset: str
    norm: str
    strategy: str
    model: str
    attack: str
    augmentation: str
    optimizer: str
    decay: str
    initial_weights: str | None = None
    initial_weights_kind: str | None = None
    initial_checkpoint: str = LAST
    initial_norm_branch: str | None = None
    new_head: bool = False
    seed: int = 0
    deterministic: bool = False
    data_digest: str = AUTO
    channels: int | None = None
    manifest: str | None = None
    extra: str | None = None
    trackers: tuple[str, ...] = ("tensorboard",)

    def __post_init__(self):
        for registry, name in (
            (DATASETS, "dataset"),
            (NORMS, "norm"),
            (STRATEGIES, "strategy"),
            (MODELS, "model"),
            (ATTACKS, "attack"),
            (AUGMENTATIONS, "augmentation"),
            (OPTIMIZERS, "optimizer"),
            (DECAYS, "decay"),
            *([(DATASETS, "extra")] if self.extra is not None else []),
        ):
            registry.get(getattr(self, name).rpartition("/")[2], f"Experiment.{name}")
        for spec in self.trackers:
            TRACKERS.get(spec.rpartition("/")[2], "Experiment.trackers")
        distinct = len(set(self.trackers)) == len(self.trackers)
        check(distinct, "Experiment.trackers", "name trackers, each once", self.trackers)
        if self.initial_weights_kind is not None:
            check_choice("Experiment.initial_weights_kind", self.initial_weights_kind, WEIGHTS)
        check_checkpoint("Experiment.initial_checkpoint", self.initial_checkpoint)
        for name in ("initial_weights", "manifest"):
            check(getattr(self, name) != "", f"Experiment.{name}", "be None or a path", "")
        check_seed("Experiment.seed", self.seed)
        check_choice("Experiment.data_digest", self.data_digest, WAYS)
        if self.channels is not None:
            check_choice("Experiment.channels", self.channels, (1, 2, 3, 4))
