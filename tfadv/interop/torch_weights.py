"""PyTorch's weights of ResNets, from ``.safetensors``: nothing of such a file is ever run.

The names are those of torchvision's and timm's ResNets, and of the wide and pre-activation
ResNets that RobustBench loads.
"""

import re
from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import safetensors

from tfadv.errors import UserError
from tfadv.interop.norm_branches import without_branches
from tfadv.interop.source_weights import PARAMETER, SourceWeights
from tfadv.models.classifier import Trainable
from tfadv.models.resnet import ResNet
from tfadv.norms.batch_norm import BatchNorm
from tfadv.pixels import PIXEL_RANGE

# Of a unit of ours, PyTorch's convolution and norm.
_UNITS = {
    "stem": ("conv1", "bn1"),
    "head": ("fc", "bn1"),
    "reduce": ("conv1", "bn1"),
    "spatial": ("conv2", "bn2"),
    "expand": ("conv3", "bn3"),
    "first": ("conv1", "bn1"),
    "second": ("conv2", "bn2"),
    "shortcut": ("downsample.0", "downsample.1"),
}
_WIDE_UNITS = {"shortcut": ("convShortcut", "")}
_PREACTIVATION_UNITS = {"head": ("fc", "bn")}
_VARIABLES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_PATH = re.compile(r"(?:stage(\d+)_block(\d+)[/_])?([a-z]+?)([/_]norm)?/([a-z_]+)")
# Other names for the same: of RobustBench's ResNets.
_SYNONYMS = ((r"\.shortcut\.(?=\d)", ".downsample."), (r"^linear\.", "fc."))
_PIXELS = {"mu": "mean", "mean": "mean", "sigma": "std", "std": "std"}
_BLOCK = re.compile(r"(layer|block)(\d+)\.(?:layer\.)?(\d+)\.")
_EPSILON = 1e-5  # PyTorch's default, which all of these have


def read(model: Trainable, source: str) -> SourceWeights:
    """Returns what a ``.safetensors`` file holds for a ResNet.

    Raises:
        UserError: it is damaged, of another network or padding, or of other pixels, or these
            networks are known by no names of PyTorch's.
    """
    stored = _tensors(source)
    paths = tuple(dict.fromkeys(without_branches(model).values()))
    names = torch_names(model.name, paths)
    theirs, ours = _kind(stored.inside), _kind(names.values())
    if theirs != ours:
        raise UserError(
            f"{PARAMETER}: '{source}' is {theirs.words()}, this network {ours.words()}: "
            f"{theirs.remedy()}",
            PARAMETER,
        )
    counters = [name for name in stored.inside if name.endswith("num_batches_tracked")]
    known = {*names.values(), *counters}
    unused = [n for n in stored.inside if n not in known and not n.startswith("sub_block1.")]
    if unused:
        statistics = unused[0].rpartition(".")[2] in ("running_mean", "running_var")
        remedy = ": bind Experiment.norm = 'batch_norm'" if statistics else ""
        raise UserError(
            f"{PARAMETER}: '{source}' has {unused[0]}, which this network lacks{remedy}", PARAMETER
        )
    _check_padding(model, source)
    pixels = _check_pixels(model, stored, source)
    found = {
        path: _as_ours(path, stored.inside[name])
        for path, name in names.items()
        if name in stored.inside
    }
    spare = [name for name in stored.inside if name.startswith("sub_block1.")]
    left = [f"{len(counters)} counters of batches (num_batches_tracked)"] if counters else []
    left += [f"{len(spare)} tensors of sub_block1, which no forward takes"] if spare else []
    others = [name for name in stored.outside if name.rpartition(".")[2] not in _PIXELS]
    left += [f"{name}, outside of the network" for name in others]
    return SourceWeights(found, names, tuple(left), (*pixels, *_other_epsilon(model)))


def torch_names(network: str, paths: Collection[str]) -> dict[str, str]:
    """Returns PyTorch's names of a network's variables.

    Args:
        network: what the network is called.
        paths: of its variables, its norms having one branch.

    Raises:
        UserError: they are not those of one of this package's ResNets.
    """
    wide = network == "wide_resnet"
    preactivation = not wide and any(path.startswith("head_norm/") for path in paths)
    units = _UNITS | (_WIDE_UNITS if wide else _PREACTIVATION_UNITS if preactivation else {})
    found = {}
    for path in paths:
        match = _PATH.fullmatch(path)
        if not match or match[3] not in units or match[5] not in _VARIABLES:
            raise UserError(
                f"{PARAMETER}: of PyTorch's weights those of ResNets are known, and this network "
                f"({network}) has {path}: bind Experiment.model = 'resnet', 'basic_resnet' or "
                "'wide_resnet'",
                "Experiment.model",
            )
        stage, block, unit, norm, variable = match.groups()
        layer = f"{units[unit][bool(norm)]}.{_VARIABLES[variable]}"
        if stage:
            inner = "layer." if wide else ""
            layer = f"{'block' if wide else 'layer'}{stage}.{inner}{int(block) - 1}.{layer}"
        found[path] = layer
    return found


class _Stored(NamedTuple):
    """A file's tensors: those of the network by their names in it, and the others."""

    inside: dict[str, np.ndarray]
    outside: dict[str, np.ndarray]


