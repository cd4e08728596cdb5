"""How long training waits for its images."""

import sys
import time

import numpy as np
import tensorflow as tf

# More of the time than this is worth a warning, once it has cost so many seconds.
SHARE_WORTH_SAYING, SECONDS_WORTH_SAYING = 0.05, 30.0


def timed_next(iterator, after: list[tf.Tensor]) -> tuple[object, tf.Tensor, tf.Tensor]:
    """Returns the next element within a traced function, and how long it was waited for.

    Args:
        iterator: of the elements.
        after: what must be computed before the waiting begins.

    Returns:
        The element, a bool scalar that is there as soon as the element is, and seconds,
        a float64 scalar.
    """
    with tf.control_dependencies(after):
        began = _now()
    with tf.control_dependencies([began]):
        element = next(iterator)
    with tf.control_dependencies(tf.nest.flatten(element, expand_composites=True)):
        waited = _now() - began
    with tf.control_dependencies([waited]):
        return element, tf.constant(True), waited


def _now() -> tf.Tensor:
    # TensorFlow's own clock is refused where operations are to be deterministic.
    now = tf.numpy_function(lambda: np.float64(time.perf_counter()), [], tf.float64)
    return tf.ensure_shape(now, [])


class InputWait:
    """Adds up how long a run waits for its images, and warns once if that is dear."""

    def __init__(self):
        self._waited = self._seconds = 0.0
        self._is_first, self._has_warned = True, False

    def note(self, waited: float, seconds: float) -> None:
        """Notes the seconds that some steps waited and took in all.

        The first ones of a run don't count: they wait until the pipeline has filled.
        """
        if self._is_first:
            self._is_first = False
            return
        self._waited += waited
        self._seconds += seconds
        share = self._waited / self._seconds
        is_dear = share > SHARE_WORTH_SAYING and self._waited > SECONDS_WORTH_SAYING
        if is_dear and not self._has_warned:
            self._has_warned = True
            print(
                f"\nwarning: training waits for images {share:.0%} of its time: give it more cores "
                "or cheaper images (python -m tfadv.data --pack=DIR --pack_shorter_side=…)",
                file=sys.stderr,
            )
