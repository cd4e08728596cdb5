"""What was found out about a data set, as JSON values."""

import collections
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tfadv.data.image_files.headers import KINDS
from tfadv.inspection import verdict
from tfadv.inspection.duplicates import Duplicates, Place
from tfadv.inspection.seen import DAMAGED, ODD, PIXELS, UNREADABLE
from tfadv.inspection.survey import Survey

# Pairs that look alike are listed up to this number, those across splits first.
LISTED_PAIRS = 10_000
_PERCENTS = (0, 5, 25, 50, 75, 95, 100)
_CHANNELS = ("", "grey", "grey and alpha", "colours", "colours and alpha or ink")


def of(surveys: Sequence[Survey], duplicates: Duplicates, is_imagenet: bool) -> dict[str, object]:
    """Returns the record of a data set.

    Args:
        surveys: of its splits, those to train on first.
        duplicates: among them.
        is_imagenet: whether it is said to be ImageNet.

    Returns:
        `unfit` and `warnings`, lines; `splits` by name; `files`, all that are unreadable,
        damaged or odd; `duplicates`.
    """
    return {
        "unfit": verdict.unfit(surveys, duplicates, is_imagenet),
        "warnings": verdict.warnings(surveys, duplicates, is_imagenet),
        "splits": {one.split: _split(one) for one in surveys},
        "files": [file for one in surveys for file in _files(one)],
        "duplicates": _duplicates(surveys, duplicates),
    }


def refused(reason: str) -> dict[str, object]:
    """Returns the record of a data set that can't be looked at; see `of`."""
    nothing = {"exact": [], "near": [], "near_pairs": 0, "in_first_split": {}}
    return {"unfit": [reason], "warnings": [], "splits": {}, "files": [], "duplicates": nothing}


def manifest(survey: Survey) -> Iterator[dict[str, object]]:
    """Yields the record of each image in a manifest; see `tfadv.data.manifest_file`."""
    source, labels = survey.source, survey.source.labels.tolist()
    for number, label in enumerate(labels):
        readable = bool(survey.heights[number])
        contents = survey.contents[number]
        one = {
            "split": survey.split,
            "path": source.path(number),
            "bytes": int(survey.sizes[number]),
            "sha256": contents.tobytes().hex() if contents.any() else None,
            "label": label,
            "class": source.class_names[label],
            "height": int(survey.heights[number]) if readable else None,
            "width": int(survey.widths[number]) if readable else None,
            "channels": int(survey.channels[number]) if readable else None,
        }
        reasons = [f.reason for f in survey.findings.get(number, ()) if f.kind == UNREADABLE]
        yield one | ({"problem": reasons[0]} if reasons else {})


def place(survey: Survey, number: int) -> dict[str, object]:
    """Returns where an image is."""
    source = survey.source
    class_name = source.class_names[source.labels[number]]
    return {"split": survey.split, "path": source.path(number), "class": class_name}


def _split(one: Survey) -> dict[str, object]:
    readable = one.readable
    kinds = {**dict(enumerate(KINDS)), PIXELS: "pixels in memory"}
    return {
        "source": one.source.name,
        "images": len(one),
        "bytes": int(one.sizes.sum()),
        **{kind: verdict.found_of(one, kind) for kind in (UNREADABLE, DAMAGED, ODD)},
        "classes": {
            name: int(count)
            for name, count in zip(one.source.class_names, verdict.counts(one), strict=True)
        },
        "kinds": _counted(one.kinds[readable], kinds),
        "channels": _counted(one.channels[readable], dict(enumerate(_CHANNELS))),
        "orientations": _counted(one.orientations[readable], {n: str(n) for n in range(9)}),
        "sizes": _sizes(one) if readable.any() else None,
    }


def _sizes(one: Survey) -> dict[str, object]:
    numbers = np.flatnonzero(one.readable)
    heights, widths = (side[numbers].astype(np.int64) for side in (one.heights, one.widths))
    areas = heights * widths
    extremes = {"smallest": numbers[areas.argmin()], "largest": numbers[areas.argmax()]}
    shorter, longer = np.minimum(heights, widths), np.maximum(heights, widths)
    return {
        **{
            name: place(one, number)
            | {"height": int(one.heights[number]), "width": int(one.widths[number])}
            for name, number in extremes.items()
        },
        "shorter_side": _percentiles(shorter),
        "longer_side": _percentiles(longer),
        "width_by_height": _percentiles(widths / heights),
    }


def _percentiles(values: np.ndarray) -> dict[str, float]:
    found = np.percentile(values, _PERCENTS)
    return {str(p): round(float(v), 3) for p, v in zip(_PERCENTS, found, strict=True)}


def _counted(values: np.ndarray, names: Mapping[int, str]) -> dict[str, int]:
    counts = collections.Counter(values.tolist())
    return {names[value]: count for value, count in sorted(counts.items())}


def _files(one: Survey) -> Iterator[dict[str, object]]:
    for number, found in sorted(one.findings.items()):
        for kind, reason in found:
            yield {**place(one, number), "kind": kind, "reason": reason}


def _duplicates(surveys: Sequence[Survey], duplicates: Duplicates) -> dict[str, object]:
    def at(where: Place) -> dict[str, object]:
        return place(surveys[where.split], where.number)

    near = sorted(duplicates.near, key=lambda pair: pair.first.split == pair.second.split)
    return {
        "exact": [[at(where) for where in group] for group in duplicates.exact],
        "near": [
            {"images": [at(pair.first), at(pair.second)], "correlation": round(pair.correlation, 4)}
            for pair in near[:LISTED_PAIRS]
        ],
        "near_pairs": len(near),
        "in_first_split": {
            surveys[split].split: count for split, count in verdict.in_first(duplicates).items()
        },
    }
