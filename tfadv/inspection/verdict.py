"""Whether images are fit to train on, and what is hardly meant so."""

import collections
import hashlib
import re
from collections.abc import Iterator, Sequence

import numpy as np

from tfadv.data import ArraySource, Splits
from tfadv.data.alike import check_alike
from tfadv.data.imagenet import CLASSES, TEST_IMAGES, TRAIN_IMAGES
from tfadv.data.plausibility import DIM
from tfadv.errors import UserError
from tfadv.inspection.data_sets import TEST, TRAIN
from tfadv.inspection.duplicates import Duplicates
from tfadv.inspection.seen import DAMAGED, ODD, UNREADABLE
from tfadv.inspection.survey import Survey

_SHOWN = 3  # classes in a line
_UNBALANCED = 10  # images of the largest class by those of the smallest
# Of the images to evaluate on: where so many are trained on too, nothing is evaluated.
_SAME = 0.5
_WNID = re.compile(r"n\d{8}")
# SHA-256 of the 1,000 sorted WordNet numbers of ILSVRC 2012, one a line.
_WNIDS = "385e0240499426c022b773be1ae4da780f057b89c9694c7f47199f62746b6edd"
_PUBLISHED = {TRAIN: TRAIN_IMAGES, TEST: TEST_IMAGES}


def unfit(
    surveys: Sequence[Survey], duplicates: Duplicates, is_imagenet: bool = False
) -> list[str]:
    """Returns why nobody should train on some images, each reason in a line; none if they may.

    Args:
        surveys: of the splits, those to train on first.
        duplicates: among them.
        is_imagenet: whether they are said to be ImageNet.
    """
    found = [line for one in surveys for line in _unfit_split(one)]
    found += [line for share, line in _shared(surveys, duplicates) if share >= _SAME]
    if len(surveys) == 2:
        try:
            check_alike(Splits(*(one.source for one in surveys)))
        except UserError as error:
            found.append(error.message)
    return found + (list(imagenet(surveys)) if is_imagenet else [])


def warnings(
    surveys: Sequence[Survey], duplicates: Duplicates, is_imagenet: bool = False
) -> list[str]:
    """Returns what is to be looked at before training, each in a line; see `unfit`."""
    found = [line for one in surveys for line in _odd_split(one)]
    found += [line for share, line in _shared(surveys, duplicates) if share < _SAME]
    found += _repeated(surveys, duplicates)
    return found + ([] if is_imagenet else list(imagenet(surveys)))


def counts(survey: Survey) -> np.ndarray:
    """Returns the images of each class that can be read, int64 [K]."""
    labels = survey.source.labels[survey.readable]
    return np.bincount(labels, minlength=survey.source.classes)


def found_of(survey: Survey, kind: str) -> int:
    """Returns how many images have a finding of a kind."""
    return sum(any(f.kind == kind for f in found) for found in survey.findings.values())


def imagenet(surveys: Sequence[Survey]) -> Iterator[str]:
    """Yields in what images of ImageNet's 1,000 classes differ from ILSVRC 2012 as published."""
    names = surveys[0].source.class_names
    if len(names) != CLASSES or not all(map(_WNID.fullmatch, names)):
        return
    if hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest() != _WNIDS:
        yield "the classes are 1,000 WordNet numbers, but not those of ILSVRC 2012"
    for one in surveys:
        published = _PUBLISHED.get(one.split)
        if published not in (None, len(one)):
            yield f"{one.split}: {len(one):,} images, where ILSVRC 2012 has {published:,}"


def _unfit_split(one: Survey) -> Iterator[str]:
    total = f"of {len(one):,} images"
    unreadable, damaged = found_of(one, UNREADABLE), found_of(one, DAMAGED)
    if unreadable:
        yield f"{one.split}: {unreadable:,} {total} can't be read"
    if damaged:
        yield f"{one.split}: {damaged:,} {total} are damaged: a part of their pixels is made up"
    empty = np.flatnonzero(counts(one) == 0)
    if len(empty):
        yield (
            f"{one.split}: no image of {len(empty):,} of the {one.source.classes:,} classes: "
            + _named([one.source.class_names[label] for label in empty[: _SHOWN + 1]])
        )
    brightest = one.brightest[one.readable].max(initial=0)
    if one.readable.any() and brightest <= 1:
        yield f"{one.split}: no pixel is above {brightest}, of 255: are they black, or in 0..1?"


def _odd_split(one: Survey) -> Iterator[str]:
    if not isinstance(one.source, ArraySource):  # which looks at its pixels, as is done below
        yield from one.source.warnings
    brightest = one.brightest[one.readable].max(initial=0)
    if 1 < brightest < DIM:
        yield f"{one.split}: the largest pixel is {brightest}, of 255: are these images in 0..255?"
    odd = found_of(one, ODD)
    if odd:
        yield f"{one.split}: {odd:,} of {len(one):,} images are unusual"
    of_class = counts(one)
    of_class = of_class[of_class > 0]
    if len(of_class) and of_class.max() >= _UNBALANCED * of_class.min():
        yield (
            f"{one.split}: the classes are unbalanced, of {of_class.min():,} to "
            f"{of_class.max():,} images"
        )


def _shared(surveys: Sequence[Survey], duplicates: Duplicates) -> Iterator[tuple[float, str]]:
    """Yields the share of a split's images that are in the first split too, and says so."""
    alike = collections.Counter(
        split
        for split, _ in {p.second for p in duplicates.near if p.first.split == 0 != p.second.split}
    )
    for counts_of, how in (
        (in_first(duplicates), "are in {}, too"),
        (alike, "look like some of {}"),
    ):
        for split, count in sorted(counts_of.items()):
            one, verb = surveys[split], how.format(surveys[0].split)
            yield count / len(one), f"{one.split}: {count:,} of {len(one):,} images {verb}"


def in_first(duplicates: Duplicates) -> dict[int, int]:
    """Returns how many images of other splits are in the first one too, where there are any."""
    found = collections.Counter()
    for group in duplicates.exact:
        if group[0].split == 0:
            found.update(place.split for place in group if place.split)
    return dict(sorted(found.items()))


def other_labels(surveys: Sequence[Survey], group: Sequence) -> bool:
    """Returns whether the labels of some images differ."""
    return len({surveys[place.split].source.labels[place.number] for place in group}) > 1


def _repeated(surveys: Sequence[Survey], duplicates: Duplicates) -> Iterator[str]:
    within = collections.Counter()
    for group in duplicates.exact:
        of_split = collections.Counter(place.split for place in group)
        within.update({split: count - 1 for split, count in of_split.items() if count > 1})
    for split, count in sorted(within.items()):
        one = surveys[split]
        yield f"{one.split}: {count:,} of {len(one):,} images repeat others, pixel by pixel"
    contradictory = sum(other_labels(surveys, group) for group in duplicates.exact)
    if contradictory:
        yield f"images that occur more than once, with different labels: {contradictory:,}"
    if duplicates.near:
        yield f"pairs of images that look alike: {len(duplicates.near):,}"


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
