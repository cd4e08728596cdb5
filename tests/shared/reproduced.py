"""Results of a reproduction, made up."""

from pathlib import Path

import numpy as np

from tfadv.reproduction.results import SeedResult


def seed_result(seed, right, first=0, run=Path("nowhere"), statistics=None):
    """Returns a run's result.

    Args:
        seed: of the run.
        right: bool [N] by branch and attack.
        first: index of the first image.
        run: the folder.
        statistics: of its norms.
    """
    count = len(next(iter(right.values())))
    index = np.arange(first, first + count)
    return SeedResult(seed, run, {}, run / "report.html", index, right, statistics)
