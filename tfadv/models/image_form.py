"""How a model made elsewhere takes its images, and how 0..255 pixels become those."""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from tfadv.errors import UserError, check, check_choice
from tfadv.pixels import PIXEL_RANGE, PixelRange, from_pixels

LAYOUTS = ("NHWC", "NCHW")
COLORS = ("RGB", "BGR")
DTYPES = (tf.float32, tf.float16, tf.bfloat16, tf.float64, tf.uint8)


@dataclasses.dataclass(frozen=True)
class ImageForm:
    """What becomes of pixels before a model sees them: range, colour, mean and std, layout.

    Attributes:
        pixel_range: what 0..255 is mapped onto.
        layout: ``NHWC`` or ``NCHW``.
        color: ``RGB``, or ``BGR`` where the model takes blue first.
        mean: in units of the range, for each channel in the order of `color`, or one for
            all; it is subtracted.
        std: likewise; what is left is divided by it.
        dtype: of the model's input. Pixels are rounded for integers, which have no gradient.
        batch: how many images the model takes at once; None for any number.

    Raises:
        UserError: there is no such layout or colour, or the numbers can't be meant so.
    """

    pixel_range: PixelRange
    layout: str = "NHWC"
    color: str = "RGB"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    dtype: tf.DType = tf.float32
    batch: int | None = None

    def __post_init__(self):
        check_choice("--layout", self.layout, LAYOUTS)
        check_choice("--color", self.color, COLORS)
        low, high = self.pixel_range
        inside = all(low <= value <= high for value in self.mean)
        check(inside, "--pixel_mean", f"be in --pixel_range, {low:g}..{high:g}", self.mean)
        positive = all(value > 0 for value in self.std)
        check(positive, "--pixel_std", "be > 0 (in units of --pixel_range)", self.std)

    def check_channels(self, channels: int) -> None:
        """Raises `UserError` unless images of so many channels can be taken so."""
        for flag, values in (("--pixel_mean", self.mean), ("--pixel_std", self.std)):
            rule = f"be one number or {channels}, one for each channel of the images"
            check(len(values) in (0, 1, channels), flag, rule, values)
        if self.color == "BGR" and channels != 3:
            raise UserError(f"--color: images of {channels} channels have no order of colours")

    def check_dtype(self, name: str) -> None:
        """Raises `UserError` unless the model `name` takes numbers that are made here."""
        if self.dtype not in DTYPES:
            raise UserError(
                f"--saved_model: '{name}' takes images of {self.dtype.name}, and those that "
                f"can be made are {', '.join(dtype.name for dtype in DTYPES)}"
            )
        if self.dtype == tf.uint8 and (self.pixel_range != PIXEL_RANGE or self.mean or self.std):
            raise UserError(
                f"--pixel_range: '{name}' takes whole numbers (uint8): state 0,255, and neither "
                "--pixel_mean nor --pixel_std"
            )

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Returns what the model takes for float32 images [N, H, W, C] in 0..255."""
        x = from_pixels(images, self.pixel_range)
        x = x[..., ::-1] if self.color == "BGR" else x
        x = x - tf.constant(self.mean) if self.mean else x
        x = x / tf.constant(self.std) if self.std else x
        x = tf.transpose(x, [0, 3, 1, 2]) if self.layout == "NCHW" else x
        return tf.cast(tf.round(x) if self.dtype.is_integer else x, self.dtype)

    def describe(self) -> dict[str, object]:
        """Returns what a results record says of it."""
        normalized = {"mean": list(self.mean), "std": list(self.std)}
        return {
            "pixel_range": list(self.pixel_range),
            "layout": self.layout,
            "color": self.color,
            **{name: values for name, values in normalized.items() if values},
            "dtype": self.dtype.name,
            **({"batch": self.batch} if self.batch else {}),
        }


def in_batches(function: Callable[[tf.Tensor], tf.Tensor], batch: int) -> Callable:
    """Returns a function of any number of images from one that takes so many at once.

    The last batch is filled up with its last image; what that one gives is dropped.

    Args:
        function: from tensors [batch, …] to tensors [batch, K].
        batch: how many it takes.
    """

    # It is traced as it is, so that what it raises is not wrapped.
    function = tf.autograph.experimental.do_not_convert(function)

    def whole(x: tf.Tensor) -> tf.Tensor:
        count = tf.shape(x)[0]
        missing = -count % batch
        filled = tf.concat([x, tf.repeat(x[-1:], missing, axis=0)], 0)
        parts = tf.reshape(filled, [-1, batch, *x.shape[1:]])
        one = tf.TensorSpec(None, tf.float32)
        found = tf.map_fn(function, parts, fn_output_signature=one, parallel_iterations=1)
        return tf.reshape(found, [-1, tf.shape(found)[-1]])[:count]

    return whole
