"""Whether the images to train on and those to evaluate on belong together."""

import numpy as np

from tfadv.data.source import ArraySource, Source, Splits
from tfadv.errors import UserError

# So many names are enough in a message.
_SHOWN = 3


def check_alike(splits: Splits) -> None:
    """Checks that a model of one split fits the other.

    Raises:
        UserError: the images have another size, the classes other names or another order, or
            only one class occurs in training.
    """
    train, test = splits
    if train.image_shape != test.image_shape:
        raise UserError(
            f"image_shape of {train.name} is {train.image_shape}, of {test.name} {test.image_shape}"
        )
    if train.class_names != test.class_names:
        raise UserError(_other_names(train, test))
    occurring = np.unique(train.labels)
    if len(occurring) < 2:
        raise UserError(
            f"{train.name}: every image is of class '{train.class_names[occurring[0]]}': there is "
            "nothing to tell apart"
        )


def check_extra(train: Source, extra: Source) -> None:
    """Checks that images can be trained on beside others.

    Raises:
        UserError: they have another size, or other classes.
    """
    if train.image_shape != extra.image_shape:
        raise UserError(
            f"image_shape of {extra.name} is {extra.image_shape}, of {train.name} "
            f"{train.image_shape}: Experiment.extra must be of the same",
            "Experiment.extra",
        )
    if train.class_names != extra.class_names:
        raise UserError(_other_names(train, extra), "Experiment.extra")


def oddities(splits: Splits, extra: Source | None = None) -> tuple[str, ...]:
    """Returns warnings, each of one line, about the splits and what they have in common.

    Args:
        splits: images to train on and to test on.
        extra: images that are trained on as well.
    """
    train, test = splits
    sources = [train, test, extra] if extra else [train, test]
    found = list(dict.fromkeys(line for source in sources for line in source.warnings))
    in_train, in_test = (np.bincount(s.labels, minlength=s.classes) for s in splits)
    missing = np.flatnonzero(in_train == 0)
    if len(missing):
        found.append(_missing(train, missing))
    untaught = int(in_test[missing].sum())
    if untaught:
        found.append(f"{test.name}: {untaught} images are of classes that training never sees")
    unseen = np.flatnonzero((in_test == 0) & (in_train > 0))
    if len(unseen):
        found.append(_missing(test, unseen))
    found += filter(None, [_in_both(source, test) for source in (train, extra)])
    return tuple(found)


def _in_both(train: Source | None, test: Source) -> str:
    if not isinstance(train, ArraySource) or not isinstance(test, ArraySource):
        return ""
    seen = set(train.pixel_hashes())
    both = sum(image in seen for image in test.pixel_hashes())
    if not both:
        return ""
    return f"{test.name}: {both} of {len(test)} images are in {train.name} too, pixel by pixel"


def _missing(source: Source, classes: np.ndarray) -> str:
    names = ", ".join(source.class_names[number] for number in classes[:_SHOWN])
    more = ", …" if len(classes) > _SHOWN else ""
    number = f"{len(classes)} of the {source.classes} classes"
    return f"{source.name}: no image of {number}: {names}{more}"


def _other_names(train: Source, test: Source) -> str:
    if len(train.class_names) != len(test.class_names):
        return f"{train.name} has {train.classes} classes, {test.name} {test.classes}"
    pairs = zip(train.class_names, test.class_names, strict=True)
    number, (first, second) = next((n, pair) for n, pair in enumerate(pairs) if len(set(pair)) > 1)
    same = set(train.class_names) == set(test.class_names)
    order = ": the same names in another order" if same else ""
    return f"class {number} is '{first}' in {train.name} and '{second}' in {test.name}{order}"