def _tensors(source: str) -> _Stored:
    try:
        with safetensors.safe_open(source, framework="np") as file:
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, TypeError, AttributeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(
            f"{PARAMETER}: '{source}' can't be read as safetensors ({reason:.200}): write it "
            "again, in float32",
            PARAMETER,
        ) from None
    stems = [name for name in found if re.search(r"(^|\.)conv1\.weight$", name)]
    # Whatever it was wrapped in, such as DataParallel, has put its name before the others.
    before = min(stems, key=len, default="").removesuffix("conv1.weight")
    inside, outside = {}, {}
    for name, tensor in found.items():
        short = name.removeprefix(before)
        is_inside = name.startswith(before) and short.rpartition(".")[2] not in _PIXELS
        for pattern, ours in _SYNONYMS:
            short = re.sub(pattern, ours, short)
        (inside if is_inside else outside)[short if is_inside else name] = tensor
    return _Stored(inside, outside)


class _Kind(NamedTuple):
    """What tells networks apart by their names.

    Attributes:
        model: of `Experiment.model`, or None.
        blocks: of each stage.
        preactivation: of a basic ResNet.
    """

    model: str | None
    blocks: tuple[int, ...] = ()
    preactivation: bool = False

    def words(self) -> str:
        """Returns what it is called in a message."""
        if self.model is None:
            return "no ResNet that is known here"
        before = "pre-activation " if self.preactivation else ""
        return f"a {before}{self.model} of {'-'.join(map(str, self.blocks))} blocks"

    def remedy(self) -> str:
        """Returns what to bind for such a network."""
        if self.model is None:
            return "such are torchvision's and timm's ResNets, and WRN-28-10 and its kin"
        if self.model == "wide_resnet":
            return f"bind Experiment.model = 'wide_resnet', WideResNet.depth = {self._depth}"
        part = {"resnet": "ResNet", "basic_resnet": "BasicResNet"}[self.model]
        more = ", BasicResNet.preactivation = True" if self.preactivation else ""
        return f"bind Experiment.model = '{self.model}', {part}.blocks = {self.blocks}{more}"

    @property
    def _depth(self) -> int:
        return 6 * self.blocks[0] + 4


def _kind(names: Collection[str]) -> _Kind:
    found = {match.groups() for name in names if (match := _BLOCK.match(name))}
    stages = sorted({(kind, int(stage)) for kind, stage, _ in found})
    blocks = tuple(sum((k, int(s)) == stage for k, s, _ in found) for stage in stages)
    if "block1.layer.0.conv1.weight" in names and len(set(blocks)) == 1:
        return _Kind("wide_resnet", blocks)
    if "layer1.0.conv1.weight" not in names:
        return _Kind(None)
    if "layer1.0.conv3.weight" in names:
        return _Kind("resnet", blocks)
    return _Kind("basic_resnet", blocks, preactivation="bn1.weight" not in names)


def _as_ours(path: str, tensor: np.ndarray) -> np.ndarray:
    """Returns a tensor in TensorFlow's layout: [h, w, in, out] and [in, out]."""
    if path.endswith("/kernel"):
        tensor = np.transpose(tensor, (2, 3, 1, 0) if tensor.ndim == 4 else None)
    return np.asarray(tensor, np.float32)


def _check_padding(model: Trainable, source: str) -> None:
    if isinstance(model, ResNet) and model.padding != "symmetric":
        raise UserError(
            f"{PARAMETER}: '{source}' is of a network with PyTorch's padding: bind "
            "ResNet.padding = 'symmetric'",
            "ResNet.padding",
        )


def _check_pixels(model: Trainable, stored: _Stored, source: str) -> list[str]:
    """Compares the file's mean and deviation with the network's; says what it doesn't say."""
    prepare = getattr(model, "prepare", None)
    ours = {
        "mean": model.pixel_mean if prepare is None else prepare.mean,
        "std": model.pixel_std if prepare is None else prepare.std,
    }
    part = {"resnet": "ResNet", "basic_resnet": "BasicResNet", "wide_resnet": "WideResNet"}
    of_pixels = {
        _PIXELS[last]: (name, tensor)
        for name, tensor in stored.outside.items()
        if (last := name.rpartition(".")[2]) in _PIXELS
    }
    for what, (name, tensor) in of_pixels.items():
        theirs = np.ravel(tensor).astype(float) * PIXEL_RANGE[1]
        if not np.allclose(theirs, np.ravel(ours[what]), rtol=1e-4, atol=1e-3):
            stated = tuple(round(float(value), 4) for value in theirs)
            parameter = f"{part[model.name]}.pixel_{what}"
            raise UserError(
                f"{PARAMETER}: '{source}' takes pixels of another {name}: bind {parameter} = "
                f"{stated}",
                parameter,
            )
    if of_pixels:
        return []
    return [
        f"the file doesn't say which pixels it takes: {part[model.name]}.pixel_mean is "
        f"{ours['mean']} and pixel_std {ours['std']}, of 0..255"
    ]


def _other_epsilon(model: Trainable) -> list[str]:
    found = next((n.epsilon for n in model.norms.values() if isinstance(n, BatchNorm)), _EPSILON)
    return [f"PyTorch's norms have ε = {_EPSILON}, these {found}"] if found != _EPSILON else []
