"""What the paper printed: its rows, the differences between them and where it contradicts itself.

Xie & Yuille, Intriguing properties of adversarial training at scale (ICLR 2020). Numbers
and their places enter; what compares a run with them lives in `planning`.
"""

from collections.abc import Sequence

from tfadv.paper.contradictions import CONTRADICTIONS, Contradiction
from tfadv.paper.differences import DIFFERENCES, Difference, Number
from tfadv.paper.rows import (
    PUBLISHED_SCALE,
    QUOTED,
    RELEASED_ERRORS,
    ROWS,
    TABLE7_COLUMNS,
    PaperRow,
)

__all__ = [
    "CONTRADICTIONS",
    "DIFFERENCES",
    "PUBLISHED_SCALE",
    "QUOTED",
    "RELEASED_ERRORS",
    "ROWS",
    "TABLE7_COLUMNS",
    "Contradiction",
    "Difference",
    "Number",
    "PaperRow",
    "row_of",
]


def row_of(files: Sequence[str]) -> PaperRow | None:
    """Returns the row of a recipe and overlays, None where the paper has none."""
    return next((row for row in ROWS if row.files == tuple(files)), None)
