"""The list of everything registered, as commands print it."""

import inspect
from collections.abc import Iterator

from tfadv.registry.bindings import described_parameters
from tfadv.registry.kinds import REGISTRIES

TITLE, NAME, TEXT = "bold", "cyan", ""


def lines() -> Iterator[tuple[str, str]]:
    """Yields a style and a line: each kind, its parts, their summary, paper and parameters."""
    for kind in REGISTRIES:
        yield TITLE, kind.kind
        for name in kind.names():
            part = kind.get(name)
            yield NAME, f"  {name}"
            origin = [kind.papers[name], part.__module__]
            for line in (
                (inspect.getdoc(part) or "no docstring").partition("\n")[0],
                "; ".join(text for text in origin if text),
                *described_parameters(part),
            ):
                yield TEXT, f"    {line}"
