"""Images that occur more than once, within a split and across splits.

Equal pixels make exact duplicates. Near ones, such as copies that were resized or compressed
again, are pairs whose `miniature` differs in at most `BITS` of 63 bits and correlates by
`CORRELATION` or more; mirrored, turned and clearly cropped copies are not found.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tfadv.inspection.miniature import SIDE, fingerprints
from tfadv.inspection.survey import Survey

BITS, CORRELATION = 4, 0.98
# Differences in four bits leave two of these six parts of a fingerprint as they were: pairs are
# looked for where two parts agree, whichever they are.
_PARTS = tuple(itertools.pairwise((0, 11, 22, 33, 44, 54, 64)))
_AGREEING = len(_PARTS) - BITS
# Of images whose two parts agree each is compared with so many others, the nearest by order.
_COMPARED = 64
# So many that are alike are enough, of one image and in all.
_KEPT, _ENOUGH = 8, 2**24
_CHUNK = 2**16  # miniatures at a time
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
    telling = _contrasts(miniatures) >= _FLAT
    ones, miniatures = ones[telling], miniatures[telling]
    near = [
        Pair(Place(*places[ones[a]].tolist()), Place(*places[ones[b]].tolist()), correlation)
        for a, b, correlation in _alike(miniatures)
    ]
    return Duplicates(list(exact.values()), near)


def _alike(miniatures: np.ndarray) -> Iterator[tuple[int, int, float]]:
    """Yields the pairs of miniatures that are alike, and their correlations."""
    pairs = close(fingerprints(miniatures))
    for some in np.split(pairs, range(_CHUNK, len(pairs), _CHUNK)):
        first, second = (_standardized(miniatures[side]) for side in some.T)
        correlations = (first * second).mean(axis=1)
        alike = correlations >= CORRELATION
        for (a, b), correlation in zip(some[alike].tolist(), correlations[alike], strict=True):
            yield a, b, float(correlation)


def _standardized(miniatures: np.ndarray) -> np.ndarray:
    """Returns the grey levels [N, 64] of miniatures with mean 0 and variance 1 of each."""
    levels = miniatures.reshape(len(miniatures), SIDE * SIDE).astype(np.float32)
    levels -= levels.mean(axis=1, keepdims=True)
    return levels / levels.std(axis=1, keepdims=True)


def _contrasts(miniatures: np.ndarray) -> np.ndarray:
    """Returns the standard deviations of the grey levels of miniatures, float32 [N]."""
    some = np.split(miniatures, range(_CHUNK, len(miniatures), _CHUNK))
    return np.concatenate([one.std(axis=(1, 2), dtype=np.float32) for one in some])


def close(bits: np.ndarray) -> np.ndarray:
    """Returns the pairs of fingerprints that differ in at most `BITS` bits.

    Time and memory grow with the number of fingerprints, not of pairs: in crowds, where an
    image resembles more than `_KEPT` others or two parts of its fingerprint are those of more
    than `_COMPARED`, some pairs may be missed.

    Args:
        bits: uint64 [N].

    Returns:
        int64 [pairs, 2], the smaller number first, in order.
    """
    count, found = len(bits), [np.zeros(0, np.int64)]
    for parts in itertools.combinations(_PARTS, _AGREEING):
        mask = sum(2**end - 2**start for start, end in parts)
        keys = bits & np.uint64(mask)
        # Among equal keys by the other bits, so that neighbours are alike.
        order = np.lexsort((bits, keys))
        keys, kept, left = keys[order], np.zeros(count, np.uint8), np.arange(count)
        for ahead in range(1, _COMPARED + 1):
            left = left[(left + ahead < count) & (kept[left] < _KEPT)]
            left = left[keys[left] == keys[left + ahead]]
            if not len(left):
                break
            first, second = np.sort([order[left], order[left + ahead]], axis=0)
            alike = np.bitwise_count(bits[first] ^ bits[second]) <= BITS
            kept[left] += alike
            found.append((first * count + second)[alike])
        found = [np.unique(np.concatenate(found))]
        if len(found[0]) >= _ENOUGH:
            break
    return np.stack(np.divmod(found[0], max(count, 1)), axis=1)
