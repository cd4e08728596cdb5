"""Attacks that images leave one by one, shared out among the workers."""

from collections.abc import Callable, Iterator

import numpy as np

from tfadv.data.pipeline import evaluation_batches
from tfadv.data.source import Source
from tfadv.devices.replicas import Replicas
from tfadv.evaluation.trajectory.rolling import Rolling
from tfadv.evaluation.trajectory.rolling_batch import RollingBatch, outcomes
from tfadv.evaluation.trajectory.searching import Searching

Columns = dict[str, np.ndarray]
# After so many batches the workers tell each other what they found.
_TOLD_AT_ONCE = 4


class ImageByImage:
    """Runs images of a source through rolling batches, each image once.

    Of several workers each attacks its share of the images, and all get all outcomes.

    Args:
        source: the images.
        replicas: of this process.
        indices: which images, int64 [n].
        size: of a batch over all replicas of all workers.
    """

    def __init__(self, source: Source, replicas: Replicas, indices: np.ndarray, size: int):
        self._source = source
        self._replicas = replicas
        self._indices = indices
        self._size = size

    def follow(
        self, rolling: Rolling[RollingBatch], columns: list[int], reached: Callable
    ) -> Iterator[Columns]:
        """Follows images along a trajectory; see `AttackRunner.attack`.

        Args:
            rolling: of a `Curve`.
            columns: which of the curve's lengths are asked for.
            reached: tells of predictions, a label and a target whether the goal was reached.
        """

        def followed(batches):
            for finished in rolling.run(batches):
                for one in outcomes(finished, self._replicas):
                    predictions = one.predictions[columns]
                    yield {
                        "index": np.array([one.index]),
                        "prediction": predictions[None],
                        "reached": reached(predictions, one.label, one.target)[None],
                        "passes": np.array([one.passes]),
                    }

        yield from self._shared(followed)

    def search(self, searching: Searching) -> Iterator[Columns]:
        """Attacks images until each is beaten or was attacked to the end; likewise."""

        def searched(batches):
            for found in searching.run(batches):
                prediction = found["prediction"][:, None]
                labels = self._source.labels[found["index"]][:, None]
                yield {**found, "prediction": prediction, "reached": prediction != labels}

        yield from self._shared(searched)

    def _shared(self, attacked: Callable) -> Iterator[Columns]:
        """Yields the outcomes of all workers' images."""
        workers = self._replicas.workers
        if workers == 1:
            yield from attacked(evaluation_batches(self._source, self._indices, self._size))
            return
        at_once = _TOLD_AT_ONCE * self._size
        for first in range(0, len(self._indices), at_once):
            part = self._indices[first : first + at_once]
            own = part[self._replicas.worker :: workers]
            own = own if len(own) else part[:1]  # for its columns' names
            found = list(attacked(evaluation_batches(self._source, own, self._size // workers)))
            columns = {name: np.concatenate([one[name] for one in found]) for name in found[0]}
            yield self._replicas.gathered(columns, -(-len(part) // workers))
