"""The machines of a run: what they agree on, and when one of them is lost."""

import contextlib
import functools
import zlib
from collections.abc import Callable, Iterable, Iterator

import tensorflow as tf

from tfadv.devices.custom_gradients import all_reduce
from tfadv.devices.tracing import on_replicas
from tfadv.errors import UserError


class WorkerLost(Exception):  # noqa: N818  (the run is well, and can go on)
    """Another worker of the run doesn't answer any more."""


class Workers:
    """The machines of a distribution; one, unless it is multi-worker.

    Args:
        distribution: the devices.
    """

    def __init__(self, distribution: tf.distribute.Strategy):
        self._distribution = distribution
        multiple = isinstance(distribution, tf.distribute.MultiWorkerMirroredStrategy)
        resolver = distribution.cluster_resolver if multiple else None
        cluster = resolver.cluster_spec().as_dict() if resolver else {}
        self.count = max(1, sum(len(tasks) for tasks in cluster.values()))
        # Only one of them writes files and prints.
        self.is_chief = bool(distribution.extended.should_checkpoint)

    def agree(self, what: str, value: object) -> None:
        """Raises `UserError`, on every worker, unless all have the same value.

        Args:
            what: the value's name, for the error.
            value: compared by its text.
        """
        found = self._gather(zlib.crc32(str(value).encode()))
        different = [number for number, other in enumerate(found) if other != found[0]]
        if different:
            raise UserError(
                f"worker {different[0]} has another {what} than worker 0: start all workers with "
                "the same command, code and files"
            )

    def greatest(self, value: int) -> int:
        """Returns the greatest of the workers' values."""
        return max(self._gather(value))

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Raises `WorkerLost` where work inside fails because another worker is gone."""
        try:
            yield
        except (
            tf.errors.UnavailableError,
            tf.errors.AbortedError,
            tf.errors.CancelledError,
            tf.errors.DeadlineExceededError,
            tf.errors.InternalError,
        ) as error:
            if self.count == 1:
                raise
            raise WorkerLost(
                f"another worker is gone or unreachable ({type(error).__name__})"
            ) from error

    def _gather(self, value: int) -> list[int]:
        if self.count == 1:
            return [value]
        values = self._gather_from_replicas(tf.constant(value, tf.int64)).numpy().tolist()
        return values[:: len(values) // self.count]

    @functools.cached_property
    def _gather_from_replicas(self) -> Callable[[tf.Tensor], tf.Tensor]:
        def on_replica(value):
            # A sum of one-hot vectors: all_gather can't place a symbolic tensor.
            replica = tf.distribute.get_replica_context()
            place = tf.one_hot(
                replica.replica_id_in_sync_group, replica.num_replicas_in_sync, dtype=tf.int64
            )
            return all_reduce(tf.distribute.ReduceOp.SUM, place * value)

        @tf.function(autograph=False)
        def gather(value):
            gathered = self._distribution.run(on_replica, (value,))
            return self._distribution.experimental_local_results(gathered)[0]

        return gather


@contextlib.contextmanager
def unchanged(distribution: tf.distribute.Strategy, variables: Iterable) -> Iterator[None]:
    """Gives variables of every replica their values back at the end, whatever happens inside.

    Args:
        distribution: the replicas'.
        variables: of every replica.
    """
    variables = list(variables)

    def assign(values):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def kept():
        return [tf.identity(variable) for variable in variables]

    own = on_replicas(distribution, kept)()
    try:
        yield
    finally:
        on_replicas(distribution, assign)(own)


def share_the_first(distribution: tf.distribute.Strategy, variables: Iterable) -> None:
    """Gives variables of every replica the values that the first replica has of them."""
    if distribution.num_replicas_in_sync == 1:
        return

    def on_replica():
        replica = tf.distribute.get_replica_context()
        is_first = tf.equal(replica.replica_id_in_sync_group, 0)
        for variable in variables:
            value = tf.convert_to_tensor(variable)
            of_first = tf.where(is_first, value, tf.zeros_like(value))
            variable.assign(all_reduce(tf.distribute.ReduceOp.SUM, of_first))

    on_replicas(distribution, on_replica)()
