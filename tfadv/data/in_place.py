"""Arrays that TensorFlow reads where they are, so that there is one copy of them."""

import math

import numpy as np
import tensorflow as tf

# Bytes. Where TensorFlow's own tensors begin: it aborts the process at others.
_ALIGNMENT = 64


def empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Returns an array of any values in memory that TensorFlow reads too."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def readable_in_place(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Returns an array of some type in memory that TensorFlow reads too.

    Returns:
        The array itself, if it is one, or else a copy.
    """
    flags = array.flags
    aligned = flags.c_contiguous and array.ctypes.data % _ALIGNMENT == 0
    if array.dtype == dtype and aligned and flags.writeable:
        return array
    copy = empty(array.shape, dtype)
    copy[...] = array
    return copy


def shared(array: np.ndarray) -> tf.experimental.Optional:
    """Returns what holds an array as a tensor, without copying it.

    Pipelines that capture a tensor make another as large, whose values nobody reads
    (TensorFlow 2.21): they capture this instead.

    Args:
        array: one that `readable_in_place` returned; nobody may change it any more.
    """
    with tf.init_scope(), tf.device("CPU:0"):
        return tf.experimental.Optional.from_value(
            tf.experimental.dlpack.from_dlpack(array.__dlpack__())
        )


def eager_constant(array: np.ndarray) -> tf.Tensor:
    """Returns a tensor that traced functions capture instead of copying.

    Sources make theirs when they are first asked for an example: it starts
    TensorFlow's devices, which must not happen while a config is checked.
    """
    with tf.init_scope():
        return tf.constant(array)
