"""What TensorBoard is given."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import plots
from tfadv.plots import style
from tfadv.runs.tensorboard import TensorBoardWriter

CLEAN = np.random.default_rng(0).uniform(0, 255, (3, 5, 5, 3)).astype("float32")


@pytest.mark.parametrize("epsilon", [16.0, 0.0])
def test_a_strip_is_the_one_of_the_plots(tmp_path, epsilon):
    writer = TensorBoardWriter(tmp_path)
    writer.strip(7, tf.constant(CLEAN), tf.constant(CLEAN + 8), epsilon)
    writer.flush()
    (file,) = tmp_path.glob("events*")
    (event,) = (e for e in tf.compat.v1.train.summary_iterator(str(file)) if e.summary.value)
    (value,) = event.summary.value
    assert event.step == 7 and value.tag == "clean, adversarial, difference"
    _, _, encoded = tf.make_ndarray(value.tensor)
    expected = plots.adversarial_strip(CLEAN, CLEAN + 8, epsilon or None)
    np.testing.assert_array_equal(tf.io.decode_png(encoded), style.pixels(expected))
