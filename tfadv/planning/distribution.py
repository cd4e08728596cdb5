"""Which devices a run uses, through tf.distribute."""

import dataclasses
import functools
import os
import shutil
from collections.abc import Callable

import tensorflow as tf

from tfadv import interruption
from tfadv.errors import UserError, check, check_choice
from tfadv.registry import configurable

KINDS = ("auto", "one_device", "mirrored", "multi_worker", "tpu")
CLUSTERS = ("tf_config", "slurm", "kubernetes")
COMMUNICATIONS = ("auto", "ring", "nccl")


@configurable
@dataclasses.dataclass(frozen=True)
class Distribution:
    """The choice of devices.

    Attributes:
        kind: ``one_device``; ``mirrored`` (every GPU of this machine, or every
            virtual CPU); ``multi_worker`` (every GPU of every machine: the same
            command on each); ``tpu``; or ``auto``: multi-worker where TF_CONFIG
            says so, else mirrored where there are several devices.
        cluster: who tells a worker of the others: the variable ``tf_config``,
            ``slurm`` or ``kubernetes``.
        port: of every worker, under Slurm and Kubernetes.
        kubernetes_label: selects the workers' pods; the variable
            JOB_COMPLETION_INDEX says which of them this is.
        communication: of the workers, ``nccl``, ``ring`` or ``auto``.
        tpu: name or address of the TPU; "" and "local" mean this machine's.
        virtual_cpus: splits the CPU into this many logical devices, to try a
            distributed run without GPUs; 0 leaves it whole.
    """

    kind: str = "auto"
    cluster: str = "tf_config"
    port: int = 8888
    kubernetes_label: str = "job-name=tfadv"
    communication: str = "auto"
    tpu: str = ""
    virtual_cpus: int = 0

    def __post_init__(self):
        check_choice("Distribution.kind", self.kind, KINDS)
        check_choice("Distribution.cluster", self.cluster, CLUSTERS)
        check_choice("Distribution.communication", self.communication, COMMUNICATIONS)
        check(0 < self.port < 2**16, "Distribution.port", "be in 1..65535", self.port)
        check(self.virtual_cpus >= 0, "Distribution.virtual_cpus", "be >= 0", self.virtual_cpus)

    def create(self) -> tf.distribute.Strategy:
        """Starts the devices, and waits for the other workers if there are any.

        Raises:
            UserError: a cluster or TPU isn't there, or TensorFlow's devices
                have been started before the CPU could be split.
        """
        try:
            return self._created()
        finally:
            interruption.answer_again()  # TensorFlow's workers take SIGTERM for themselves

    def _created(self) -> tf.distribute.Strategy:
        if self.virtual_cpus:
            _split_cpu(self.virtual_cpus)
        kind = self.kind
        if kind == "auto" and self.cluster == "tf_config" and "TF_CONFIG" in os.environ:
            kind = "multi_worker"
        if kind in ("multi_worker", "tpu"):
            return _connected(self, kind)
        devices = [device.name for device in tf.config.list_logical_devices("GPU")]
        devices = devices or [device.name for device in tf.config.list_logical_devices("CPU")]
        if kind == "mirrored" or (kind == "auto" and len(devices) > 1):
            return mirrored(tuple(devices))
        return tf.distribute.get_strategy()

    def _multi_worker(self):
        resolvers: dict[str, Callable] = {
            "tf_config": _from_tf_config,
            "slurm": self._from_slurm,
            "kubernetes": self._from_kubernetes,
        }
        implementation = tf.distribute.experimental.CommunicationImplementation
        options = tf.distribute.experimental.CommunicationOptions(
            implementation=getattr(implementation, self.communication.upper())
        )
        try:
            resolver = resolvers[self.cluster]()
            return tf.distribute.MultiWorkerMirroredStrategy(resolver, options)
        except (
            ValueError,
            RuntimeError,
            LookupError,
            ImportError,
            OSError,
            tf.errors.OpError,
        ) as error:
            raise _not_there("Distribution.cluster", self.cluster, error) from None

    def _from_slurm(self):
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver
        if "CUDA_VISIBLE_DEVICES" in os.environ or shutil.which("nvidia-smi"):
            return resolver(port_base=self.port)
        # It counts ports by GPUs: without any, each task is said to have one.
        return resolver(
            port_base=self.port, gpus_per_node=2**10, gpus_per_task=1, auto_set_gpu=False
        )

    def _from_kubernetes(self):
        resolver = tf.distribute.cluster_resolver.KubernetesClusterResolver(
            {"worker": [self.kubernetes_label]}, tf_server_port=self.port
        )
        resolver.task_type, resolver.task_id = "worker", int(os.environ["JOB_COMPLETION_INDEX"])
        return resolver

    def _tpu(self):
        try:
            resolver = tf.distribute.cluster_resolver.TPUClusterResolver(self.tpu)
            tf.config.experimental_connect_to_cluster(resolver)
            tf.tpu.experimental.initialize_tpu_system(resolver)
            return tf.distribute.TPUStrategy(resolver)
        except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
            raise _not_there("Distribution.tpu", self.tpu, error) from None


@functools.cache  # two in one process mix up their collectives
def mirrored(devices: tuple[str, ...]) -> tf.distribute.MirroredStrategy:
    """Returns the distribution over some devices of this machine, the same one each time."""
    return tf.distribute.MirroredStrategy(devices)


@functools.cache  # a process connects once: another run in it has the same workers or TPU
def _connected(distribution: Distribution, kind: str) -> tf.distribute.Strategy:
    return distribution._multi_worker() if kind == "multi_worker" else distribution._tpu()


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


def _from_tf_config():
    if "TF_CONFIG" not in os.environ:
        raise ValueError("the environment variable TF_CONFIG is not set")
    return tf.distribute.cluster_resolver.TFConfigClusterResolver()


def _not_there(parameter: str, value: str, error: Exception) -> UserError:
    cause = " ".join(str(error).split()) or type(error).__name__
    return UserError(f"{parameter} = {value!r} can't be used: {cause[:300]}", parameter)


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
