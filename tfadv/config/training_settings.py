"""What gin says of a training's length, portions and updates."""

import dataclasses
from collections.abc import Sequence

from tfadv.errors import check, check_choice
from tfadv.interruption import GRACE_SECONDS
from tfadv.registry import (
    configurable,
)
from tfadv.registry.choices import GROUPS, NOTHING, RECOMPUTED
from tfadv.registry.schedule import Schedule

DTYPES = ("float32", "bfloat16")
AUTO = "auto"  # the one of them that is faster on this machine, by a measurement
BALANCED = "balanced"
KERNELS_ALONE = ("kernels",)
EPOCH_ROUNDINGS = ("down", "nearest", "up")
EPSILON_FACTOR, RESOLUTION = "Training.epsilon_factor", "Training.resolution"


@configurable
@dataclasses.dataclass(frozen=True)
class Training:
    """How long and in what portions to train.

    Attributes:
        epochs: passes over the training images, those of ``Experiment.extra`` left out (paper,
            section 3: 110), each of a whole number of steps; 0 evaluates the initial weights.
        batch_size: images of a step over all replicas (released pipeline: 4096).
        weight_decay: λ of ½·λ·‖W‖² in the loss (released pipeline: 1e-4).
        weight_decay_of: which weights that and an optimizer's own decay are of: any of
            ``kernels`` (of convolutions and dense layers), ``biases``, ``norms`` (γ and
            β), and ``others``, such as the vectors of positions.
        clip_norm: norm of the gradient of all weights together, of the mean loss of the whole
            batch with the penalty, beyond which it is scaled down to that; None clips nothing.
        layer_rate_decay: d of the learning rate's factor d^k of a layer k blocks below the
            head, for finetuning; 1 has one rate for all.
        epoch_rounding: where the images don't fill the last batch of an epoch,
            whether its steps are rounded ``down``, to the ``nearest`` number
            (the released pipeline: 313 for 312.78) or ``up``. Each epoch continues
            where the one before ended, so none is left out whatever it is.
        train_only: ``everything``, or the ``norms``: γ and β (section 4.4).
        micro_batch_size: images that a replica computes at once; it adds up
            the gradients of its share of a batch in such portions. None takes
            the share whole.
        recompute: what the training backward computes once more in place of keeping it from the
            forward: ``nothing``, or what is inside of the network's ``blocks`` (Chen et al.,
            2016): less memory, a third more to compute, the same numbers.
        dtype: of the training forward's and backward's convolutions, 'float32',
            'bfloat16', or 'auto', the one that is faster where the run begins: see
            `planning.precision`. Weights, norms, losses and updates stay float32.
        attack_dtype: of the attack's convolutions, likewise.
        average_decay: of a moving average of the weights, which is evaluated
            beside them; None keeps none.
        average_from_epoch: the first epoch, counted from 0, from whose end on the weights
            are averaged at the end of each, all alike (SWA), in place of that.
        average_statistics_batches: of training images, attacked and divided as in training,
            on which the norm statistics of such an average are measured anew before it is
            evaluated; 0 takes the averages of the statistics. None is 0 for the moving
            average, and an epoch's for SWA.
        steps_per_call: steps that run as one traced call, or in a few where one would last
            too long to stop it; metrics are their means.
        checkpoint_every_epochs: how often to save; the end is always saved.
        extra_share: of each batch that is of ``Experiment.extra``, between 0 and 1 (Gowal et
            al., 2021: 0.7 generated images), rounded to a whole number of images.
        sampling: ``passes`` over all images, or ``balanced``: each class equally often.
        class_weights: what images of each class count in the loss, up to a factor that makes
            the mean 1: one number for each class, or a dictionary of names or numbers of classes
            (others count 1), or ``balanced``, the inverse of how often each is drawn.
        skip_non_finite: how many steps of the run may be skipped whose numbers are not finite:
            such a step changes nothing but the number of steps done. One more stops the run.
        keep_every_epochs: how often to save a checkpoint that stays, beside the newest
            two; 0 keeps those alone.
        epsilon_factor: multiplies ε of every attack in training, by epoch, and is 1 at its end:
            a warm-up of the radius, or the epoch at which attacking starts.
        resolution: height and width of the training images, by epoch, of a network that takes
            images of any size; None keeps the data set's, as evaluation does.
        grace_seconds: from SIGTERM or SIGINT to the end of the run, saved: traced calls are
            to last a quarter of it at most.
    """

    epochs: int
    batch_size: int
    weight_decay: float
    weight_decay_of: Sequence[str] = KERNELS_ALONE
    clip_norm: float | None = None
    layer_rate_decay: float = 1.0
    epoch_rounding: str = "down"
    train_only: str = "everything"
    micro_batch_size: int | None = None
    recompute: str = NOTHING
    dtype: str = "float32"
    attack_dtype: str = "float32"
    average_decay: float | None = None
    average_from_epoch: int | None = None
    average_statistics_batches: int | None = None
    steps_per_call: int = 10
    checkpoint_every_epochs: int = 1
    keep_every_epochs: int = 0
    grace_seconds: float = GRACE_SECONDS
    skip_non_finite: int = 0
    epsilon_factor: Schedule | None = None
    resolution: Schedule | None = None
    extra_share: float | None = None
    sampling: str = "passes"
    class_weights: str | tuple | dict | None = None

    def __post_init__(self):
        check_choice("Training.epoch_rounding", self.epoch_rounding, EPOCH_ROUNDINGS)
        check_choice("Training.train_only", self.train_only, ("everything", "norms"))
        check_choice("Training.recompute", self.recompute, RECOMPUTED)
        check_choice("Training.dtype", self.dtype, (*DTYPES, AUTO))
        check_choice("Training.attack_dtype", self.attack_dtype, (*DTYPES, AUTO))
        for name, least in (
            ("epochs", 0),
            ("batch_size", 1),
            ("weight_decay", 0),
            ("steps_per_call", 1),
            ("checkpoint_every_epochs", 1),
            ("keep_every_epochs", 0),
            ("skip_non_finite", 0),
        ):
            value = getattr(self, name)
            check(value >= least, f"Training.{name}", f"be >= {least}", value)
        check(self.grace_seconds > 0, "Training.grace_seconds", "be > 0", self.grace_seconds)
        self._check_drawing()
        self._check_update()
        self._check_average()
        self._check_schedules()
        size = self.micro_batch_size
        check(size is None or size >= 1, "Training.micro_batch_size", "be None or >= 1", size)

    def _check_drawing(self) -> None:
        check_choice("Training.sampling", self.sampling, ("passes", BALANCED))
        if isinstance(self.class_weights, str):
            check_choice("Training.class_weights", self.class_weights, (BALANCED,))
        share = self.extra_share
        if share is not None:
            check(0 < share < 1, "Training.extra_share", "be between 0 and 1", share)
            rule = f"leave both sources an image of Training.batch_size = {self.batch_size}"
            is_some = 0 < self.extra_images < self.batch_size
            check(is_some, "Training.extra_share", rule, share)

    def _check_update(self) -> None:
        name, chosen = "Training.weight_decay_of", self.weight_decay_of
        for group in chosen:
            check_choice(name, group, GROUPS)
        check(len(chosen) == len(set(chosen)) > 0, name, "name groups, each once", chosen)
        most, decay = self.clip_norm, self.layer_rate_decay
        check(most is None or most > 0, "Training.clip_norm", "be None or > 0", most)
        check(0 < decay <= 1, "Training.layer_rate_decay", "be > 0 and <= 1", decay)

    def _check_average(self) -> None:
        decay, first = self.average_decay, self.average_from_epoch
        batches = self.average_statistics_batches
        check(decay is None or 0 <= decay < 1, "Training.average_decay", "be in 0..1", decay)
        if first is not None:
            name = "Training.average_from_epoch"
            check(decay is None, name, "be None beside Training.average_decay", first)
            last = max(self.epochs - 1, 0)
            check(0 <= first <= last, name, f"be one of the epochs, 0..{last}", first)
        if batches is not None:
            name = "Training.average_statistics_batches"
            check(batches >= 0, name, "be None or >= 0", batches)
            averages = decay is not None or first is not None
            check(averages or not batches, name, "be of a run that keeps an average", batches)

    def _check_schedules(self) -> None:
        factor, sizes = self.epsilon_factor, self.resolution
        ends = factor is None or factor >= 0 and factor.end == 1
        check(ends, EPSILON_FACTOR, "be >= 0 and 1 at its end", factor)
        if sizes is None:
            return
        steps = sizes.interpolation == "step"
        check(steps, RESOLUTION, "have Schedule.interpolation = 'step': each size is traced", sizes)
        numbers = [number for point in sizes.points for number in point]
        whole = sizes >= 1 and all(number == int(number) for number in numbers)
        check(whole, RESOLUTION, "be of whole epochs and sizes >= 1 in pixels", sizes)
        object.__setattr__(self, "resolution", sizes.whole())

    @property
    def decays_kernels_alone(self) -> bool:
        """Whether weight decay is of what every optimizer decays of itself."""
        return tuple(self.weight_decay_of) == KERNELS_ALONE

    @property
    def extra_images(self) -> int:
        """How many images of a batch are of ``Experiment.extra``."""
        return round((self.extra_share or 0) * self.batch_size)

    def steps_per_epoch(self, images: int) -> int:
        """Returns the steps of an epoch of so many images, those of ``Experiment.extra`` left out.

        Raises:
            UserError: a batch takes more images than there are.
        """
        size = self.batch_size - self.extra_images
        rule = f"be <= {images}, the number of training images"
        check(size <= images, "Training.batch_size", rule, size)
        beyond = {"down": 0, "nearest": size // 2, "up": size - 1}[self.epoch_rounding]
        return (images + beyond) // size

    def micro_batches(self, share: int) -> int:
        """Returns in how many portions a replica computes its share of a batch.

        Raises:
            UserError: they are not of one size.
        """
        size = min(self.micro_batch_size or share, share)
        rule = f"divide a replica's {share} images of a batch"
        check(share % size == 0, "Training.micro_batch_size", rule, size)
        return share // size
