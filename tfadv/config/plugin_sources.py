"""The files that a plugin's source consists of: its modules and what these import from beside them.

Imports are read, not run: one inside a function counts before that is ever called.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path


def with_imports(files: Mapping[str, Path]) -> dict[str, Path]:
    """Returns modules and all that they import from their own packages or folders.

    Args:
        files: of the modules to start from, by name.

    Returns:
        Files by module; packages on the way, whose ``__init__`` runs too, are among them.
    """
    found, left = dict(files), list(files.items())
    while left:
        module, file = left.pop()
        for name in _imported(module, file):
            for inside in _prefixes(name):
                source = None if inside in found else _beside(module, file, inside)
                if source:
                    found[inside] = source
                    left.append((inside, source))
    return found


def _imported(module: str, file: Path) -> Iterator[str]:
    """Yields the full names that a module's source imports, those of its attributes too."""
    yield module  # for the packages that it is in
    if file.suffix != ".py":
        return
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_bytes(), str(file))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                kept = parents[: len(parents) - node.level + 1]
                base = ".".join([*kept, base] if base else kept)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _prefixes(name: str) -> list[str]:
    """Returns ``a``, ``a.b`` and ``a.b.c`` for ``a.b.c``."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _beside(module: str, file: Path, wanted: str) -> Path | None:
    """Returns the file of a module in the same package, or for a lone file in its folder."""
    own, (root, *inner) = module.partition(".")[0], wanted.split(".")
    package = sys.modules.get(own)
    if root == "tfadv":  # which every plugin imports, and which is no part of it
        return None
    if hasattr(package, "__path__"):
        if root != own:
            return None
        if not inner:
            return Path(package.__file__) if getattr(package, "__file__", None) else None
        folders = [Path(folder) for folder in package.__path__]
    elif any(file.parent.glob("*.dist-info")):  # among installed packages: not its folder
        return None
    else:
        folders, inner = [file.parent], [root, *inner]
    places = [folder.joinpath(*inner) for folder in folders]
    candidates = [path for place in places for path in (place / "__init__.py", _module(place))]
    return next((path for path in candidates if path.is_file()), None)


def _module(place: Path) -> Path:
    return place.with_name(f"{place.name}.py")
