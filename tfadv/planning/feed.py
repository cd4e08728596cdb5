"""What a run trains on: which images, in which order, mixed how, weighted how."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfadv.config.training_settings import BALANCED, Training
from tfadv.data.augmentation import Augmentation
from tfadv.data.drawing import Drawing, class_weights
from tfadv.data.joined import JoinedImages
from tfadv.data.mixing import Mixing
from tfadv.data.order import PURPOSE, Balanced, Order, Passes, Shared
from tfadv.data.source import Source
from tfadv.errors import UserError, check, nearest

_WEIGHTS, _EXTRA = "Training.class_weights", "Experiment.extra"


@dataclasses.dataclass(frozen=True)
class Feed:
    """What a run trains on.

    Attributes:
        source: all of its images, those of a second source after the first's.
        drawing: what is drawn of them.
        batch_size: of a step over all replicas.
        lines: what is drawn in a way of its own, for a person.
    """

    source: Source
    drawing: Drawing
    batch_size: int
    lines: tuple[str, ...]

    def titles_of_step(self, step: int) -> list[str]:
        """Returns what the images of a step, counted from 0, are called, by place in the batch."""
        opened = tf.constant(self.drawing.opened_in_step(step, self.batch_size))
        titles = [self.source.title(int(n)) for n in self.source.stand_in(opened).numpy()]
        own, partners = titles[: self.batch_size], titles[self.batch_size :]
        if not partners:
            return own
        return [f"{a} mixed with {b}" for a, b in zip(own, partners, strict=True)]


def build_feed(
    training: Training,
    mixing: Mixing,
    seed: int,
    train: Source,
    extra: Source | None,
    view: Augmentation | None = None,
) -> Feed:
    """Returns what a run trains on.

    Args:
        training: says the sampling, the share of the second source and the weights of classes.
        mixing: of images in pairs.
        seed: the run's seed.
        train: the first source.
        extra: the second one, if there is one.
        view: makes a second view of each image, if the strategy wants one.

    Raises:
        UserError: what is said doesn't go together or fit the images.
    """
    _check_extra_share(training, extra)
    if mixing.is_on:
        check(len(train) > 1, "Mixing.probability", "be 0 for one image", mixing.probability)
    source, order = train, _order(training, train, seed, PURPOSE)
    if extra is not None:
        source, second = JoinedImages(train, extra), _order(training, extra, seed, "extra order")
        order = Shared(order, second, len(train), training.batch_size, training.extra_images)
    weights = _class_weights(training, train, extra)
    drawing = Drawing(order, len(train), seed, mixing, weights, view)
    lines = tuple(_lines(training, drawing, train, extra))
    return Feed(source, drawing, training.batch_size, lines)


def _check_extra_share(training: Training, extra: Source | None) -> None:
    share = training.extra_share
    if extra is not None and share is None:
        raise UserError(
            f"{_EXTRA} needs Training.extra_share, the share of each batch that is of it, such as "
            "0.7",
            _EXTRA,
        )
    if extra is None and share is not None:
        raise UserError(
            f"Training.extra_share = {share:g} needs {_EXTRA}, the data set whose share it is",
            "Training.extra_share",
        )


def _order(training: Training, source: Source, seed: int, purpose: str) -> Order:
    if training.sampling != BALANCED:
        return Passes(len(source), seed, purpose)
    missing = np.flatnonzero(np.bincount(source.labels, minlength=source.classes) == 0)
    if len(missing):
        name = source.class_names[missing[0]]
        raise UserError(
            f"Training.sampling = '{BALANCED}' draws every class, and {source.name} has no image "
            f"of class '{name}'",
            "Training.sampling",
        )
    return Balanced(source, seed, purpose)


def _class_weights(training: Training, train: Source, extra: Source | None) -> np.ndarray | None:
    value = training.class_weights
    if value is None:
        return None
    balanced = training.sampling == BALANCED
    if balanced and value == BALANCED:
        raise UserError(
            f"{_WEIGHTS} and Training.sampling are both '{BALANCED}', and each does alone what the "
            "other does: bind one of them",
            _WEIGHTS,
        )
    parts = [train] if extra is None else [train, extra]
    of_extra = training.extra_images / training.batch_size
    portions = [1 - of_extra, of_extra]
    shares = sum(
        portion * (np.full(part.classes, 1 / part.classes) if balanced else part.class_shares)
        for portion, part in zip(portions, parts, strict=False)
    )
    return class_weights(None if value == BALANCED else _wanted(value, train), shares)


def _wanted(value: Mapping | tuple, source: Source) -> np.ndarray:
    """Returns the weights that a run states, by class, float64 [K]."""
    names = source.class_names
    if not isinstance(value, Mapping):
        rule = f"be {len(names)} numbers, one for each class"
        check(len(value) == len(names), _WEIGHTS, rule, value)
        value = dict(enumerate(value))
    found = np.ones(len(names))
    for key, weight in value.items():
        number = names.index(key) if key in names else key
        if not isinstance(number, int) or not 0 <= number < len(names):
            raise UserError(
                f"{_WEIGHTS}: {source.name} has no class {key!r}: name it, or give its number in "
                f"0..{len(names) - 1}.{nearest(str(key), names)}",
                _WEIGHTS,
            )
        real = isinstance(weight, int | float) and not isinstance(weight, bool)
        check(real and 0 < weight < np.inf, _WEIGHTS, f"be > 0 for class {key!r}", weight)
        found[number] = weight
    return found


def _lines(training: Training, drawing: Drawing, train: Source, extra: Source | None) -> list[str]:
    found = []
    if extra is not None:
        found.append(
            f"{training.extra_images} of {training.batch_size} images of a batch are of "
            f"{extra.name} ({len(extra):,}); an epoch is a pass over {train.name} ({len(train):,})"
        )
    if training.sampling == BALANCED:
        found.append("each class is drawn equally often")
    if drawing.class_weights is not None:
        least, most = min(drawing.class_weights), max(drawing.class_weights)
        found.append(f"classes count from {least:.3g} to {most:.3g} in the loss, 1 in the mean")
    if drawing.mixing.is_on:
        found.append(f"images are mixed in pairs: {drawing.mixing}")
    if drawing.view is not None:
        found.append(f"images have a second view, of {type(drawing.view).__name__}")
    return found
