"""What becomes of a training whose next batch can't be read."""

import tensorflow as tf

from tfadv.data.bad_images import BadImagesError
from tfadv.data.pipeline import images_of_step
from tfadv.data.source import first_line
from tfadv.planning.plan import Plan

# What TensorFlow's errors say where an input pipeline raised them.
_OF_INPUT = "IteratorGetNext"


def skip_unreadable(plan: Plan, step: int, error: tf.errors.OpError) -> None:
    """Skips the images that broke a step, by the plan's policy.

    Args:
        plan: of the run.
        step: which was to be done, counted from 0.
        error: what TensorFlow met there.

    Raises:
        BadImagesError: an image can't be read and isn't to be skipped, or none can be
            made out though the input is at fault.
        tf.errors.OpError: the input is not at fault.
    """
    source, training = plan.splits.train, plan.training
    indices = images_of_step(len(source), training.batch_size, plan.experiment.seed, step)
    looked_at = {int(index): source.problem(int(index)) for index in indices}
    bad = {n: reason for n, reason in looked_at.items() if reason and n not in source.skipped}
    if bad:
        plan.bad_images.apply(source, bad)
    elif _OF_INPUT in str(error):
        raise BadImagesError(
            f"{source.name}: the images of step {step} can't be read: {first_line(error)}"
        ) from error
    else:
        raise error
