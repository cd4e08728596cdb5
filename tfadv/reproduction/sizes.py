"""What the sizes of the paper's models come to at another scale.

A scale's own sizes stand for the paper's: its N for PGD-30, its batch for 4096 images, its
network for ResNet-152. What a row of the paper changes, it changes here in proportion:

- steps of the training attack by their ratio to 30, and α so that N·α/ε is the paper's;
- ε, batch, epochs and learning rate by their ratio to the paper's;
- the blocks of the network by their number, those beyond a scale's own in its inner stages,
  as in the paper's networks.

At the paper's own scales this gives the paper's own sizes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tfadv import config
from tfadv.config import gin_files
from tfadv.paper import PUBLISHED_SCALE
from tfadv.reproduction.experiment import Files

_BY_RATIO = ("PGD.epsilon", "Training.batch_size", "Training.epochs", "LearningRate.rate_per_256")
_STEPS, _STEP_SIZE, _EPSILON = "PGD.steps", "PGD.step_size", "PGD.epsilon"
_BLOCKS, _EPOCHS, _DECAY = "ResNet.blocks", "Training.epochs", "ExponentialDecay.every_epochs"


def sizes_at(files: Files, scale: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the sizes in which a model of the paper differs from a scale.

    Args:
        files: recipe and overlays of the paper's model.
        scale: what the scale binds, by ``Name.parameter``.

    Returns:
        Values by parameter. Those that a recipe or overlay of `files` binds, and that are
        the scale's own again, are bound too.
    """
    paper, whole = config.values_of([PUBLISHED_SCALE]), config.values_of([*files, PUBLISHED_SCALE])
    found: dict[str, Any] = {}
    for key in _bound_by(files):
        if key in paper and key in scale:
            found[key] = _at(key, whole, paper, scale)
    if _STEP_SIZE in found:
        found[_STEP_SIZE] = _step_size(found, whole, paper, scale)
    if _DECAY in whole and _EPOCHS in found:
        found[_DECAY] = _plain(whole[_DECAY] * found[_EPOCHS] / whole[_EPOCHS])
    return found


def _bound_by(files: Files) -> list[str]:
    """Returns the parameters that some files bind, in their order."""
    lines = (line for file in files for line in gin_files.file_lines(file, "the paper's row"))
    return list(dict.fromkeys(line.key for line in lines if line.key))


def _at(key: str, whole: Mapping, paper: Mapping, scale: Mapping) -> Any:
    """Returns one size at the scale."""
    if whole[key] == paper[key]:
        return scale[key]
    if key == _BLOCKS:
        return blocks_at(whole[key], paper[key], scale[key])
    if key == _STEPS or key in _BY_RATIO:
        value = scale[key] * whole[key] / paper[key]
        return max(1, round(value)) if isinstance(scale[key], int) else _plain(value)
    return whole[key]


def _step_size(found: Mapping, whole: Mapping, paper: Mapping, scale: Mapping) -> float:
    """Returns the α whose N steps go as far, in ε, as the paper's."""
    if all(whole[key] == paper[key] for key in (_STEPS, _STEP_SIZE)):
        return scale[_STEP_SIZE]
    reach = whole[_STEPS] * whole[_STEP_SIZE] / whole[_EPSILON]
    epsilon = found.get(_EPSILON, scale[_EPSILON])
    return _plain(reach * epsilon / found.get(_STEPS, scale[_STEPS]))


def _plain(value: float) -> float:
    """Returns a number without the digits that a computation left at its end."""
    return float(f"{value:.6g}")


def blocks_at(whole: Sequence[int], paper: Sequence[int], scale: Sequence[int]) -> tuple[int, ...]:
    """Returns the blocks of each stage for another depth.

    Args:
        whole: the paper's network of that depth.
        paper: the paper's usual network.
        scale: the scale's usual network.

    Returns:
        As many stages as the scale has, in all ``sum(scale) · sum(whole) / sum(paper)``
        blocks and none fewer than 1. The inner stages take the difference, each in
        proportion to what it has; where there are none, all stages do.
    """
    if tuple(scale) == tuple(paper):
        return tuple(whole)
    total = round(sum(scale) * sum(whole) / sum(paper))
    inner = range(1, len(scale) - 1) if len(scale) > 2 else range(len(scale))
    blocks, step = list(scale), 1 if total > sum(scale) else -1
    while sum(blocks) != total:
        able = [stage for stage in inner if blocks[stage] + step >= 1]
        if not able:
            break
        # The stage that is farthest behind its share, or ahead of it, takes the next change.
        stage = min(able, key=lambda s: step * (blocks[s] + step) / scale[s])
        blocks[stage] += step
    return tuple(blocks)
