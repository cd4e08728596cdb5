"""What a record says of where it comes from: the run, the dates, the commits, the images."""

from collections.abc import Mapping
from pathlib import Path

import tfadv
from tfadv.config import checkout
from tfadv.data.manifest import without_times
from tfadv.runs.run_directory import RunDirectory


def of_run(path: Path) -> dict[str, object]:
    """Returns the ``run``, when it was ``trained`` first, and its ``trained_commit``."""
    starts = RunDirectory(path).starts()
    found: dict[str, object] = {"run": str(path)}
    if starts:
        found["trained"] = starts[0]["time"].partition("T")[0]
        found["trained_commit"] = starts[-1]["git_commit"]
    return found


def of_evaluation(began: str, images: Mapping[str, object] | None = None) -> dict[str, object]:
    """Returns when, by what and on what was ``evaluated``.

    Args:
        began: the date on which the evaluation began.
        images: their manifest, if there is one.
    """
    made = {"evaluated": began, "commit": checkout.commit(), "version": tfadv.__version__}
    return made | ({"images": without_times(images)} if images else {})
