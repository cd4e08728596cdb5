"""What becomes of a training whose next batch can't be read."""

import sys

import tensorflow as tf

from tfadv.data.bad_images import unreadable_among
from tfadv.planning.plan import Plan


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
    source, size = plan.feed.source, plan.training.batch_size
    indices = plan.feed.drawing.opened_in_step(step, size)
    plan.bad_images.apply(source, unreadable_among(source, indices, error))
    print(f"\nwarning: step {step}: {source.warnings[-1]}", file=sys.stderr)
