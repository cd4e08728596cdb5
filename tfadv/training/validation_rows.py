"""Validations as rows of a table that grows while a run trains."""

from collections.abc import Iterator, Mapping, Sequence

_FIRST = "validation"


class ValidationRows:
    """The rows of one process, below a line of titles that comes with the first."""

    def __init__(self):
        self._titles: list[str] = []

    def __call__(self, record: Mapping, best: Mapping) -> Iterator[str]:
        """Yields the lines of a validation.

        Args:
            record: of the validation, as `Validator` makes it.
            best: the best one so far, that one included.
        """
        columns = [
            (weights, branch, what, value)
            for weights, branches in record["accuracy"].items()
            for branch, values in branches.items()
            for what, value in values.items()
        ]
        titles = _titles([column[:3] for column in columns])
        if titles != self._titles:
            self._titles = titles
            yield "  ".join([_FIRST, *titles, "best"])
        cells = [
            f"{value:.1%}".rjust(len(title))
            for title, (*_, value) in zip(titles, columns, strict=True)
        ]
        is_new = best["step"] == record["step"]
        said = "new best" if is_new else f"{best['value']:.1%} in epoch {best['epoch']:g}"
        epoch = f"epoch {record['epoch']:g}".ljust(len(_FIRST))
        yield "  ".join([epoch, *cells, said])


def _titles(columns: Sequence[tuple[str, str, str]]) -> list[str]:
    """Returns ``adv: clean`` and ``adv: pgd`` for ``validation/pgd``, if no other is called so."""
    short = {what: what.rpartition("/")[2] for _, _, what in columns}
    if len(set(short.values())) < len(short):
        short = {what: what for what in short}
    return [
        f"{branch}{' average' if weights == 'average' else ''}: {short[what]}"
        for weights, branch, what in columns
    ]
