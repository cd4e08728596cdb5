"""Bicubic resizing as OpenCV and Pillow do it."""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Bicubic:
    """A way to resize images, one side after the other.

    A pixel at distance t, in source pixels, has the weight (Keys, 1981):
    ``(a + 2)·|t|³ - (a + 3)·|t|² + 1`` for ``|t| ≤ 1``,
    ``a·|t|³ - 5a·|t|² + 8a·|t| - 4a`` for ``1 < |t| < 2``, and 0 beyond.

    TensorFlow's operation of this name is neither of the two below: its kernel has
    a = -0.5 where OpenCV's has -0.75, and it keeps fractions of pixels.

    Attributes:
        cubic_a: a of the kernel, which sharpens: -0.75 is OpenCV's
            ``INTER_CUBIC``, -0.5 Pillow's ``BICUBIC``.
        antialias: whether the kernel is widened where an image is made smaller, as
            Pillow does; OpenCV does not. At the image's border Pillow leaves out what
            is beyond, OpenCV repeats the last pixel.
        whole_pixels: whether results are rounded to whole pixels, as both do with
            uint8 images (Pillow after each direction).
    """

    cubic_a: float
    antialias: bool
    whole_pixels: bool

    def __call__(
        self,
        image: tf.Tensor,
        size: tf.Tensor,
        corner: tf.Tensor,
        window: tuple[int | tf.Tensor, int | tf.Tensor],
    ) -> tf.Tensor:
        """Returns a window of the resized image, without making the rest.

        Args:
            image: float32 [h, w, C] in 0..255, C known.
            size: int32 [2], height and width of the whole resized image.
            corner: int32 [2], the window's first row and column in it.
            window: height and width of the window.

        Returns:
            float32 [*window, C] in 0..255.
        """
        # Which side comes first matters to the rounding between, which Pillow alone has.
        first, second = (1, 0) if self.antialias else (0, 1)
        image = self._along(image, first, size[first], corner[first], window[first])
        if self.antialias:
            image = self._finished(image)
        image = self._along(image, second, size[second], corner[second], window[second])
        known = [side if isinstance(side, int) else None for side in window]
        return tf.ensure_shape(self._finished(image), [*known, image.shape[-1]])

    def whole(self, image: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        """Returns the whole resized image.

        Args:
            image: float32 [h, w, C] in 0..255, C known.
            size: int32 [2], the new height and width.

        Returns:
            float32 [*size, C] in 0..255.
        """
        return self(image, size, tf.zeros(2, tf.int32), (size[0], size[1]))

    def _along(self, image, side, new, first, count):
        """Resizes one side; whole lines are mixed, which are contiguous in memory."""
        image = tf.transpose(image, [1, 0, 2]) if side else image
        (old, across), channels = tf.unstack(tf.shape(image)[:2]), image.shape[-1]
        lines = self._mixed(tf.reshape(image, [old, across * channels]), old, new, first, count)
        image = tf.reshape(lines, [count, across, channels])
        return tf.transpose(image, [1, 0, 2]) if side else image

    def _mixed(self, lines, old, new, first, count):
        """Returns `count` lines from `first` on, of the `new` ones that `old` ones become."""
        stretch = tf.cast(old, tf.float64) / tf.cast(new, tf.float64)
        middle = (tf.cast(tf.range(first, first + count), tf.float64) + 0.5) * stretch - 0.5
        if self.antialias:
            stretch = tf.maximum(stretch, 1)
            distance = middle[:, None] - tf.range(tf.cast(old, tf.float64), dtype=tf.float64)
            weights = self._kernel(tf.cast(distance / stretch, tf.float32))
            return (weights / tf.reduce_sum(weights, 1, keepdims=True)) @ lines
        near = tf.floor(middle)[:, None] + tf.constant([-1, 0, 1, 2], tf.float64)
        weights = self._kernel(tf.cast(middle[:, None] - near, tf.float32))
        near = tf.clip_by_value(tf.cast(near, tf.int32), 0, old - 1)
        return tf.add_n(
            [tf.gather(lines, near[:, tap]) * weights[:, tap, None] for tap in range(4)]
        )

    def _kernel(self, distance):
        a, t = self.cubic_a, tf.abs(distance)
        inner = ((a + 2) * t - (a + 3)) * t * t + 1
        outer = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
        return tf.where(t <= 1, inner, tf.where(t < 2, outer, 0.0))

    def _finished(self, image):
        image = tf.clip_by_value(image, 0.0, 255.0)
        return tf.round(image) if self.whole_pixels else image
