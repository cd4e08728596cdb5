"""What an experiment is: a table or figure of the paper, declared.

Its tables of numbers, the curves and points of its figures, the norm statistics that it
looks at, and the claims that it bears on. Which models must be trained for it follows
from these.
"""

import dataclasses
from collections.abc import Iterator

from tfadv.norms.mode import ADV, MAIN
from tfadv.paper import Number, row_of

Files = tuple[str, ...]
PGD_2000 = "PGD-2000"


@dataclasses.dataclass(frozen=True)
class Table:
    """Numbers in rows and columns.

    Attributes:
        title: what it shows.
        corner: what the rows are.
        columns: their titles.
        rows: the label and the numbers of each, None where the paper's table is empty.
        chain: whether each row is the one above with one change.
    """

    title: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Number | None, ...]], ...]
    chain: bool = False


@dataclasses.dataclass(frozen=True)
class Curves:
    """Accuracy by the steps of the attack.

    Attributes:
        title: what it shows.
        lines: label, files and norm branch of each.
    """

    title: str
    lines: tuple[tuple[str, Files, str], ...]


@dataclasses.dataclass(frozen=True)
class Points:
    """Accuracy by something of the training.

    Attributes:
        title: what it shows.
        x_title: what it is.
        x: its values in the paper, from left to right.
        lines: label and numbers of each.
    """

    title: str
    x_title: str
    x: tuple[int, ...]
    lines: tuple[tuple[str, tuple[Number, ...]], ...]


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Norm statistics of one model.

    Attributes:
        kind: ``branches`` compares the running statistics of the norm's branches (figure 5),
            ``batches`` running ones with those of two random batches (figure 6), and
            ``diagram`` draws which images a norm's branches take (figure 4).
        files: of the model.
    """

    kind: str
    files: Files


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A table or figure of the paper, or several.

    Attributes:
        name: on the command line.
        where: the place in the paper.
        title: what it is about.
        tables: numbers to compare.
        curves: figures along the attack's steps.
        points: figures along something of the training.
        statistics: looks at norm statistics.
        claims: names of the claims that it bears on.
    """

    name: str
    where: str
    title: str
    tables: tuple[Table, ...] = ()
    curves: tuple[Curves, ...] = ()
    points: tuple[Points, ...] = ()
    statistics: tuple[Statistics, ...] = ()
    claims: tuple[str, ...] = ()

    @property
    def models(self) -> tuple[Files, ...]:
        """Recipe and overlays of every model that must be trained, each once."""
        found = [number.files for number in self.numbers]
        found += [line[1] for curves in self.curves for line in curves.lines]
        found += [one.files for one in self.statistics if one.kind != "diagram"]
        return tuple(dict.fromkeys(found))

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Every number in its tables and points, each once."""
        return tuple(dict.fromkeys([*self._in_tables(), *self._in_points()]))

    def _in_tables(self) -> Iterator[Number]:
        for table in self.tables:
            for _, numbers in table.rows:
                yield from (number for number in numbers if number)

    def _in_points(self) -> Iterator[Number]:
        for points in self.points:
            for _, numbers in points.lines:
                yield from numbers


def published(number: Number) -> float | None:
    """Returns what the paper printed for a number, in %; None where it printed none."""
    row = row_of(number.files)
    return row and row.published.get(number.branch, {}).get(number.attack)


def model(recipe: str, *overlays: str) -> Files:
    """Returns recipe and overlays as files: ``model("mbn", "attack/pgd5")``."""
    return tuple(f"gin/{name}.gin" for name in (recipe, *overlays))


def trained_with(recipe: str, steps: int) -> Files:
    """Returns a recipe whose training attack takes the paper's N = `steps`; 30 is the usual N."""
    return model(recipe) if steps == 30 else model(recipe, f"attack/pgd{steps}")


def branch_of(files: Files) -> str:
    """Returns the branch that the paper attacks: of mixture BN, the adversarial one."""
    return ADV if files[0].startswith("gin/mbn") else MAIN


def under(files: Files, attack: str = PGD_2000) -> Number:
    """Returns a model's accuracy in the branch that the paper attacks."""
    return Number(files, branch_of(files), attack)


def label(files: Files, branch: str = MAIN) -> str:
    """Returns the paper's words for a model and one of its norm branches."""
    row = row_of(files)
    name = row.name if row else " + ".join(files)
    return name.replace("MBN,", f"MBN {branch},") if branch != MAIN else name


def on_clean(files: Files, branch: str = MAIN) -> Number:
    """Returns a model's accuracy on clean images."""
    return Number(files, branch, "clean")
