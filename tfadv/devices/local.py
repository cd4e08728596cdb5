"""What the process computes on."""

import contextlib
import contextvars
import os
import platform
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from tfadv.errors import check

AMX = "with AMX"  # in the name of a processor that has it
_CPU = Path("/proc/cpuinfo")
_KNOWS_CORES = hasattr(os, "sched_getaffinity")  # Linux tells which of them are the process's
# Variables that change how fast TensorFlow's kernels are.
_SWITCHES = ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "OMP_NUM_THREADS")


def device_names() -> list[str]:
    """Returns the names of the devices that TensorFlow sees."""
    return [device.name for device in tf.config.list_logical_devices()]


def processor_name() -> str:
    """Returns what the CPU calls itself, and whether it has AMX; the platform's word elsewhere."""
    text = _CPU.read_text(encoding="utf-8") if _CPU.exists() else ""
    named = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    if not named:
        return platform.processor() or platform.machine()
    tiles = f" {AMX}" if "amx_bf16" in text else ""
    return f"{named[0]}{tiles}, {len(named)} cores"


_assumed = contextvars.ContextVar("accelerator_assumed", default=False)


@contextlib.contextmanager
def accelerator_assumed() -> Iterator[None]:
    """Lets what is traced inside be as for an accelerator, though there is none here."""
    token = _assumed.set(True)
    try:
        yield
    finally:
        _assumed.reset(token)


def computing_device() -> str:
    """Returns what computes networks here: the accelerators by their names, or the processor."""
    return ", ".join(sorted(set(machine()["accelerators"]))) or processor_name()


def has_accelerator() -> bool:
    """Returns whether there is a GPU or a TPU; each runs best what XLA compiles whole."""
    return _assumed.get() or bool(
        tf.config.list_logical_devices("GPU") + tf.config.list_logical_devices("TPU")
    )


def physical_memory() -> int:
    """Returns the bytes of this computer's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def check_jit_compile(parameter: str, choice: bool | str) -> None:
    """Raises `UserError` unless `choice` is True, False or 'auto'."""
    check(choice in (True, False, "auto"), parameter, "be True, False or 'auto'", choice)


def compiles(jit_compile: bool | str) -> bool:
    """Returns whether XLA is to compile: 'auto' is yes on accelerators, no on a CPU."""
    return has_accelerator() if jit_compile == "auto" else bool(jit_compile)


def fuses(jit_compile: bool | str) -> bool:
    """Returns whether XLA is to compile what has no convolution, which pays on a CPU as well."""
    return jit_compile is not False


def machine() -> dict[str, object]:
    """Returns what the speed of this machine follows from, as JSON values."""
    accelerators = tf.config.list_physical_devices("GPU") + tf.config.list_physical_devices("TPU")
    names = (tf.config.experimental.get_device_details(one) for one in accelerators)
    found = {
        "processor": processor_name(),
        "cores": len(os.sched_getaffinity(0)) if _KNOWS_CORES else os.cpu_count(),
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "accelerators": [one.get("device_name", "") for one in names],
    }
    return found | {name: os.environ[name] for name in _SWITCHES if name in os.environ}
