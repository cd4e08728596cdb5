"""Models of the paper that are one and the same run at a scale."""

from collections.abc import Hashable, Iterable, Mapping, Sequence

from tfadv.paper import Number
from tfadv.reproduction.experiment import Files

Sizes = Mapping[Files, str]


def run_of(files: Files, sizes: Sizes) -> tuple:
    """Returns what only models of the same run have in common: the recipe and the sizes."""
    return (files[0], sizes[files]) if files in sizes else files


def first_of_same(runs: Iterable[Hashable]) -> list[int]:
    """Returns for each the place of the first that is equal to it, its own if there is none."""
    places: dict[Hashable, int] = {}
    return [places.setdefault(run, place) for place, run in enumerate(runs)]


def measured_alike(numbers: Sequence[Number | None], sizes: Sizes) -> tuple:
    """Returns what only numbers have in common that are one number at the scale."""
    return tuple(n and (run_of(n.files, sizes), n.branch, n.attack) for n in numbers)


def sentences(labels: Sequence[str], runs: Sequence[Hashable]) -> list[str]:
    """Returns which of several named models are the same run as an earlier one."""
    return [
        f"At this scale ‘{labels[place]}’ is the same run as ‘{labels[first]}’."
        for place, first in enumerate(first_of_same(runs))
        if first != place
    ]
