"""A table as text, before it is HTML or Markdown."""

from typing import NamedTuple


class Part(NamedTuple):
    """One line of a cell.

    Attributes:
        text: of the line.
        look: ``value`` stands out, ``small`` stands back, ``absent`` is a number that is not
            there; '' is plain.
        link: a path that it leads to, relative to the page; '' for none.
    """

    text: str
    look: str = ""
    link: str = ""


Cell = tuple[Part, ...]


class Column(NamedTuple):
    """A column's title, what stands beneath it, and whether it holds numbers."""

    title: str
    note: str = ""
    is_number: bool = True


class Row(NamedTuple):
    """A row; one that `spans` has a single cell, over all columns."""

    cells: tuple[Cell, ...]
    spans: bool = False


class Grid(NamedTuple):
    """A table.

    Attributes:
        columns: of which the first names the rows.
        rows: of as many cells, or spanning.
        notes: sentences that stand beneath it.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def plain(*texts: str) -> Cell:
    """Returns a cell of plain lines, without those that are empty."""
    return tuple(Part(text) for text in texts if text)
