"""The images of a run or an evaluation, chosen by gin and looked at."""

from collections.abc import Iterable, Sequence
from inspect import signature

from tfadv.config.validation_settings import Validation
from tfadv.data import Splits
from tfadv.data.alike import check_alike, check_extra, oddities
from tfadv.data.bad_images import BadImages
from tfadv.data.held_out import HeldOut, stratified
from tfadv.data.source import Source
from tfadv.errors import UserError
from tfadv.registry import DATASETS, configured

BOTH = Splits._fields


def build_splits(dataset: str, channels: int | None = None, used: Sequence[str] = BOTH) -> Splits:
    """Returns the images of a data set, without those that are skipped.

    Args:
        dataset: its name, as ``Experiment.dataset`` has it.
        channels: of the images, as ``Experiment.channels`` has them; None for the data set's own.
        used: the splits of which every image must be readable or skipped.

    Raises:
        UserError: a parameter, file or image is wrong.
        BadImagesError: images can't be read, and the policy is to stop.
    """
    bad_images = configured(BadImages)
    splits = _read(dataset, "Experiment.dataset", channels)
    splits = configured(HeldOut).apply(splits)
    for split in used:
        source = getattr(splits, split)
        bad_images.apply(source, source.unreadable)
    return splits


def validation_images(
    splits: Splits, settings: Validation, channels: int | None = None
) -> tuple[Splits, Source]:
    """Returns the images that are left to train and to test on, and those to validate on.

    Args:
        splits: all images.
        settings: which to hold out, or which data set to read.
        channels: see `build_splits`.

    Raises:
        UserError: see `build_splits`.
        BadImagesError: see `build_splits`.
    """
    if settings.dataset is None:
        count = settings.held_out(len(splits.train))
        rest, held = stratified(splits.train, count, settings.seed, "Validation.images")
        return splits._replace(train=rest), held
    source = _read(settings.dataset, "Validation.dataset", channels).test
    check_alike(Splits(splits.train, source))
    configured(BadImages).apply(source, source.unreadable)
    return splits, source


def odd_images(splits: Splits, others: Iterable[Source], extra: Source | None) -> Iterable[str]:
    """Returns warnings, once each, of images that are measured on beside those of training.

    Args:
        splits: images to train on and to test on.
        others: other images that are measured on.
        extra: images that are trained on as well.
    """
    pairs = (splits._replace(test=other) for other in (splits.test, *others))
    return dict.fromkeys(line for pair in pairs for line in oddities(pair, extra))


def _read(dataset: str, parameter: str, channels: int | None) -> Splits:
    """Returns the images of a data set that a parameter names."""
    if channels is not None and not _takes_channels(dataset, parameter):
        raise UserError(
            f"Experiment.channels = {channels}: the data set '{dataset}' has channels of its own",
            "Experiment.channels",
        )
    chosen = {} if channels is None else {"channels": channels}
    splits = DATASETS.build(dataset, parameter, **chosen)
    check_alike(splits)
    return splits


def build_extra(dataset: str | None, train: Source) -> Source | None:
    """Returns the training images of a second data set, without those that are skipped.

    Classes that have numbers for names are those of the first data set.

    Args:
        dataset: its name, as ``Experiment.extra`` has it; None for no images.
        train: the first data set's training images.

    Raises:
        UserError: a parameter, file or image is wrong, or they have another size or other classes.
        BadImagesError: images can't be read, and the policy is to stop.
    """
    if dataset is None:
        return None
    takes = _takes_channels(dataset, "Experiment.extra")
    chosen = {"channels": train.image_shape[-1]} if takes else {}
    extra = DATASETS.build(dataset, "Experiment.extra", **chosen).train
    extra.name = f"{extra.name} of {dataset}"  # which the first data set may be called too
    numbered = extra.class_names == tuple(map(str, range(extra.classes)))
    # Numbers end at the largest that occurs; soft labels say how many classes there are.
    fewer = extra.classes <= train.classes and not extra.has_soft_labels
    if numbered and (fewer or extra.classes == train.classes):
        extra.class_names = train.class_names
    check_extra(train, extra)
    configured(BadImages).apply(extra, extra.unreadable)
    return extra


def _takes_channels(dataset: str, parameter: str) -> bool:
    part = DATASETS.get(dataset.rpartition("/")[2], parameter)
    return "channels" in signature(part).parameters
