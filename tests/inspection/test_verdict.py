"""What makes images unfit to train on, and what is only told."""

import hashlib

import numpy as np
import pytest
from shared.image_sets import smooth
from shared.tiny_data import array_source

from tfadv.data import ArraySource
from tfadv.inspection import duplicates, verdict
from tfadv.inspection.seen import DAMAGED, ODD, UNREADABLE, Finding
from tfadv.inspection.survey import Survey

NAMES = ["cat", "dog", "owl"]


def surveyed(split, images, labels, names=NAMES):
    survey = Survey(split, array_source(split, np.stack(images), np.array(labels), names))
    survey.look(1, lambda done: None)
    return survey


def sound(split, seed=0, count=6):
    images = [smooth(seed + number) for number in range(count)]
    return surveyed(split, images, np.arange(count) % 3)


def judged(*surveys, is_imagenet=False):
    found = duplicates.find(surveys)
    return tuple(judge(surveys, found, is_imagenet) for judge in (verdict.unfit, verdict.warnings))


def test_sound_images_are_fit():
    assert judged(sound("train"), sound("test", 100, 3)) == ([], [])


@pytest.mark.parametrize(
    ("kind", "unfit", "warnings"),
    [
        (UNREADABLE, ["all: 2 of 6 images can't be read"], []),
        (DAMAGED, ["all: 2 of 6 images are damaged: a part of their pixels is made up"], []),
        (ODD, [], ["all: 2 of 6 images are unusual"]),
    ],
)
def test_findings_are_counted(kind, unfit, warnings):
    survey = sound("all")
    survey.findings = {1: (Finding(kind, "is so"),) * 2, 4: (Finding(kind, "is so"),)}
    assert judged(survey) == (unfit, warnings)


def test_classes_whose_images_are_all_unreadable_are_empty():
    survey = sound("all")
    survey.heights[[1, 4]] = 0
    assert judged(survey)[0] == ["all: no image of 1 of the 3 classes: dog"]
    assert verdict.counts(survey).tolist() == [2, 0, 2]


def test_empty_classes_are_named_three_at_most():
    names = [f"class {number}" for number in range(7)]
    survey = surveyed("all", [smooth(0), smooth(1)], [0, 5], names)
    (line,) = judged(survey)[0]
    assert line == "all: no image of 5 of the 7 classes: class 1, class 2, class 3, …"


def test_one_class_is_nothing_to_tell_apart():
    train = surveyed("train", [smooth(0), smooth(1)], [0, 0], NAMES[:2])
    test = surveyed("test", [smooth(2), smooth(3)], [0, 1], NAMES[:2])
    assert any("there is nothing to tell apart" in line for line in judged(train, test)[0])


@pytest.mark.parametrize(
    ("shift", "judgement", "line"),
    [
        (0, 0, "test: 6 of 6 images are in train, too"),
        (3, 0, "test: 3 of 6 images are in train, too"),
        (5, 1, "test: 1 of 6 images are in train, too"),
    ],
)
def test_test_images_of_the_training_set(shift, judgement, line):
    found = judged(sound("train"), sound("test", shift))
    assert line in found[judgement] and line not in found[1 - judgement]


def test_test_images_that_are_copies_of_training_images():
    brighter = [np.clip(smooth(n) * 1.03, 0, 255).astype(np.uint8) for n in range(6)]
    test = surveyed("test", brighter, np.arange(6) % 3)
    unfit, warnings = judged(sound("train"), test)
    assert unfit == ["test: 6 of 6 images look like some of train"]
    assert warnings == ["pairs of images that look alike: 6"]


def test_repeated_images_and_their_labels():
    images = [smooth(number) for number in (0, 1, 2, 0, 1)]
    unfit, warnings = judged(surveyed("all", images, [0, 1, 2, 0, 2]))
    assert not unfit and warnings == [
        "all: 2 of 5 images repeat others, pixel by pixel",
        "images that occur more than once, with different labels: 1",
    ]


@pytest.mark.parametrize(
    ("largest", "unfit", "warnings"),
    [
        (0, ["all: no pixel is above 0, of 255: are they black, or in 0..1?"], []),
        (1, ["all: no pixel is above 1, of 255: are they black, or in 0..1?"], []),
        (20, [], ["all: the largest pixel is 20, of 255: are these images in 0..255?"]),
        (255, [], []),
    ],
)
def test_dark_images(largest, unfit, warnings):
    survey = sound("all")
    survey.brightest[:] = largest
    assert judged(survey) == (unfit, warnings)


def test_unbalanced_classes():
    images = [smooth(number) for number in range(12)]
    (line,) = judged(surveyed("all", images, [0] * 10 + [1, 2]))[1]
    assert line == "all: the classes are unbalanced, of 1 to 10 images"


class Thousand(ArraySource):
    """1,000 images of the thousand classes that names are given for."""

    def __init__(self, split, names):
        images = np.full((1000, 8, 8, 3), 255, np.uint8)
        super().__init__(split, images, np.arange(1000), names)


def test_imagenets_classes_and_counts(monkeypatch):
    names = [f"n{number:08d}" for number in range(1000)]
    surveys = [Survey(split, Thousand(split, names)) for split in ("train", "test")]
    counts = [
        "train: 1,000 images, where ILSVRC 2012 has 1,281,167",
        "test: 1,000 images, where ILSVRC 2012 has 50,000",
    ]
    others = "the classes are 1,000 WordNet numbers, but not those of ILSVRC 2012"
    assert list(verdict.imagenet(surveys)) == [others, *counts]
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    monkeypatch.setattr(verdict, "_WNIDS", digest)
    assert list(verdict.imagenet(surveys)) == counts
    monkeypatch.setattr(verdict, "_PUBLISHED", {"train": 1000, "test": 1000})
    assert list(verdict.imagenet(surveys)) == []
    monkeypatch.undo()
    nothing = duplicates.Duplicates([], [])
    assert counts[0] in verdict.unfit(surveys, nothing, is_imagenet=True)
    assert counts[0] in verdict.warnings(surveys, nothing)
    other = [Survey("train", Thousand("train", [f"x{number}" for number in range(1000)]))]
    assert list(verdict.imagenet(other)) == []


def test_the_wordnet_numbers_are_imagenets(data_dir):
    lines = (data_dir / "imagenet1k_wnid_names.txt").read_text().splitlines()
    names = [line.split()[1] for line in lines if line.strip()]
    surveys = [Survey("all", Thousand("all", names))]
    assert list(verdict.imagenet(surveys)) == []
