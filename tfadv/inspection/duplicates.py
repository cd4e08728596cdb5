"""Images that occur more than once, within a split and across splits.

Equal pixels make exact duplicates. Near ones, such as copies that were resized or compressed
again, are pairs whose `miniature` differs in at most `BITS` of 63 bits and correlates by
`CORRELATION` or more; mirrored, turned and clearly cropped copies are not found.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tfadv.inspection.miniature import fingerprints
from tfadv.inspection.survey import Survey

BITS, CORRELATION = 4, 0.98
# Differences in four bits leave two of these six parts of a fingerprint as they were: pairs are
# looked for where two parts agree, whichever they are.
_PARTS = tuple(itertools.pairwise((0, 11, 22, 33, 44, 54, 64)))
_AGREEING = len(_PARTS) - BITS
# Of images whose two parts agree each is compared with so many others, the nearest by order.
_COMPARED = 64
# Standard deviation of a miniature's grey levels below which it tells nothing.
_FLAT = 2.0


class Place(NamedTuple):
    """An image of some splits: the number of its split, and its own in it."""

    split: int
    number: int


class Pair(NamedTuple):
    """Two images that look alike.

    Attributes:
        first, second: the images.
        correlation: of their miniatures.
    """

    first: Place
    second: Place
    correlation: float


class Duplicates(NamedTuple):
    """Which images occur more than once.

    Attributes:
        exact: groups of two or more images of equal pixels.
        near: pairs of images that look alike; of a group, its first image stands for it.
    """

    exact: list[list[Place]]
    near: list[Pair]


def find(surveys: Sequence[Survey]) -> Duplicates:
    """Returns the duplicates among the images of some splits."""
    places = np.concatenate(
        [
            np.stack([np.full(len(one), split), np.arange(len(one))], axis=1)[one.readable]
            for split, one in enumerate(surveys)
        ]
    )
    if not len(places):
        return Duplicates([], [])
    pixels = np.concatenate([one.pixels[one.readable] for one in surveys])
    keys = np.ascontiguousarray(pixels).view("V16")[:, 0]
    _, first, group, counts = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    repeated = counts[group] > 1
    exact: dict[int, list[Place]] = {}
    for key, place in zip(group[repeated].tolist(), places[repeated].tolist(), strict=True):
        exact.setdefault(key, []).append(Place(*place))
    ones = np.sort(first)  # one image of each group
    miniatures = np.concatenate([one.miniatures[one.readable] for one in surveys])[ones]
    telling = miniatures.std(axis=(1, 2)) >= _FLAT
    ones, miniatures = ones[telling], miniatures[telling]
    near = [
        Pair(Place(*places[ones[a]].tolist()), Place(*places[ones[b]].tolist()), correlation)
        for a, b, correlation in _alike(miniatures)
    ]
    return Duplicates(list(exact.values()), near)


def _alike(miniatures: np.ndarray) -> Iterator[tuple[int, int, float]]:
    """Yields the pairs of miniatures that are alike, and their correlations."""
    pairs = close(fingerprints(miniatures))
    for a, b in pairs.tolist():
        correlation = float(np.corrcoef(miniatures[a].ravel(), miniatures[b].ravel())[0, 1])
        if correlation >= CORRELATION:
            yield a, b, correlation


def close(bits: np.ndarray) -> np.ndarray:
    """Returns the pairs of fingerprints that differ in at most `BITS` bits.

    It takes time by the number of fingerprints, not of pairs: where more than `_COMPARED`
    agree in the same parts, some pairs may be missed.

    Args:
        bits: uint64 [N].

    Returns:
        int64 [pairs, 2], the smaller number first, in order.
    """
    found = [np.zeros((0, 2), np.int64)]
    for parts in itertools.combinations(_PARTS, _AGREEING):
        mask = sum(2**end - 2**start for start, end in parts)
        keys = bits & np.uint64(mask)
        # Among equal keys by the other bits, so that neighbours are alike.
        order = np.lexsort((bits, keys))
        keys = keys[order]
        left = np.arange(len(bits))
        for ahead in range(1, _COMPARED + 1):
            left = left[left + ahead < len(bits)]
            left = left[keys[left] == keys[left + ahead]]
            if not len(left):
                break
            pairs = np.stack([order[left], order[left + ahead]], axis=1)
            apart = np.bitwise_count(bits[pairs[:, 0]] ^ bits[pairs[:, 1]])
            found.append(np.sort(pairs[apart <= BITS], axis=1))
    return np.unique(np.concatenate(found), axis=0)
