"""Two logical CPUs as replicas."""

import unittest

import tensorflow as tf

from tfadv.devices.tracing import on_replicas
from tfadv.planning.distribution import mirrored


def two_cpus() -> tf.distribute.MirroredStrategy:
    """Returns a distribution over two logical CPUs, the same one each time.

    Raises:
        SkipTest: TensorFlow has started with one.
    """
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        if len(tf.config.get_logical_device_configuration(cpu) or ()) < 2:
            tf.config.set_logical_device_configuration(
                cpu, [tf.config.LogicalDeviceConfiguration()] * 2
            )
    except RuntimeError:
        raise unittest.SkipTest(
            "TensorFlow has started with one CPU device: call tfadv.testing.two_cpus() first"
        ) from None
    return mirrored(("/device:CPU:0", "/device:CPU:1"))


def on_each(distribution: tf.distribute.Strategy, function, parts: list[tf.Tensor]) -> list:
    """Runs a function on one part in each replica, traced; returns the replicas' results."""
    shared = distribution.experimental_distribute_values_from_function(
        lambda context: parts[context.replica_id_in_sync_group]
    )
    found = on_replicas(distribution, function)(shared)
    return list(distribution.experimental_local_results(found))
