"""The cells of a comparison: recipes, each under every combination of some bindings."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tfadv import digests
from tfadv.errors import UserError, check

_OPENING, _CLOSING, _QUOTES = "([{", ")]}", "'\""
_LONGEST_NAME = 150
_SEED = "Experiment.seed"


class Cell(NamedTuple):
    """What is trained with each seed.

    Attributes:
        name: of the recipe.
        files: gin files, the recipe first.
        bindings: of the grid, by ``Name.parameter``, as gin writes values.
    """

    name: str
    files: tuple[str, ...]
    bindings: Mapping[str, str]

    @property
    def words(self) -> list[str]:
        """The bindings as a command line has them."""
        return [f"{key} = {value}" for key, value in self.bindings.items()]


def cells(
    recipes: Mapping[str, str],
    files: Sequence[str],
    grid: Sequence[str],
    bindings: Sequence[str] = (),
) -> dict[str, Cell]:
    """Returns the cells by the names of their rows: the recipe's, and what the grid binds.

    Args:
        recipes: gin files by their names.
        files: gin files of all cells.
        grid: each a parameter and its values, such as ``PGD.epsilon=4,8``.
        bindings: of all cells, ``Name.parameter = value``.

    Raises:
        UserError: a part of the grid has no values, one of them twice, or binds what another
            part or `bindings` does.
    """
    values = _values(grid)
    bound = {text.partition("=")[0].strip() for text in bindings}
    for key in values:
        check(key not in bound, f"--grid: {key}", "not be bound by --gin_bindings too", key)
    found = {}
    for name, recipe in recipes.items():
        for chosen in itertools.product(*values.values()):
            cell = Cell(name, (recipe, *files), dict(zip(values, chosen, strict=True)))
            found[", ".join([name, *cell.words])] = cell
    return found


def with_bindings(rows: Sequence[dict], found: Mapping[str, Cell]) -> list[dict]:
    """Returns a table's rows with what the grid binds apart from the recipe's name.

    Args:
        rows: as `comparison.summaries` makes them.
        found: the cells, by the names of their rows.
    """
    of_rows = [(row, found[row["recipe"]]) for row in rows]
    return [{**row, "recipe": one.name, "bindings": dict(one.bindings)} for row, one in of_rows]


def folder_name(row: str) -> str:
    """Returns what the folder of a row's runs is called: ``mbn-PGD.epsilon=4``.

    Where that leaves something out of the row's name, it ends in a digest of it.
    """
    joined = row.replace(", ", "-").replace(" = ", "=")
    name = "".join(c for c in joined if c.isalnum() or c in "._=-")
    if name == joined and len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:_LONGEST_NAME]}-{digests.of_texts([row])[:8]}"


def split(text: str) -> list[str]:
    """Returns the values that commas separate, those in brackets and quotes left alone.

    ``4,8`` are two, and so are ``('a/pgd',),('a/pgd', 'b/pgd')``.
    """
    found, depth, quote = [""], 0, ""
    for character in text:
        if quote or character in _QUOTES:
            quote = "" if character == quote else quote or character
        elif character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
        if character == "," and not quote and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return [value.strip() for value in found]


def _values(grid: Sequence[str]) -> dict[str, list[str]]:
    """Returns the values of each parameter of a grid."""
    found: dict[str, list[str]] = {}
    for text in grid:
        key, equals, values = (part.strip() for part in text.partition("="))
        chosen = split(values)
        if not key or not equals or not all(chosen):
            rule = "be a parameter and its values, such as 'PGD.epsilon=4,8'"
            raise UserError(f"--grid must {rule}, got {text!r}")
        check(key not in found, f"--grid: {key}", "be given once, with all its values", text)
        check(len(set(chosen)) == len(chosen), f"--grid: {key}", "have each value once", values)
        if key == _SEED:
            raise UserError(f"--grid: {_SEED} is not for a grid: --seeds has a column of its own")
        found[key] = chosen
    return found
