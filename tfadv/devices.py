"""What the process computes on."""

from pathlib import Path

import tensorflow as tf

_CPU = Path("/proc/cpuinfo")


def has_accelerator() -> bool:
    """Returns whether there is a GPU or a TPU; each runs best what XLA compiles whole."""
    return bool(tf.config.list_logical_devices("GPU") + tf.config.list_logical_devices("TPU"))


def fastest_dtype() -> str:
    """Returns the dtype in which this machine computes convolutions fastest.

    That is 'bfloat16' on GPUs, TPUs and CPUs with AMX tiles, and 'float32' on
    other CPUs, those with AVX-512 BF16 among them. It starts no device.
    """
    accelerators = tf.config.list_physical_devices("GPU") + tf.config.list_physical_devices("TPU")
    tiles = _CPU.exists() and "amx_bf16" in _CPU.read_text(encoding="utf-8")
    return "bfloat16" if accelerators or tiles else "float32"
