"""Records side by side: in what they differ, and by how much."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tfadv.comparison.paired import Difference, difference
from tfadv.data.manifest import difference as other_images
from tfadv.norms.mode import MAIN
from tfadv.plots.curves import attack_key, in_record
from tfadv.plots.names import branches
from tfadv.reports import origin
from tfadv.reports.console import attack_name, attack_title
from tfadv.reports.tables import NONE, Cell, attack_words, cell

CLEAN, WORST = "clean", "worst case"
_DIGEST = "weights"  # says nothing to a reader


class Side(NamedTuple):
    """One of the records that are compared.

    Attributes:
        name: by which readers tell it from the others.
        record: of an evaluation, or the results of a run.
        bindings: of its gin configuration, none where that is not known.
        images: index and label of each image, int64 [2, N], where they are known.
        right: by branch and attack, which images are classified right, bool [N].
    """

    name: str
    record: Mapping
    bindings: Mapping[str, str] = {}
    images: np.ndarray | None = None
    right: Mapping[tuple[str, str], np.ndarray] = {}


class Column(NamedTuple):
    """A branch of a side."""

    side: Side
    branch: str

    @property
    def title(self) -> str:
        """What it is called."""
        return in_record(self.side.name, self.branch)


class Row(NamedTuple):
    """One attack, or none, with what each column has of it.

    Attributes:
        key: of the attack.
        title: its name.
        name: the same with its goal and ε, for a terminal.
        words: its settings.
        found: ``accuracy`` and ``ci95`` by column, None where it was not run.
    """

    key: str
    title: str
    name: str
    words: str
    found: list[Mapping | None]

    @property
    def cells(self) -> list[Cell | None]:
        """The accuracies as text."""
        return [cell(one) for one in self.found]


class Pair(NamedTuple):
    """A difference, of which columns and under which attack."""

    row: Row
    first: Column
    second: Column
    found: Difference


def columns(sides: Sequence[Side]) -> list[Column]:
    """Returns every branch of every side."""
    return [Column(side, branch) for side in sides for branch in branches(side.record)]


def rows(sides: Sequence[Side]) -> list[Row]:
    """Returns clean accuracy, each attack that a side has run, and the worst case."""
    every = columns(sides)
    found = [Row(CLEAN, "no attack", "no attack", "clean images", [_clean(one) for one in every])]
    attacks = {attack_key(row): row for side in sides for row in side.record["attacks"]}
    for key, attack in attacks.items():
        words = ", ".join(attack_words(attack, sides[0].record["pixel_range"]))
        cells = [_attacked(one, key) for one in every]
        found.append(Row(key, attack_title(attack), attack_name(attack), words, cells))
    worst = [one.side.record.get("worst_case", {}).get(one.branch) for one in every]
    if any(worst):
        found.append(Row(WORST, "all attacks", "worst case", "worst case", worst))
    return found


def pairs(sides: Sequence[Side]) -> Iterator[Pair]:
    """Yields the differences of each side from the first.

    Branches of one name are compared, and the only one of a model with all of another.
    """
    every = columns(sides)
    paired = [
        (one, other)
        for one, other in itertools.combinations(range(len(every)), 2)
        if every[one].side is sides[0] and _are_compared(every[one], every[other])
    ]
    for row in rows(sides):
        for one, other in paired:
            first, second = row.found[one], row.found[other]
            if first and second:
                right = _right(row.key, every[one], every[other])
                found = difference(first, second, right)
                yield Pair(row, every[one], every[other], found)


def warnings(sides: Sequence[Side]) -> list[str]:
    """Returns why accuracies of the sides say nothing of each other; none where they do."""
    first, *others = sides
    found = []
    for other in others:
        names = f"‘{first.name}’ and ‘{other.name}’"
        found += [f"{names} were measured on {what}" for what in _other_images(first, other)]
    if len({json.dumps(side.record["pixel_range"]) for side in sides}) > 1:
        found.append("their pixel ranges differ, so that ε = 1 is not the same")
    return found


def differing(sides: Sequence[Side]) -> list[tuple[str, list[str]]]:
    """Returns what was made or measured otherwise, by name, with each side's value.

    Bindings are compared where the configuration of every side is known.
    """
    stated = [dict(origin.identity(side.record) + origin.facts(side.record)) for side in sides]
    configured = [side.bindings for side in sides] if all(s.bindings for s in sides) else []
    found = [
        (name, [one.get(name, NONE) for one in maps])
        for maps in (stated, configured)
        for name in dict.fromkeys(key for one in maps for key in one)
        if name != _DIGEST
    ]
    return [(name, values) for name, values in found if len(set(values)) > 1]


def _clean(column: Column) -> Mapping | None:
    return column.side.record["clean"].get(column.branch)


def _attacked(column: Column, key: str) -> Mapping | None:
    return next(
        (
            row
            for row in column.side.record["attacks"]
            if row["branch"] == column.branch and attack_key(row) == key
        ),
        None,
    )


def _are_compared(one: Column, other: Column) -> bool:
    if one.side is other.side:
        return False
    return one.branch == other.branch or MAIN in (one.branch, other.branch)


def _right(key: str, one: Column, other: Column) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns what both classify right of the same images, None unless that is known."""
    images = one.side.images, other.side.images
    right = one.side.right.get((one.branch, key)), other.side.right.get((other.branch, key))
    known = all(part is not None for part in (*images, *right))
    return right if known and np.array_equal(*images) else None


def _other_images(first: Side, other: Side) -> Iterator[str]:
    """Yields in what the images of two sides differ."""
    for key, words in (("dataset", "other data: {} and {}"), ("examples", "{} and {} images")):
        values = first.record[key], other.record[key]
        if values[0] != values[1]:
            yield words.format(*values)
    manifests = [side.record.get("provenance", {}).get("images", {}) for side in (first, other)]
    known = manifests[0].keys() & manifests[1].keys()  # contents are not always read
    if what := other_images(*({key: one[key] for key in known} for one in manifests)):
        yield f"other images: {what}"
    both = first.images, other.images
    same_count = first.record["examples"] == other.record["examples"]
    if same_count and all(one is not None for one in both) and not np.array_equal(*both):
        yield "other images of the same set: Evaluation.examples or the seeds chose others"
