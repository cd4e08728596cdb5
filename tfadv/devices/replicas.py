"""This process's replicas, each with an equal share of a batch's rows."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfadv.devices.tracing import on_replicas
from tfadv.devices.workers import Workers


class Replicas:
    """The replicas of one process: rows of tensors [N, ...] lie on them in equal shares.

    Args:
        distribution: the devices; None for one.

    Attributes:
        count: how many.
        workers: how many processes there are.
        worker: which of them this is, from 0.
    """

    def __init__(self, distribution: tf.distribute.Strategy | None = None):
        self._distribution = distribution
        in_sync = distribution.num_replicas_in_sync if distribution else 1
        self._alone = in_sync == 1
        self.workers = 1 if self._alone else Workers(distribution).count
        self.count = in_sync // self.workers
        self.worker = 0
        if self.workers > 1:
            numbers = distribution.experimental_distribute_values_from_function(
                lambda context: tf.constant(context.replica_id_in_sync_group)
            )
            self.worker = int(self._shares(numbers)[0]) // self.count

    def on_each(self, function: Callable) -> Callable:
        """Returns a function of rows, traced, that each replica runs on its own; it moves none."""
        if self._alone:
            return tf.function(function, autograph=False)
        return on_replicas(self._distribution, function)

    def spread(self, values: object) -> object:
        """Returns arrays [N, ...], in any structure, as rows on the replicas."""
        if self._alone:
            return tf.nest.map_structure(tf.convert_to_tensor, values)

        def share(context):
            here = context.replica_id_in_sync_group % self.count
            return tf.nest.map_structure(
                lambda value: tf.convert_to_tensor(np.split(value, self.count)[here]), values
            )

        return self._distribution.experimental_distribute_values_from_function(share)

    def take(self, values: tf.Tensor, rows: np.ndarray) -> np.ndarray:
        """Returns some of the rows, in that order."""
        shares = self._shares(values)
        each = shares[0].shape[0]
        found = [tf.gather(share, rows[rows // each == n] % each) for n, share in enumerate(shares)]
        places = np.concatenate([np.flatnonzero(rows // each == n) for n in range(len(shares))])
        return np.concatenate(found)[np.argsort(places)]

    def whole(self, values: tf.Tensor) -> np.ndarray:
        """Returns all rows."""
        return np.concatenate([share.numpy() for share in self._shares(values)])

    def moved(self, values: object, rows: np.ndarray) -> object:
        """Returns some of the rows as the rows of a batch of their own."""
        if self._alone:
            return tf.nest.map_structure(lambda value: tf.gather(value, rows), values)
        return self.spread(tf.nest.map_structure(lambda value: self.take(value, rows), values))

    def gathered(self, columns: dict[str, np.ndarray], length: int) -> dict[str, np.ndarray]:
        """Returns the columns of all workers, each image once.

        Args:
            columns: [n], of this worker: ``index`` is each row's image, n > 0.
            length: of the longest worker's columns.
        """
        length = self.count * -(-length // self.count)
        rows = np.minimum(np.arange(length), len(columns["index"]) - 1)
        own = {name: _number(column[rows]) for name, column in columns.items()}
        found = tf.nest.map_structure(
            lambda column: self._distribution.gather(column, axis=0).numpy(), self.spread(own)
        )
        first = np.unique(found["index"], return_index=True)[1]
        return {name: column[first] for name, column in found.items()}

    def _shares(self, values) -> tuple[tf.Tensor, ...]:
        return (values,) if self._alone else self._distribution.experimental_local_results(values)


def _number(column: np.ndarray) -> np.ndarray:
    """Returns a column as one of the types that can be gathered."""
    return column if np.issubdtype(column.dtype, np.floating) else column.astype(np.int64)
