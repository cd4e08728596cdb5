"""Where a run may start from: another run, or the released pipeline's ResNets."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from tfadv import digests
from tfadv.errors import UserError, nearest
from tfadv.files import read_arrays
from tfadv.models import Model
from tfadv.runs.checkpoints import read_model
from tfadv.runs.run_directory import RunDirectory

PARAMETER = "Experiment.initial_weights"

# A unit of ours and the layer of the released pipeline's ResNet.
_UNITS = {"reduce": "conv1", "spatial": "conv2", "expand": "conv3", "shortcut": "convshortcut"}
_VARIABLES = {
    "kernel": "W",
    "bias": "b",
    "norm/gamma": "bn/gamma",
    "norm/beta": "bn/beta",
    "norm/moving_mean": "bn/mean/EMA",
    "norm/moving_variance": "bn/variance/EMA",
}


def load(model: Model, source: str, weights: str = "trained", wanted_by: str = PARAMETER) -> None:
    """Sets every weight and running statistic of a model.

    Args:
        model: the model.
        source: the folder of a run, whose newest whole checkpoint is taken, or an
            ``.npz`` in the released pipeline's layout.
        weights: of `WEIGHTS`: those that the run trained, or their moving average.
        wanted_by: the flag or parameter that names it, for errors.

    Raises:
        UserError: no checkpoint is whole, or a weight is missing, has another shape or is
            not finite; nothing is set.
    """
    run = RunDirectory(Path(source))
    if _is_npz(source):
        values = _released(model, source)
    elif run.has_checkpoint:
        values = read_model(run.checkpoints_path, weights, run.bound_to())
    else:
        raise UserError(
            f"{PARAMETER}: '{source}' is neither an .npz file nor the folder of a run with "
            "checkpoints",
            PARAMETER,
        )
    _check(model, values, source, wanted_by)
    for variable in model.variables:
        variable.assign(values[variable.path])


def digest(source: str) -> str | None:
    """Returns a digest of the weights that `load` would read; None where there are none.

    Raises:
        UserError: there are checkpoints, and none is whole.
    """
    run = RunDirectory(Path(source))
    if _is_npz(source):
        return digests.of_path(Path(source))
    if not run.has_checkpoint:
        return None
    return digests.of_arrays(read_model(run.checkpoints_path, bound_to=run.bound_to()))


def released_name(path: str) -> str:
    """Returns the released pipeline's name of a variable of a ResNet.

    Args:
        path: ours, such as ``stage1_block2/spatial/norm/gamma``.

    Raises:
        KeyError: it has no such variable.
    """
    layer, _, variable = path.partition("/")
    block = re.fullmatch(r"stage(\d+)_block(\d+)", layer)
    if block:
        unit, _, variable = variable.partition("/")
        stage, number = (int(digits) - 1 for digits in block.groups())
        layer = f"group{stage}/block{number}/{_UNITS[unit]}"
    else:
        layer = {"stem": "conv0", "head": "linear"}[layer]
    return f"{layer}/{_VARIABLES[variable]}"


def _is_npz(source: str) -> bool:
    return source.endswith(".npz") and Path(source).is_file()


def _released(model: Model, source: str) -> dict[str, np.ndarray]:
    try:
        names = {variable.path: released_name(variable.path) for variable in model.variables}
    except KeyError:
        raise UserError(
            f"{PARAMETER}: '{source}' holds a ResNet with batch norm; this model is another",
            PARAMETER,
        ) from None
    values = _arrays(source)
    theirs, ours = _blocks(values), _blocks(names.values())
    if theirs != ours:
        raise UserError(
            f"{PARAMETER}: '{source}' is {_described(theirs)}, this model {_described(ours)}",
            PARAMETER,
        )
    unused = sorted(name for name in values if "/" in name and name not in names.values())
    if unused:
        raise UserError(
            f"{PARAMETER}: '{source}' has {unused[0]}, which this model lacks", PARAMETER
        )
    found = {path: values[name] for path, name in names.items() if name in values}
    stem = found.get("stem/kernel")
    if stem is not None and stem.ndim == 4:
        found["stem/kernel"] = stem[:, :, ::-1]  # the pipeline feeds BGR
    return found


def _arrays(source: str) -> dict[str, np.ndarray]:
    """Returns the arrays of an ``.npz`` file by their names in the released pipeline."""
    arrays = read_arrays(Path(source), f"get it again, or choose another {PARAMETER}")
    found = {name.removesuffix(":0"): array for name, array in arrays.items()}
    if not found:
        raise UserError(f"{PARAMETER}: '{source}' holds no arrays", PARAMETER)
    return found


def _check(model: Model, values: Mapping[str, np.ndarray], source: str, wanted_by: str) -> None:
    for variable in model.variables:
        if variable.path not in values:
            raise UserError(
                f"{wanted_by}: '{source}' has no {variable.path}." + nearest(variable.path, values),
                wanted_by,
            )
        shape = values[variable.path].shape
        if shape != tuple(variable.shape):
            raise UserError(
                f"{wanted_by}: {variable.path} of '{source}' has shape {shape}, this model's "
                f"{tuple(variable.shape)}",
                wanted_by,
            )
        if not np.isfinite(values[variable.path]).all():
            raise UserError(
                f"{wanted_by}: {variable.path} of '{source}' holds numbers that are not finite",
                wanted_by,
            )


def _blocks(names: Iterable[str]) -> tuple[int, ...]:
    """Returns the number of blocks of each stage, by the released names."""
    found = {
        match.groups() for name in names if (match := re.match(r"group(\d+)/block(\d+)/", name))
    }
    stages = sorted({int(stage) for stage, _ in found})
    return tuple(sum(int(stage) == number for stage, _ in found) for number in stages)


def _described(blocks: tuple[int, ...]) -> str:
    if not blocks:
        return "no ResNet"
    return f"a ResNet-{3 * sum(blocks) + 2} ({'-'.join(map(str, blocks))})"
