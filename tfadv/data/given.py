"""``Experiment.dataset = 'given'``: images that Python code has in its hands."""

import contextlib
from collections.abc import Iterator

from tfadv.data.source import Splits
from tfadv.errors import UserError
from tfadv.registry import DATASETS

NAME = "given"
_splits: list[Splits] = []  # the last are those that are given now


@DATASETS.register(NAME)
def given() -> Splits:
    """Returns the images that Python code gives while this is asked for; see `giving`.

    Raises:
        UserError: none are given: a run's configuration can't hold them.
    """
    if not _splits:
        raise UserError(
            f"Experiment.dataset = '{NAME}': these images were given in Python, where "
            "tfadv.open_run(folder, data) takes them again; or choose others by gin",
            "Experiment.dataset",
        )
    return _splits[-1]


@contextlib.contextmanager
def giving(splits: Splits | None) -> Iterator[None]:
    """Gives images to what is built inside; None gives none."""
    if splits is None:
        yield
        return
    _splits.append(splits)
    try:
        yield
    finally:
        _splits.pop()
