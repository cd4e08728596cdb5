"""The images of a run or an evaluation, chosen by gin and looked at."""

from collections.abc import Sequence

from tfadv.data import Splits
from tfadv.data.alike import check_alike
from tfadv.data.bad_images import BadImages
from tfadv.data.held_out import HeldOut
from tfadv.registry import DATASETS, configured

BOTH = Splits._fields


def build_splits(dataset: str, used: Sequence[str] = BOTH) -> Splits:
    """Returns the images of a data set, without those that are skipped.

    Args:
        dataset: its name, as ``Experiment.dataset`` has it.
        used: the splits of which every image must be readable or skipped.

    Raises:
        UserError: a parameter, file or image is wrong.
        BadImagesError: images can't be read, and the policy is to stop.
    """
    bad_images = configured(BadImages)
    splits = DATASETS.build(dataset, "Experiment.dataset")
    check_alike(splits)
    splits = configured(HeldOut).apply(splits)
    for split in used:
        source = getattr(splits, split)
        bad_images.apply(source, source.unreadable)
    return splits
