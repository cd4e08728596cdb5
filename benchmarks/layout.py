"""How the package is laid out: ``python -m benchmarks.layout``; ``--package`` for another checkout.

A folder is a room, a sub-folder one of its own, and so is a file that lies loose in the
package or makes a command of a folder, its ``__main__``. A room stands on the rooms that its
files import; its floor is the length of the longest chain of rooms below it, itself included,
where a circle counts as one. Imports within functions count as all others do.
"""

import argparse
import ast
import functools
import graphlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parent.parent / "tfadv"

Graph = Mapping[str, set[str]]


class Sized(NamedTuple):
    """A file or function and its lines."""

    lines: int
    name: str


class Layout:
    """The files of a package and what they import of it.

    Args:
        package: its folder.

    Attributes:
        files: by path below the package, without suffix: ``norms/base``; a room's
            ``__init__`` by the room. The package's own ``__init__`` is none of them.
        file_imports: the files that each file imports.
    """

    def __init__(self, package: Path):
        self.package = package
        paths = sorted(set(package.rglob("*.py")) - {package / "__init__.py"})
        self.files = {self._name(path): path for path in paths}
        self.file_imports = {
            name: set(self._imported(path)) - {name} for name, path in self.files.items()
        }

    @property
    def loose(self) -> list[str]:
        """The files that lie in no folder of the package."""
        return [name for name, path in self.files.items() if path.parent == self.package]

    @functools.cached_property
    def room_imports(self) -> dict[str, set[str]]:
        """The rooms that each room imports."""
        found: dict[str, set[str]] = {}
        for name, imported in self.file_imports.items():
            room = self.room(name)
            found.setdefault(room, set()).update(self.room(other) for other in imported)
        return {room: imported - {room} for room, imported in found.items()}

    def room(self, name: str) -> str:
        """Returns the room that a file is in."""
        path = self.files[name]
        alone = path.parent == self.package or path.stem == "__main__"
        return name if alone else str(path.parent.relative_to(self.package))

    def sizes(self) -> list[Sized]:
        """Returns every file with its lines."""
        return [
            Sized(len(path.read_text(encoding="utf-8").splitlines()), name)
            for name, path in self.files.items()
        ]

    def function_sizes(self) -> list[Sized]:
        """Returns every function with its lines, its docstring included."""
        return [
            Sized(node.end_lineno - node.lineno + 1, f"{name}.{node.name}")
            for name, path in self.files.items()
            for node in ast.walk(_parsed(path))
            if isinstance(node, ast.FunctionDef)
        ]

    def _name(self, path: Path) -> str:
        inside = path.relative_to(self.package).with_suffix("")
        return str(inside.parent if inside.name == "__init__" else inside)

    def _imported(self, path: Path) -> Iterator[str]:
        for module, name in imports(path):
            first, _, rest = module.partition(".")
            if first != self.package.name:
                continue
            whole = "/".join(filter(None, [*rest.split("."), name]))
            for candidate in (whole, whole.rpartition("/")[0]):
                if candidate in self.files:
                    yield candidate
                    break


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yields the module and the name, or '', of everything that a file imports."""
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def circles(graph: Graph) -> list[list[str]]:
    """Returns the groups of two nodes or more that reach each other."""
    reached = {node: _reached(graph, node) for node in graph}
    groups = {
        tuple(sorted(other for other in below if node in reached[other]))
        for node, below in reached.items()
        if node in below
    }
    return [list(group) for group in sorted(groups)]


def longest_chain(graph: Graph) -> list[str]:
    """Returns the longest chain, the lowest node last; a circle counts as one node."""
    of = {node: " ⇄ ".join(circle) for circle in circles(graph) for node in circle}
    condensed: dict[str, set[str]] = {}
    for node, below in graph.items():
        name = of.get(node, node)
        condensed.setdefault(name, set()).update(of.get(b, b) for b in below)
    chains: dict[str, list[str]] = {}
    for node in graphlib.TopologicalSorter(_without_loops(condensed)).static_order():
        below = (chains[other] for other in sorted(condensed[node] - {node}))
        chains[node] = [node, *max(below, key=len, default=[])]
    return max(chains.values(), key=len, default=[])


def report(layout: Layout) -> Iterator[str]:
    """Yields what is to be printed."""
    rooms, files = layout.room_imports, layout.file_imports
    yield f"files loose in {layout.package.name}/: {len(layout.loose)}"
    yield f"rooms: {len(rooms)}, {sum(map(len, rooms.values()))} arrows"
    for what, graph in (("floors of rooms", rooms), ("longest chain of files", files)):
        chain = longest_chain(graph)
        yield f"{what}: {len(chain)} ({' → '.join(chain)})"
    for what, graph in (("rooms", rooms), ("files", files)):
        found = ["{" + ", ".join(circle) + "}" for circle in circles(graph)]
        yield f"circles of {what}: {'; '.join(found) or 'none'}"
    for what, sizes in (("file", layout.sizes()), ("function", layout.function_sizes())):
        largest = max(sizes)
        yield f"largest {what}: {largest.lines} lines ({largest.name})"


@functools.cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _reached(graph: Graph, start: str) -> set[str]:
    """Returns the nodes below a node; itself only if it is in a circle."""
    found: set[str] = set()
    todo: Iterable[str] = graph[start]
    while todo := set(todo) - found:
        found |= todo
        todo = set().union(*(graph[node] for node in todo))
    return found


def _without_loops(graph: Graph) -> dict[str, set[str]]:
    return {node: below - {node} for node, below in graph.items()}


def main() -> None:
    """Prints the layout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", type=Path, default=PACKAGE, help="the package's folder")
    for line in report(Layout(parser.parse_args().package.resolve())):
        print(line)


if __name__ == "__main__":
    main()
