"""Some channels of one block's norms, as the paper's figures 5 and 6 show them."""

import difflib
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tfadv.errors import UserError

CHANNELS = 20
_RES3 = 2  # counted from 0: conv1, res2, res3


class Sample(NamedTuple):
    """Channels of a block's norms, in order of depth.

    Attributes:
        block: its name.
        of: how many channels its norms have.
        places: of each, its norm in the statistics and its number there.
    """

    block: str
    of: int
    places: tuple[tuple[Mapping, int], ...]

    def values(self, moments: Callable[[Mapping], Mapping], what: str) -> list[float]:
        """Returns one value of each channel.

        Args:
            moments: takes the moments out of a norm: ``lambda norm: norm["running"]["adv"]``.
            what: 'mean' or 'variance'.
        """
        return [moments(norm)[what][channel] for norm, channel in self.places]

    def by_norm(self) -> dict[str, list[int]]:
        """Returns the numbers of the channels, by the names of their norms."""
        grouped = itertools.groupby(self.places, lambda place: place[0]["name"])
        return {name: [channel for _, channel in some] for name, some in grouped}

    def describe(self) -> str:
        """Returns which channels they are, in words."""
        numbers = "; ".join(
            f"{name}: {', '.join(map(str, some))}" for name, some in self.by_norm().items()
        )
        return f"{len(self.places)} of the {self.of} channels of {self.block} ({numbers})."


def sampled(statistics: Mapping, block: str | None = None) -> Sample:
    """Returns `CHANNELS` channels of a block, the same ones each time, or all that it has.

    Args:
        statistics: as `norm_statistics.record` returns them.
        block: name of a block, or of one norm; None takes the `default_block`.

    Raises:
        UserError: there is no such block, or no norm keeps running statistics.
    """
    norms = norms_of(statistics)
    name = block or default_block(norms)
    places = [
        (norm, channel)
        for norm in norms
        if name in (norm["block"], norm["name"])
        for channel in range(_channels(norm))
    ]
    if not places:
        known = dict.fromkeys(one for norm in norms for one in (norm["block"], norm["name"]))
        close = difflib.get_close_matches(name, known, cutoff=0.0)
        raise UserError(f"--block: there is no '{name}'; the nearest are {', '.join(close)}")
    random = np.random.default_rng(0)
    count = min(CHANNELS, len(places))
    drawn = sorted(random.choice(len(places), count, replace=False))
    return Sample(name, len(places), tuple(places[number] for number in drawn))


def norms_of(statistics: Mapping) -> Sequence[Mapping]:
    """Returns the norms that keep running statistics.

    Raises:
        UserError: there is none.
    """
    if not statistics["norms"]:
        raise UserError(
            f"the norm of this run, '{statistics['norm']}', keeps no running statistics: there "
            "is nothing to draw; 'batch_norm' and 'mixture_batch_norm' keep some"
        )
    return statistics["norms"]


def default_block(norms: Sequence[Mapping]) -> str:
    """Returns a block in the middle of the paper's res3, the second stage of blocks.

    The stages are conv1, res2, res3, …: a stem, and then blocks whose names begin alike,
    ``stage2_block1``. A network that ends earlier has its last one taken.
    """
    blocks = dict.fromkeys(norm["block"] for norm in norms)
    grouped = itertools.groupby(blocks, lambda name: name.rpartition("_")[0] or name)
    stages = [list(some) for _, some in grouped]
    stage = stages[min(_RES3, len(stages) - 1)]
    return stage[len(stage) // 2]


def _channels(norm: Mapping) -> int:
    return len(next(iter(norm["running"].values()))["mean"])
