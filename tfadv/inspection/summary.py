"""What a look at a data set comes to, on a terminal."""

from collections.abc import Iterator, Mapping

from rich.table import Table

from tfadv.inspection.seen import DAMAGED, ODD, UNREADABLE


def table(name: str, found: Mapping) -> Table:
    """Returns the counts of a record, a row for each split.

    Args:
        name: of the data set.
        found: its record; see `tfadv.inspection.record`.
    """
    header = ("split", "images", "classes", UNREADABLE, DAMAGED, "unusual", "repeated")
    made = Table(*header, title=printable(name))
    for split, one in found["splits"].items():
        counts = [one["images"], len(one["classes"]), one[UNREADABLE], one[DAMAGED], one[ODD]]
        groups = ([p for p in group if p["split"] == split] for group in _exact(found))
        repeated = sum(max(len(group) - 1, 0) for group in groups)
        made.add_row(split, *(f"{count:,}" for count in (*counts, repeated)))
    return made


def lines(found: Mapping) -> Iterator[str]:
    """Yields the verdict, and what to look at."""
    for text in found["warnings"]:
        yield printable(f"note: {text}")
    for text in found["unfit"]:
        yield printable(f"not fit to train on: {text}")
    if not found["unfit"]:
        yield "fit to train on"


def printable(text: str) -> str:
    """Returns a text, perhaps of a file's name, that can be written in UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _exact(found: Mapping) -> list[list[Mapping]]:
    return found["duplicates"]["exact"]
