"""Where a norm is in its network, in words: for tables, figures and their captions."""

import re
from typing import NamedTuple

from tfadv.norms.base import Norm

# As in stage1_block1_first_norm, block_1_expand_BN, block2a_bn and conv2_block1_1_bn.
_BLOCK = re.compile(r"(.*?block_?\d+[a-z]?)(?:_|$)")


class NormPlace(NamedTuple):
    """A norm with its surroundings.

    Attributes:
        norm: not inside another one.
        name: of the unit or layer, which differs from that of any other place.
        block: the part of the network that it is in.
        before: the layer whose output it normalizes, such as "3×3 convolution".
        after: what takes its output.
    """

    norm: Norm
    name: str
    block: str
    before: str
    after: str


def block_of(name: str) -> str | None:
    """Returns the block that a layer is in by its name, None where that tells of none."""
    found = _BLOCK.match(name)
    return found[1] if found else None
