"""The batches of a training, whose images may change their size with the epoch."""

from collections.abc import Callable, Iterable, Iterator


class Batches:
    """Batches in the order of steps.

    Args:
        batches: returns those from a step on, counted from 0, all of that step's size.
        size_of: returns the size of a step's images.
    """

    def __init__(self, batches: Callable[[int], Iterable], size_of: Callable[[int], int | None]):
        self._batches = batches
        self._size_of = size_of
        self._iterator: Iterator | None = None
        self._size: int | None = None

    def at(self, step: int) -> Iterator:
        """Returns what gives the batch of a step next: of the step after the latest taken."""
        size = self._size_of(step)
        if self._iterator is None or size != self._size:
            self._iterator, self._size = iter(self._batches(step)), size
        return self._iterator

    def restart(self) -> None:
        """Makes the batches anew, after one could not be made."""
        self._iterator = None
