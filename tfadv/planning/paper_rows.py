"""Which row of the paper a configuration is, or is nearest to.

A parameter is a *size* if the ImageNet scale binds it, or if it belongs to a data set
or an augmentation; it says *how* a run is done or judged if it is one of `_NOT_SCIENCE`;
all others are the *science*. At the paper's own scales every size counts. Elsewhere a
scale's sizes stand for the paper's, whatever they are: PGD-10 at the digits scale is
that scale's PGD-30.
"""

import functools
from collections.abc import Mapping
from typing import Any

from tfadv import config, registry
from tfadv.config import gin_files
from tfadv.errors import UserError
from tfadv.paper import PUBLISHED_SCALE, ROWS, PaperRow, row_of

_NOT_SCIENCE = (
    "Hardware.",
    "Distribution.",
    "Evaluation.",
    *(f"Validation.{name}" for name in ("every_epochs", "examples", "batch_size", "attacks")),
    *(f"Validation.{name}" for name in ("best", "best_branch", "best_weights")),
    f"{registry.EVALUATION_SCOPE}/",
    "Experiment.scale",
    "Experiment.seed",
    "Experiment.data_digest",
    "Experiment.deterministic",
    "Training.steps_per_call",
    "Training.checkpoint_every_epochs",
    "Training.keep_every_epochs",
    "Training.micro_batch_size",
    "Training.recompute",
    "Training.average_decay",
    "Training.average_from_epoch",
    "Training.average_statistics_batches",
    "imagenet.folder",
)
_START = "Experiment.initial_weights"
Differences = dict[str, tuple[Any, Any]]


def recipe_of(values: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Returns the recipe and overlays of the paper's row that a configuration is.

    Its science must be the row's, exactly. Of rows that differ in sizes alone:

    - at a scale whose sizes are the paper's (``imagenet``, ``imagenet_1gpu``, ...) it
      is the one that agrees in every size;
    - at any other, it is the one whose own sizes (``PGD.steps`` of
      ``gin/attack/pgd10.gin``, ``ResNet.blocks`` of ``gin/depth/200.gin``) were all
      chosen: the configuration has them, and they are not what its scale has anyway.
      Where none was chosen it is the row without sizes of its own, and where those of
      two rows were, it is none.

    Args:
        values: bindings by ``Name.parameter``, as `Config.values` has them.

    Returns:
        The files without the scale, None if the paper has no such row.
    """
    alike = [row for row in ROWS if not _science(_differences(row, values))]
    scale = _of_scale(values.get("Experiment.scale"))
    if _is_the_papers(scale):
        exact = [row for row in alike if not _differences(row, values)]
        return exact[0].files if exact else None
    chosen = [row for row in alike if _has_chosen(values, _own_sizes(row.files), scale or {})]
    if chosen:
        largest = max(chosen, key=lambda row: len(_own_sizes(row.files)))
        one_has_all = all(
            _own_sizes(row.files).keys() <= _own_sizes(largest.files).keys() for row in chosen
        )
        return largest.files if one_has_all else None
    plain = [row for row in alike if not _own_sizes(row.files)] or alike
    return plain[0].files if len(plain) == 1 else None


def nearest_row(values: Mapping[str, Any]) -> tuple[PaperRow, Differences]:
    """Returns the paper's row that a configuration is, or else is nearest to.

    Science counts before sizes, and sizes only at the paper's own scales.

    Args:
        values: bindings by ``Name.parameter``.

    Returns:
        The row, and for each parameter that differs the row's value and ours.
    """
    files = recipe_of(values)
    if files is not None:
        row = row_of(files)
        return row, _differences(row, values)
    sizes_count = _is_the_papers(_of_scale(values.get("Experiment.scale")))

    def distance(candidate: tuple[PaperRow, Differences]) -> tuple[int, int]:
        differences = candidate[1]
        return len(_science(differences)), len(differences) if sizes_count else 0

    return min(((row, _differences(row, values)) for row in ROWS), key=distance)


def _differences(row: PaperRow, values: Mapping[str, Any]) -> Differences:
    """Returns the parameters, of all that matter, in which a row differs."""
    theirs = _published(row.files)
    found = {}
    # The paper finetunes what was trained before, and starts at random elsewhere.
    finetunes = theirs.get("Training.train_only") == "norms"
    for key in sorted(theirs | values):
        if key.startswith(_NOT_SCIENCE) or (finetunes and key == _START):
            continue
        pair = tuple(
            side[key] if key in side else registry.default(key) for side in (theirs, values)
        )
        if not _same(*pair):
            found[key] = pair
    return found


def _science(differences: Differences) -> list[str]:
    """Returns the parameters that are no sizes."""
    return [key for key in differences if not _is_size(key)]


def _is_size(key: str) -> bool:
    kinds = (registry.DATASETS, registry.AUGMENTATIONS)
    of_data = {part.__name__ for kind in kinds for part in kind.parts.values()}
    return key in _published(()) or key.partition(".")[0] in of_data


@functools.cache
def _published(files: tuple[str, ...]) -> dict[str, Any]:
    return config.values_of([*files, PUBLISHED_SCALE])


@functools.cache
def _own_sizes(files: tuple[str, ...]) -> dict[str, Any]:
    """Returns the sizes that a row's recipe and overlays bind."""
    lines = (line for file in files for line in gin_files.file_lines(file, "the paper's row"))
    return {line.key: line.statement.value for line in lines if line.key and _is_size(line.key)}


@functools.cache
def _of_scale(name: str | None) -> dict[str, Any] | None:
    """Returns what the scale file of this name binds, None if there is none."""
    file = f"gin/scale/{name}.gin"
    try:
        gin_files.find_file(file, "Experiment.scale")
    except UserError:  # a scale of the user's own may lie anywhere
        return None
    return config.values_of([file])


def _is_the_papers(scale: Mapping[str, Any] | None) -> bool:
    """Returns whether a scale's sizes are all the paper's."""
    if scale is None:
        return False
    theirs = _published(())
    differing = [key for key in theirs | scale if not _same(theirs.get(key), scale.get(key))]
    return all(key.startswith(_NOT_SCIENCE) for key in differing)


def _has_chosen(
    values: Mapping[str, Any], sizes: Mapping[str, Any], scale: Mapping[str, Any]
) -> bool:
    """Returns whether a configuration has all of some sizes, not just by its scale."""
    has_them = all(_same(values.get(key), size) for key, size in sizes.items())
    return has_them and any(not _same(scale.get(key), size) for key, size in sizes.items())


def _same(one: Any, other: Any) -> bool:
    one, other = (tuple(value) if isinstance(value, list) else value for value in (one, other))
    return one == other
