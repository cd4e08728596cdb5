"""The experiment's tables: what was measured here beside what the paper printed."""

from collections.abc import Iterator, Sequence

from tfadv.paper import Number
from tfadv.reproduction.experiment import Table, published
from tfadv.reproduction.page import Page
from tfadv.reproduction.report.absence import Footnotes, of_model, reasons
from tfadv.reproduction.report.grid import Cell, Column, Grid, Part, Row, plain
from tfadv.reproduction.report.numbers import (
    NONE,
    percent,
    percents,
    sample,
    signed,
    signed_ends,
)
from tfadv.reproduction.report.same_runs import first_of_same, measured_alike
from tfadv.reproduction.results import Measured

ONE_SEED = "1 seed: the interval knows images only."
SAME_RUN = "same run"
_SAME_NUMBERS = "same run as ‘{}’"


def grid(table: Table, page: Page) -> Grid:
    """Returns a table of the experiment as text.

    One column of numbers is laid out with its interval, the paper's number, the difference
    and the seeds in columns of their own; of several, each cell has them in lines. A
    chain's columns each have one of changes from the row above beside them.
    """
    return _Laid(table, page).grid()


class _Laid:
    """One table on its way to text."""

    def __init__(self, table: Table, page: Page):
        self._table, self._page = table, page
        self._footnotes = Footnotes()
        numbers = [number for _, row in table.rows for number in row if number]
        self._measured = {number: page.results.measured(number) for number in numbers}
        self._origins = {number: self._origin(number) for number, m in self._measured.items() if m}
        self._is_of_one_origin = len(set(self._origins.values())) == 1

    def grid(self) -> Grid:
        table = self._table
        by_row = first_of_same(self._alike(row) for _, row in table.rows)
        rows = []
        for place, (label, numbers) in enumerate(table.rows):
            name = plain(label)
            if by_row[place] != place:
                first = table.rows[by_row[place]][0]
                name += (Part(_SAME_NUMBERS.format(first), "small"),)
            rows.append(Row((name, *self._cells(place, numbers))))
        return Grid(tuple(self._columns()), tuple(rows), tuple(self._notes()))

    @property
    def _is_narrow(self) -> bool:
        return len(self._table.columns) == 1 and not self._table.chain

    def _columns(self) -> Iterator[Column]:
        table = self._table
        yield Column(table.corner, is_number=False)
        if self._is_narrow:
            titles = (table.columns[0], "95% interval", "paper", "difference", "measured on")
            yield from map(Column, titles)
            return
        by_column = first_of_same(
            self._alike([row[place] for _, row in table.rows])
            for place in range(len(table.columns))
        )
        for place, title in enumerate(table.columns):
            first = by_column[place]
            same = _SAME_NUMBERS.format(table.columns[first]) if first != place else ""
            yield Column(title, same)
            if table.chain:
                yield Column(f"{title}: change", "from the row above")

    def _cells(self, place: int, numbers: Sequence[Number | None]) -> Iterator[Cell]:
        if self._is_narrow:
            yield from self._spread(numbers[0])
            return
        above = self._table.rows[place - 1][1] if place else (None,) * len(numbers)
        for number, before in zip(numbers, above, strict=True):
            yield self._stacked(number)
            if self._table.chain:
                yield self._change(number, before)

    def _spread(self, number: Number | None) -> Iterator[Cell]:
        """Yields a number, its interval, the paper's, the difference and the seeds."""
        if number is None:
            yield from (plain(NONE),) * 5
            return
        measured, paper = self._measured[number], published(number)
        if measured is None:
            yield self._absent(number)
            yield from (plain(NONE), plain(_paper(paper) or NONE), plain(NONE), plain(NONE))
            return
        yield (Part(percent(measured.accuracy.effect), "value"),)
        yield plain(percents(*measured.accuracy[1:]))
        yield plain(_paper(paper) or NONE)
        yield plain(_difference(measured, paper) or NONE)
        yield plain(self._origins[number])

    def _stacked(self, number: Number | None) -> Cell:
        if number is None:
            return plain(NONE)
        measured, paper = self._measured[number], published(number)
        if measured is None:
            return (*self._absent(number), *_small(_paper(paper)))
        own = "" if self._is_of_one_origin else self._origins[number]
        beside = ", ".join(filter(None, [_paper(paper), _difference(measured, paper)]))
        return (
            Part(percent(measured.accuracy.effect), "value"),
            *_small(percents(*measured.accuracy[1:]), beside, own),
        )

    def _change(self, number: Number | None, above: Number | None) -> Cell:
        """Returns a number minus that of the row above, here and in the paper."""
        if number is None or above is None:
            return plain(NONE)
        printed = (published(number), published(above))
        paper = _small(f"{signed(printed[0] - printed[1])} (paper)") if None not in printed else ()
        if self._alike([number]) == self._alike([above]):
            return (Part(SAME_RUN, "absent"), *paper)
        found = self._page.results.contrast({number: 1.0, above: -1.0})
        if found is None:
            return (Part(NONE, "absent"), *paper)
        effect, low, high = (100 * value for value in found.accuracy)
        return (Part(signed(effect), "value"), *_small(signed_ends(low, high)), *paper)

    def _absent(self, number: Number) -> Cell:
        text = self._footnotes.marked(reasons(self._page.results, number.files))
        return (Part(text, "absent"),)

    def _alike(self, numbers: Sequence[Number | None]) -> tuple:
        return measured_alike(numbers, self._page.sizes)

    def _origin(self, number: Number) -> str:
        """Returns how many seeds a number has, of how many images, and which seeds it lacks."""
        measured = self._measured[number]
        known = sample(len(measured.seeds), measured.images)
        lacking = self._footnotes.marked(of_model(self._page.results, number.files))
        return f"{known}; {lacking}" if lacking else known

    def _notes(self) -> Iterator[str]:
        if self._is_of_one_origin and not self._is_narrow:
            yield f"Every number: {next(iter(self._origins.values()))}."
        if any(m and len(m.seeds) == 1 for m in self._measured.values()):
            yield ONE_SEED
        yield from self._footnotes.lines


def _paper(printed: float | None) -> str:
    return "" if printed is None else f"{printed:.1f} (paper)"


def _difference(measured: Measured, printed: float | None) -> str:
    return "" if printed is None else signed(100 * measured.accuracy.effect - printed)


def _small(*texts: str) -> Cell:
    return tuple(Part(text, "small") for text in texts if text)
