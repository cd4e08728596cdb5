"""Training images mixed in pairs: MixUp and CutMix."""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from tfadv import randomness
from tfadv.data.augmentation import draw
from tfadv.data.random_erasing import inside
from tfadv.errors import check
from tfadv.registry import configurable


@configurable
@dataclasses.dataclass(frozen=True)
class Mixing:
    """How training images are mixed, each with a partner, and their labels with them.

    MixUp (Zhang et al., 2018) makes ``λ·x + (1 - λ)·x′`` with ``λ ~ Beta(α, α)``. CutMix (Yun et
    al., 2019) pastes a rectangle of x′ over x, whose sides are ``√(1 - λ)`` of the image's,
    at any centre, clipped at the edges; λ is then the share of x that is left. Labels are
    mixed as ``λ·y + (1 - λ)·y′``. An image's partner, λ and rectangle are its own, a function of
    the run's seed and the example's number; the published codes draw λ for a batch.

    Attributes:
        mixup_alpha: α of MixUp (ImageNet: 0.1 to 0.4); 0 is none.
        cutmix_alpha: α of CutMix (1 in the paper); 0 is none.
        cutmix_probability: of CutMix where both are on, of those that are mixed.
        probability: of an image to be mixed.
    """

    mixup_alpha: float = 0.0
    cutmix_alpha: float = 0.0
    cutmix_probability: float = 0.5
    probability: float = 1.0

    def __post_init__(self):
        for name in ("mixup_alpha", "cutmix_alpha"):
            value = getattr(self, name)
            check(value >= 0, f"Mixing.{name}", "be >= 0", value)
        for name in ("cutmix_probability", "probability"):
            value = getattr(self, name)
            check(0 <= value <= 1, f"Mixing.{name}", "be in 0..1", value)

    @property
    def is_on(self) -> bool:
        """Whether any image is mixed."""
        return self.probability > 0 and (self.mixup_alpha > 0 or self.cutmix_alpha > 0)

    def __str__(self) -> str:
        """What is done, for a person."""
        both = self.mixup_alpha > 0 and self.cutmix_alpha > 0
        kinds = []
        if self.mixup_alpha:
            share = f" of {1 - self.cutmix_probability:g}" if both else ""
            kinds.append(f"MixUp{share} (alpha {self.mixup_alpha:g})")
        if self.cutmix_alpha:
            share = f" of {self.cutmix_probability:g}" if both else ""
            kinds.append(f"CutMix{share} (alpha {self.cutmix_alpha:g})")
        return f"{' and '.join(kinds)}, with probability {self.probability:g}"

    def __call__(
        self, image: tf.Tensor, partner: Callable[[], tf.Tensor], seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Mixes an image with its partner.

        Args:
            image: float32 [H, W, C] in 0..255.
            partner: makes another of the same shape; asked where the image is mixed.
            seed: int64 [2], this example's stream.

        Returns:
            float32 [H, W, C] in 0..255, and the image's share λ of it, a float32 scalar.
        """

        def mixed() -> tuple[tf.Tensor, tf.Tensor]:
            other = partner()
            return tf.cond(
                self._cuts(seed),
                lambda: _pasted(image, other, _beta(seed, self.cutmix_alpha), seed),
                lambda: _blended(image, other, _beta(seed, self.mixup_alpha)),
            )

        is_mixed = draw(seed, "is mixed", (), 0.0, 1.0, tf.float32) < self.probability
        made, share = tf.cond(is_mixed, mixed, lambda: (image, tf.constant(1.0)))
        return tf.ensure_shape(made, image.shape), share

    def _cuts(self, seed: tf.Tensor) -> tf.Tensor:
        if not (self.mixup_alpha and self.cutmix_alpha):
            return tf.constant(self.cutmix_alpha > 0)
        return draw(seed, "cuts", (), 0.0, 1.0, tf.float32) < self.cutmix_probability


def partners(index: tf.Tensor, seeds: tf.Tensor, images: int) -> tf.Tensor:
    """Draws the examples whose images others are mixed with.

    Args:
        index: numbers of the examples in the run, int64 [N].
        seeds: int64 [N, 2], a stream for each.
        images: M, of a pass: a partner is any other of the M examples of its pass.

    Returns:
        Numbers of examples in the run, int64 [N].
    """
    high, low = tf.unstack(tf.cast(randomness.uniform_at(seeds, 0, 2), tf.float64), axis=1)
    steps = 1 + tf.cast((high + low / 2**24) * (images - 1), tf.int64)
    place = index % images
    return index - place + (place + tf.minimum(steps, images - 1)) % images


def _beta(seed: tf.Tensor, alpha: float) -> tf.Tensor:
    """Draws of Beta(α, α), a float32 scalar, by two gammas."""
    if not alpha:
        return tf.constant(1.0)
    # In float64 a gamma of a small α is hardly ever 0.
    seed = randomness.for_purpose(seed, "share")
    gammas = tf.random.stateless_gamma([2], seed, tf.constant(alpha, tf.float64), dtype=tf.float64)
    return tf.cast(tf.math.divide_no_nan(gammas[0], tf.reduce_sum(gammas)), tf.float32)


def _blended(image, other, share):
    return share * image + (1 - share) * other, share


def _pasted(image, other, share, seed):
    sides = tf.shape(image)[:2]
    length = tf.cast(tf.sqrt(1 - share) * tf.cast(sides, tf.float32), tf.int32)
    centre = tf.floor(draw(seed, "centre", (2,), 0.0, 1.0, tf.float32) * tf.cast(sides, tf.float32))
    first = tf.cast(centre, tf.int32) - length // 2
    begin, end = tf.maximum(first, 0), tf.minimum(first + length, sides)
    covered = tf.reduce_prod(end - begin) / tf.reduce_prod(sides)
    pasted = tf.where(inside(sides, begin, end - begin), other, image)
    return pasted, tf.cast(1 - covered, tf.float32)
