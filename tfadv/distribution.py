"""Which devices a run uses, through tf.distribute."""

import dataclasses

import tensorflow as tf

from tfadv.errors import UserError, check, check_choice
from tfadv.registry import configurable

KINDS = ("auto", "one_device", "mirrored")


@configurable
@dataclasses.dataclass(frozen=True)
class Distribution:
    """The choice of devices.

    Attributes:
        kind: ``one_device``, ``mirrored`` (every GPU of this machine, or every
            virtual CPU), or ``auto``: mirrored where there are several.
        virtual_cpus: splits the CPU into this many logical devices, to try a
            distributed run without GPUs; 0 leaves it whole.
    """

    kind: str = "auto"
    virtual_cpus: int = 0

    def __post_init__(self):
        check_choice("Distribution.kind", self.kind, KINDS)
        check(self.virtual_cpus >= 0, "Distribution.virtual_cpus", "be >= 0", self.virtual_cpus)

    def create(self) -> tf.distribute.Strategy:
        """Starts the devices.

        Raises:
            UserError: TensorFlow's devices have been started before the CPU
                could be split.
        """
        if self.virtual_cpus:
            _split_cpu(self.virtual_cpus)
        devices = [device.name for device in tf.config.list_logical_devices("GPU")]
        devices = devices or [device.name for device in tf.config.list_logical_devices("CPU")]
        if self.kind == "mirrored" or (self.kind == "auto" and len(devices) > 1):
            return tf.distribute.MirroredStrategy(devices)
        return tf.distribute.get_strategy()


def share_of_batch(batch_size: int, replicas: int, parameter: str) -> int:
    """Returns one replica's part of a batch.

    Raises:
        UserError: the replicas don't divide it; the line names the nearest
            batch sizes they do.
    """
    if batch_size % replicas:
        below = batch_size - batch_size % replicas
        near = " or ".join(str(size) for size in (below, below + replicas) if size)
        raise UserError(
            f"{parameter} = {batch_size} can't be divided among {replicas} replicas: take {near}",
            parameter,
        )
    return batch_size // replicas


def _split_cpu(count: int) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration() for _ in range(count)]
        )
    except RuntimeError:
        if len(tf.config.list_logical_devices("CPU")) != count:
            raise UserError(
                "Distribution.virtual_cpus: TensorFlow's devices have already been started",
                "Distribution.virtual_cpus",
            ) from None
