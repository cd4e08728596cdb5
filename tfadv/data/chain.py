"""Several augmentations, one after the other."""

import copy
from collections.abc import Sequence

import tensorflow as tf

from tfadv import randomness
from tfadv.data.augmentation import Augmentation, Plan
from tfadv.data.stored_image import StoredImage
from tfadv.errors import UserError, check
from tfadv.registry import AUGMENTATIONS


@AUGMENTATIONS.register("chain")
class Chain(Augmentation):
    """Several augmentations, each with a random stream of its own.

    The first may take images as they are stored. Which augmentation a stream belongs to is
    told by its place, so one more at the end leaves the draws of the others alone.

    Args:
        augmentations: specs of the augmentations in their order, ``scope/name`` or ``name``,
            built from their bindings.

    Raises:
        UserError: there is none, one that is not the first takes stored images, or two are of
            other numbers of channels.
    """

    def __init__(self, augmentations: Sequence[str]):
        check(len(augmentations) > 0, "Chain.augmentations", "name some", augmentations)
        names = [spec.rpartition("/")[2] for spec in augmentations]
        check("chain" not in names, "Chain.augmentations", "name no chain", augmentations)
        parts = [AUGMENTATIONS.build(spec, "Chain.augmentations") for spec in augmentations]
        for spec, part in zip(augmentations[1:], parts[1:], strict=True):
            if part.takes_original:
                raise UserError(
                    f"Chain.augmentations: '{spec}' takes images as they are stored, so it must be "
                    "the first",
                    "Chain.augmentations",
                )
        sizes = [part.image_size for part in parts if part.image_size is not None]
        channels = {part.channels for part in parts} - {None}
        check(len(channels) < 2, "Chain.augmentations", "be of the same channels", augmentations)
        self.image_size = sizes[-1] if sizes else None
        self.channels = channels.pop() if channels else None
        self.takes_original = parts[0].takes_original
        self._parts = tuple(parts)

    @property
    def parts(self) -> tuple[Augmentation, ...]:
        """The augmentations in their order."""
        return self._parts

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Augments one image; see `Augmentation.__call__`."""
        return self._rest(self._parts[0](image, _stream(seed, 0)), seed)

    def at_size(self, size: int) -> Augmentation:
        """Returns one that makes images of another size, where this one decides their size."""
        sized = [place for place, part in enumerate(self._parts) if part.image_size is not None]
        parts, place = list(self._parts), sized[-1] if sized else 0
        parts[place] = parts[place].at_size(size)
        resized = copy.copy(self)
        resized._parts, resized.image_size = tuple(parts), size
        return resized

    def plan(self, shapes: tf.Tensor, seeds: tf.Tensor) -> Plan:
        """Draws what the first is to do; see `Augmentation.plan`."""
        return self._parts[0].plan(shapes, _stream(seeds, 0)), seeds

    def apply(self, image: StoredImage, plan: Plan) -> tf.Tensor:
        """Augments one image as it was stored; see `Augmentation.apply`."""
        first, seed = plan
        return self._rest(self._parts[0].apply(image, first), seed)

    def _rest(self, image, seed):
        for place, part in enumerate(self._parts[1:], 1):
            image = part(tf.cast(image, tf.float32), _stream(seed, place))
        return image


def _stream(seeds, place):
    return randomness.for_purpose(seeds, f"augmentation {place}")
