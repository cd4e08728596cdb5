"""Bicubic resizing as OpenCV and Pillow do it."""

import dataclasses
from typing import NamedTuple

import tensorflow as tf

from tfadv.data.stored_image import MARGIN, StoredImage

# Height and width, as numbers or int32 scalars.
Window = tuple[int | tf.Tensor, int | tf.Tensor]


class Crops(NamedTuple):
    """Parts of N images.

    Attributes:
        image_shape: heights and widths of the whole images, int32 [N, 2].
        corner: the parts' first rows and columns, int32 [N, 2].
        size: their heights and widths, int32 [N, 2].
    """

    image_shape: tf.Tensor
    corner: tf.Tensor
    size: tf.Tensor

    @classmethod
    def whole(cls, image_shape: tf.Tensor) -> "Crops":
        """Returns the whole images."""
        return cls(image_shape, tf.zeros_like(image_shape), image_shape)


class Resizing(NamedTuple):
    """Of what the lines of a resized image are mixed; leading dimensions are images.

    Attributes:
        corner: first row and column of what is decoded of the image, int32 [..., 2].
        extent: its height and width, int32 [..., 2].
        sources: for each row, then each column, of the resized image its number and those
            of the decoded lines that it is mixed of, int64 [..., H + W, taps, 2].
        weights: theirs, float32 [..., H + W, taps].
    """

    corner: tf.Tensor
    extent: tf.Tensor
    sources: tf.Tensor
    weights: tf.Tensor


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
        self, image: StoredImage, size: tf.Tensor, corner: tf.Tensor, window: Window
    ) -> tf.Tensor:
        """Returns a window of the resized image, without decoding or making the rest.

        Args:
            image: of C channels in 0..255.
            size: int32 [2], height and width of the whole resized image.
            corner: int32 [2], the window's first row and column in it.
            window: height and width of the window.

        Returns:
            float32 [*window, C] in 0..255.
        """
        whole = Crops.whole(image.shape[None])
        resizing = self.plan(whole, size[None], corner[None], window)
        return self.apply(image, Resizing(*(values[0] for values in resizing)), window)

    def whole(self, image: StoredImage, size: tf.Tensor) -> tf.Tensor:
        """Returns the whole resized image, of the new height and width `size`, int32 [2]."""
        return self(image, size, tf.zeros(2, tf.int32), (size[0], size[1]))

    def plan(
        self,
        crops: Crops,
        size: tf.Tensor,
        corner: tf.Tensor,
        window: Window,
        mirrored: tf.Tensor | None = None,
    ) -> Resizing:
        """Plans how parts of N images are resized.

        Args:
            crops: the parts.
            size: int32 [N, 2], height and width of the resized parts.
            corner: int32 [N, 2], the windows' first rows and columns in these.
            window: height and width of the windows.
            mirrored: bool [N], which windows are mirrored left and right; None for none.
        """
        height, width = window
        side = tf.repeat([0, 1], tf.stack([height, width]))
        line = tf.concat([tf.range(height), tf.range(width)], 0)
        place = tf.gather(corner, side, axis=1) + line
        if mirrored is not None:
            backwards = tf.concat([tf.zeros(height, tf.int32), width - 1 - 2 * tf.range(width)], 0)
            place += tf.cast(mirrored, tf.int32)[:, None] * backwards
        near, weights = self._mixture(crops.size, size, place, side)
        by_side = tf.split(near, tf.stack([height, width]), 1, num=2)
        first, last = (
            tf.stack([reduce(near, [1, 2]) for near in by_side], 1)
            for reduce in (tf.reduce_min, tf.reduce_max)
        )
        start = tf.maximum(crops.corner + first - MARGIN, 0)
        end = tf.minimum(crops.corner + last + 1 + MARGIN, crops.image_shape)
        near += tf.gather(crops.corner - start, side, axis=1)[..., None]
        lines = tf.broadcast_to(line[:, None], tf.shape(near))
        sources = tf.cast(tf.stack([lines, near], -1), tf.int64)
        return Resizing(start, end - start, sources, weights)

    def apply(self, image: StoredImage, resizing: Resizing, window: Window) -> tf.Tensor:
        """Returns a window of the resized image as it was planned; see `__call__`."""
        part = image.part(resizing.corner, resizing.extent)
        height, width, channels = *tf.unstack(resizing.extent), part.shape[-1]
        by_side = zip(
            *(tf.split(values, tf.stack(window), num=2) for values in resizing[2:]), strict=True
        )
        rows, columns = (
            _sparse(sources, weights, count, old)
            for (sources, weights), count, old in zip(by_side, window, (height, width), strict=True)
        )
        # Columns first, as Pillow does; to OpenCV's way, which rounds once, it is all the same.
        # Whole lines are mixed, which are contiguous in memory.
        lines = tf.transpose(tf.reshape(part, [height, width * channels]))
        lines = _mixed(columns, tf.reshape(tf.cast(lines, tf.float32), [width, channels * height]))
        if self.antialias:
            lines = self.finished(lines)
        lines = tf.transpose(tf.reshape(lines, [window[1] * channels, height]))
        image = tf.reshape(_mixed(rows, lines), [*window, channels])
        known = [side if isinstance(side, int) else None for side in window]
        return tf.ensure_shape(self.finished(image), [*known, channels])

    def _mixture(self, old, new, place, side):
        """Returns of what lines of images new ones are mixed, and with what weights.

        Args:
            old: int32 [N, 2], height and width before.
            new: int32 [N, 2], height and width after.
            place: int32 [N, L], some new rows and columns.
            side: int [L], 0 for a row, 1 for a column.

        Returns:
            int32 and float32 [N, L, taps].
        """
        stretch = tf.cast(old, tf.float64) / tf.cast(new, tf.float64)
        middle = (tf.cast(place, tf.float64) + 0.5) * tf.gather(stretch, side, axis=1) - 0.5
        last = tf.gather(old, side, axis=1)[..., None] - 1
        if not self.antialias:
            near = tf.floor(middle)[..., None] + tf.constant([-1, 0, 1, 2], tf.float64)
            weights = self._kernel(tf.cast(middle[..., None] - near, tf.float32))
            return tf.clip_by_value(tf.cast(near, tf.int32), 0, last), weights
        reach = 2 * tf.maximum(stretch, 1)
        taps = tf.range(tf.floor(2 * tf.reduce_max(reach)) + 1)
        near = tf.math.ceil(middle - tf.gather(reach, side, axis=1))[..., None] + taps
        distance = (middle[..., None] - near) / tf.gather(reach / 2, side, axis=1)[..., None]
        near = tf.cast(near, tf.int32)
        inside = (near >= 0) & (near <= last)
        weights = tf.where(inside, self._kernel(tf.cast(distance, tf.float32)), 0.0)
        weights /= tf.reduce_sum(weights, -1, keepdims=True)
        return tf.clip_by_value(near, 0, last), weights

    def _kernel(self, distance):
        a, t = self.cubic_a, tf.abs(distance)
        inner = ((a + 2) * t - (a + 3)) * t * t + 1
        outer = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
        return tf.where(t <= 1, inner, tf.where(t < 2, outer, 0.0))

    def finished(self, image: tf.Tensor) -> tf.Tensor:
        """Returns float32 pixels within 0..255, the nearest whole ones if they are to be whole."""
        if not self.whole_pixels:
            return tf.clip_by_value(image, 0.0, 255.0)
        # One pass does both, and rounds halves up as OpenCV and Pillow do.
        return tf.quantization.fake_quant_with_min_max_args(image, 0.0, 255.0)


def _sparse(sources, weights, count, old):
    """Returns a matrix [count, old], as TensorFlow keeps sparse ones."""
    return tf.raw_ops.SparseTensorToCSRSparseMatrix(
        indices=tf.reshape(sources, [-1, 2]),
        values=tf.reshape(weights, [-1]),
        dense_shape=tf.cast(tf.stack([count, old]), tf.int64),
    )


def _mixed(matrix, lines):
    return tf.raw_ops.SparseMatrixMatMul(a=matrix, b=lines)
