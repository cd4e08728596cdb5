"""What becomes of images that can't be read."""

import dataclasses
from collections.abc import Iterable, Mapping

import tensorflow as tf

from tfadv.data.source import Source
from tfadv.data.tensorflow_errors import first_line
from tfadv.errors import UserError, check, check_choice
from tfadv.registry import configurable

STOP, SKIP = "stop", "skip"
# What TensorFlow's errors say where an input pipeline raised them.
_OF_INPUT = "IteratorGetNext"


class BadImagesError(UserError):
    """Images can't be read, and the policy is to stop."""


def unreadable_among(
    source: Source, indices: Iterable[int], error: tf.errors.OpError
) -> dict[int, str]:
    """Returns which images an error is due to, and why each can't be read.

    Args:
        source: the images.
        indices: those that were to be read.
        error: what TensorFlow met there.

    Raises:
        BadImagesError: none can be made out, though the input is at fault.
        tf.errors.OpError: the input is not at fault.
    """
    looked_at = {n: source.problem(n) for n in map(int, indices) if n not in source.skipped}
    bad = {number: reason for number, reason in looked_at.items() if reason}
    if not bad and _OF_INPUT in str(error):
        said = first_line(error)
        raise BadImagesError(f"{source.name}: images can't be read: {said}") from error
    if not bad:
        raise error
    return bad


@configurable
@dataclasses.dataclass(frozen=True)
class BadImages:
    """What becomes of images that can't be read: cut, empty, of another type, or gone.

    Attributes:
        policy: ``stop``, before the first step or after a save, or ``skip``: another image
            stands in for it in training, and evaluation is of the others.
        share_at_most: of the images of a split that may be skipped; more stop the run.
    """

    policy: str = STOP
    share_at_most: float = 0.05

    def __post_init__(self):
        check_choice("BadImages.policy", self.policy, (STOP, SKIP))
        share = self.share_at_most
        check(0 <= share < 1, "BadImages.share_at_most", "be in 0..1", share)

    def apply(self, source: Source, bad: Mapping[int, str]) -> None:
        """Skips some images of a source and warns of it, if that is the policy.

        Args:
            source: the images.
            bad: by number, why each can't be read.

        Raises:
            BadImagesError: the policy is to stop, or too many would be skipped; it names all.
        """
        if not bad:
            return
        unread = f"{source.name}: {len(bad):,} of {len(source):,} images can't be read"
        lines = "".join(f"\n  '{source.title(n)}' {reason}" for n, reason in sorted(bad.items()))
        if self.policy == STOP:
            remedy = "mend or remove them, or leave them out by BadImages.policy = 'skip'"
            raise BadImagesError(f"{unread}: {remedy}{lines}", "BadImages.policy")
        skipped = len({*source.skipped, *bad})
        if skipped > self.share_at_most * len(source):
            raise BadImagesError(
                f"{unread}, and {skipped:,} skipped are more than BadImages.share_at_most = "
                f"{self.share_at_most:g} allows{lines}",
                "BadImages.share_at_most",
            )
        source.skip(bad)
        source.warnings += (f"{unread} and are skipped{lines}",)
