"""The images of a run or an evaluation, chosen by gin and looked at."""

from collections.abc import Sequence
from inspect import signature

from tfadv.data import Splits
from tfadv.data.alike import check_alike
from tfadv.data.bad_images import BadImages
from tfadv.data.held_out import HeldOut
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
    part = DATASETS.get(dataset.rpartition("/")[2], "Experiment.dataset")
    if channels is not None and "channels" not in signature(part).parameters:
        raise UserError(
            f"Experiment.channels = {channels}: the data set '{dataset}' has channels of its own",
            "Experiment.channels",
        )
    chosen = {} if channels is None else {"channels": channels}
    splits = DATASETS.build(dataset, "Experiment.dataset", **chosen)
    check_alike(splits)
    splits = configured(HeldOut).apply(splits)
    for split in used:
        source = getattr(splits, split)
        bad_images.apply(source, source.unreadable)
    return splits
