"""Where a norm is in its network, in words: for tables, figures and their captions."""

from typing import NamedTuple

from tfadv.norms.base import Norm


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
