"""The released pipeline's ResNets: ``.npz`` files by TensorPack's names."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tfadv.errors import UserError
from tfadv.files import read_arrays
from tfadv.interop.norm_branches import without_branches
from tfadv.interop.source_weights import PARAMETER, SourceWeights
from tfadv.models.classifier import Trainable

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


def read(model: Trainable, source: str) -> SourceWeights:
    """Returns what an ``.npz`` of the released pipeline holds for a ResNet.

    Raises:
        UserError: the network is no ResNet, another one or padded otherwise, or the file is
            damaged.
    """
    paths = dict.fromkeys(without_branches(model).values())
    try:
        names = {path: released_name(path) for path in paths}
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
    if model.padding != "same":
        raise UserError(
            f"{PARAMETER}: '{source}' is of a network with TensorFlow's padding: bind "
            "ResNet.padding = 'same'",
            "ResNet.padding",
        )
    found = {path: values[name] for path, name in names.items() if name in values}
    stem = found.get("stem/kernel")
    if stem is not None and stem.ndim == 4:
        found["stem/kernel"] = stem[:, :, ::-1]  # the pipeline feeds BGR
    return SourceWeights(found, names)


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


def _arrays(source: str) -> dict[str, np.ndarray]:
    """Returns the arrays of an ``.npz`` file by their names in the released pipeline."""
    arrays = read_arrays(Path(source), f"get it again, or choose another {PARAMETER}")
    found = {name.removesuffix(":0"): array for name, array in arrays.items()}
    if not found:
        raise UserError(f"{PARAMETER}: '{source}' holds no arrays", PARAMETER)
    return found


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
