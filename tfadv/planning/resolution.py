"""Training images whose size changes with the epoch, coarse to fine."""

from collections.abc import Sequence

import tensorflow as tf

from tfadv.config.training_settings import RESOLUTION, Training
from tfadv.data.augmentation import Augmentation
from tfadv.data.source import Source
from tfadv.errors import UserError
from tfadv.models.classifier import Trainable


def image_size(training: Training, epoch: int) -> int | None:
    """Returns the height and width of an epoch's images; None for the data set's own."""
    sizes = training.resolution
    return None if sizes is None else sizes.value(epoch)


def image_sizes(training: Training) -> tuple[int | None, ...]:
    """Returns those of all epochs, each once, in their order."""
    return tuple(dict.fromkeys(image_size(training, epoch) for epoch in range(training.epochs)))


def augmentation_at(augmentation: Augmentation, source: Source, size: int | None) -> Augmentation:
    """Returns what makes images of a size, itself where that is the data set's own."""
    own = size in (None, source.image_shape[0]) and augmentation.image_size in (None, size)
    return augmentation if size is None or own else augmentation.at_size(size)


def check_source(training: Training, source: Source) -> None:
    """Raises `UserError` if a data set's images are no squares, and their size is to change."""
    height, width, _ = source.image_shape
    if training.resolution is not None and height != width:
        raise UserError(
            f"{RESOLUTION} makes square images, and those of {source.name} are {height}x{width}: "
            "leave it out",
            RESOLUTION,
        )


def check_network(model: Trainable, sizes: Sequence[int | None]) -> None:
    """Checks that a network takes images of all sizes, by tracing it.

    Args:
        model: the network.
        sizes: height and width; None is the network's own.

    Raises:
        UserError: it doesn't take every size, as a layer that flattens maps or adds vectors of
            positions does not.
    """
    changed = [*filter(None, sizes)]
    # Positions of one patch would be spread over all: not so where there are nine.
    for size in [*changed, *(3 * size for size in changed[:1])]:
        shape = (size, size, model.image_shape[-1])
        images = tf.TensorSpec((1, *shape), tf.float32)
        traced = tf.function(lambda images: model(images), autograph=False)
        try:
            logits = traced.get_concrete_function(images).structured_outputs
        except (ValueError, TypeError, tf.errors.OpError):
            logits = None
        if logits is None or tuple(logits.shape) != (1, model.classes):
            raise UserError(
                f"{RESOLUTION} has images of several sizes, and the network takes "
                f"{model.image_shape[0]}x{model.image_shape[1]} alone, not {size}x{size} (a layer "
                "flattens maps or has positions): bind another Experiment.model, such as 'resnet'",
                RESOLUTION,
            )
