"""Arrays that TensorFlow reads where they are: which ones, and that nothing is copied."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv.data import in_place


@pytest.mark.parametrize("shape", [(3, 2), (1,), (5, 4, 4, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int64])
def test_new_arrays_are_read_in_place(shape, dtype):
    array = in_place.empty(shape, dtype)
    array[...] = np.arange(array.size).reshape(shape)
    assert array.shape == shape and array.dtype == dtype
    assert in_place.readable_in_place(array, dtype) is array
    held = in_place.shared(array).get_value()
    np.testing.assert_array_equal(held, array)
    array[(0,) * array.ndim] = 99
    assert int(tf.reshape(held, [-1])[0]) == 99


def frozen(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "array",
    [
        in_place.empty((9,), np.uint8)[1:],  # begins where TensorFlow's tensors can't
        np.asfortranarray(np.ones((4, 3), np.uint8)),
        frozen(in_place.empty((8,), np.uint8)),
        np.full((4, 3), 7.0),
    ],
)
def test_others_are_copied(array):
    found = in_place.readable_in_place(array, np.uint8)
    assert found is not array and found.dtype == np.uint8
    np.testing.assert_array_equal(found, array)
    np.testing.assert_array_equal(in_place.shared(found).get_value(), array)


def test_an_array_lives_as_long_as_what_shares_it():
    array = in_place.empty((1000,), np.uint8)
    array[:] = 5
    held = in_place.shared(array)
    del array
    others = [np.full(1000, 6, np.uint8) for _ in range(100)]
    assert len(others) == 100 and int(tf.reduce_max(held.get_value())) == 5
