"""Notebooks of the documents as scripts."""

import json
from pathlib import Path

from shared.project import ROOT

NOTEBOOKS = tuple(sorted((ROOT / "docs/notebooks").glob("*.ipynb")))


def code_cells(path: Path) -> list[dict]:
    """Returns a notebook's cells of code, as they are stored."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def script(path: Path) -> str:
    """Returns a notebook's code without what only notebooks know."""
    lines = "\n".join("".join(cell["source"]) for cell in code_cells(path)).splitlines()
    return "\n".join(line for line in lines if not line.startswith("%"))
