"""A network's weights by what they are, and by how deep they are."""

import itertools
from collections.abc import Sequence

import keras

from tfadv.models.classifier import Trainable, norm_variables
from tfadv.models.norm_place import block_of


def weights_of(model: Trainable, groups: Sequence[str]) -> list[keras.Variable]:
    """Returns the trainable weights of some of `registry.choices.GROUPS`, in the model's order."""
    kernels = {id(variable) for variable in model.kernels}
    norms = {id(variable) for variable in norm_variables(model)}

    def group(variable: keras.Variable) -> str:
        if id(variable) in kernels:
            return "kernels"
        if id(variable) in norms:
            return "norms"
        return "biases" if variable.name == "bias" else "others"

    return [variable for variable in model.trainable_variables if group(variable) in groups]


def by_depth(model: Trainable) -> list[list[keras.Variable]]:
    """Returns the trainable weights in groups of one depth, from the images to the logits.

    Where layers are named by blocks, the first group is what comes before these, each block is
    one with what comes between the last one and it, and the last group is what comes after
    them. Where none is, each layer is a group with the norms after it.
    """
    layers = _by_layer(model)
    blocks = [block_of(layer) for layer in layers]
    if any(blocks):
        depths = _depths_of_blocks(blocks)
    else:
        norms = {id(variable) for variable in norm_variables(model)}
        begins = [any(id(one) not in norms for one in weights) for weights in layers.values()]
        depths = [max(0, number - 1) for number in itertools.accumulate(map(int, begins))]
    groups: list[list[keras.Variable]] = [[] for _ in range(max(depths, default=-1) + 1)]
    for depth, weights in zip(depths, layers.values(), strict=True):
        groups[depth] += weights
    return groups


def _by_layer(model: Trainable) -> dict[str, list[keras.Variable]]:
    """Returns the weights of each layer, or each block that is one, in the model's order."""
    found: dict[str, list[keras.Variable]] = {}
    for variable in model.trainable_variables:
        found.setdefault(variable.path.partition("/")[0], []).append(variable)
    return found


def _depths_of_blocks(blocks: Sequence[str | None]) -> list[int]:
    """Returns the depth of each layer, given the block that each is in."""
    numbers = {block: number for number, block in enumerate(dict.fromkeys(filter(None, blocks)), 1)}
    depths, following = [], len(numbers) + 1
    for place in reversed(range(len(blocks))):
        following = numbers.get(blocks[place], following)
        depths.append(following)
    depths.reverse()
    first = next(place for place, block in enumerate(blocks) if block)
    return [0 if place < first else depth for place, depth in enumerate(depths)]
