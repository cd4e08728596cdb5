"""Training images that are held out of training."""

import dataclasses

import numpy as np

from tfadv.data.permutation import shuffled
from tfadv.data.selected import SelectedImages
from tfadv.data.source import Source, Splits
from tfadv.errors import UserError, check
from tfadv.randomness import check_seed
from tfadv.registry import configurable


@configurable
@dataclasses.dataclass(frozen=True)
class HeldOut:
    """Training images to evaluate on in place of the test images, which nothing then sees.

    Attributes:
        images: how many; 0 holds none out.
        seed: draws them, whatever the run's own seed is.
    """

    images: int = 0
    seed: int = 0

    def __post_init__(self):
        check(self.images >= 0, "HeldOut.images", "be >= 0", self.images)
        check_seed("HeldOut.seed", self.seed)

    def apply(self, splits: Splits) -> Splits:
        """Returns the splits of which the second is of held-out images.

        Raises:
            UserError: none would be left to train on.
        """
        if not self.images:
            return splits
        train, _ = splits
        rule = f"be < {len(train)}, the number of training images"
        check(self.images < len(train), "HeldOut.images", rule, self.images)
        chosen = shuffled(len(train), self.seed, "held out")[: self.images]
        return Splits(*_divided(train, chosen, "HeldOut.images"))


def stratified(source: Source, count: int, seed: int, parameter: str) -> tuple[Source, Source]:
    """Divides images at random, in the proportions of their classes.

    Args:
        source: the images.
        count: how many to hold out, in 1..N-1.
        seed: draws them.
        parameter: the gin parameter that asked for it, for errors.

    Returns:
        The rest, and the held-out images, each class's share of which is that of all images to
        the nearest image (largest remainders).

    Raises:
        UserError: a source can't be made of either.
    """
    order = shuffled(len(source), seed, "validation")
    numbers = np.bincount(source.labels, minlength=source.classes)
    exact = numbers * count / len(source)
    quotas = np.floor(exact).astype(np.int64)
    largest = np.argsort(quotas - exact, kind="stable")  # the first of equals
    quotas[largest[: count - quotas.sum()]] += 1
    labels = source.labels[order]
    chosen = [order[labels == label][:quota] for label, quota in enumerate(quotas)]
    return _divided(source, np.concatenate(chosen), parameter)


def _divided(source: Source, chosen: np.ndarray, parameter: str) -> tuple[Source, Source]:
    """Returns the images that are not chosen, and those that are."""
    held = np.sort(chosen)
    rest = np.setdiff1d(np.arange(len(source)), held)
    try:
        return (
            SelectedImages(source, rest, f"{source.name} without {len(held):,} held out"),
            SelectedImages(source, held, f"{len(held):,} held out of {source.name}"),
        )
    except UserError as error:
        raise UserError(error.message, parameter) from error
