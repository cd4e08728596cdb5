"""The pixels of image files, as OpenCV reads them."""

import tensorflow as tf

from tfadv.data.image_files.headers import JPEG, KINDS, PNG, Header

GREY, GREY_AND_ALPHA, COLOURS, COLOURS_AND_ALPHA = 1, 2, 3, 4
# Kinds that one decoder reads; the others are rarer.
USUAL = (JPEG, PNG)
_DCT = "INTEGER_ACCURATE"


def decoded(data: tf.Tensor, channels: int = COLOURS, kind: tf.Tensor | None = None) -> tf.Tensor:
    """Decodes an image file to the pixels of OpenCV's ``imread``, not turned.

    TensorFlow's own choice of a discrete cosine transform is a faster one that is
    off by a level on average. JPEGs of four colours (CMYK) are off by a level here. Of
    an animation it is the first picture, of 16 bits the upper ones.

    Args:
        data: the file's bytes, a scalar string.
        channels: 1 grey, 2 grey and alpha, 3 colours without alpha, 4 with it.
        kind: of the file, an integer scalar as in a `Header`; None if it is one of `USUAL`.

    Returns:
        uint8 [h, w, channels].
    """
    if channels == GREY_AND_ALPHA:
        whole = tf.io.decode_png(data, COLOURS_AND_ALPHA)
        return tf.gather(whole, [0, COLOURS_AND_ALPHA - 1], axis=-1)
    if kind is None:
        return _usual(data, channels)
    is_usual = tf.reduce_any(kind == tf.constant(USUAL, kind.dtype))
    return tf.cond(is_usual, lambda: _usual(data, channels), lambda: _unusual(data, channels))


def decoded_part(
    data: tf.Tensor, corner: tf.Tensor, size: tf.Tensor, channels: int = COLOURS
) -> tf.Tensor:
    """Decodes a rectangle of a JPEG.

    Colours are stored at half the width and interpolated, so the first and the last column
    differ from the whole image's where that goes on beside them.

    Args:
        data: the file's bytes, a scalar string.
        corner: the rectangle's first row and column, int32 [2].
        size: its height and width, int32 [2].
        channels: 1 grey, 3 colours.

    Returns:
        uint8 [*size, channels].
    """
    window = tf.concat([corner, size], 0)
    return tf.io.decode_and_crop_jpeg(data, window, channels, dct_method=_DCT)


def jpeg_shape(data: tf.Tensor) -> tf.Tensor:
    """Returns the height and width of a JPEG, int32 [2], by its header."""
    return tf.io.extract_jpeg_shape(data)[:2]


def turned_upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turns and mirrors an image [h, w, C] that lies as an EXIF orientation 1..8 says."""
    channels, on_its_side = image.shape[-1], lies_on_its_side(orientation)
    image = tf.cond(on_its_side, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    dims = tf.concat([reversed_sides(orientation), [False]], 0)
    image = tf.raw_ops.Reverse(tensor=image, dims=dims)
    return tf.ensure_shape(image, [None, None, channels])


def lies_on_its_side(orientation: tf.Tensor) -> tf.Tensor:
    """Returns whether an image is first to be transposed to be upright, a bool scalar."""
    return orientation >= 5


def reversed_sides(orientation: tf.Tensor) -> tf.Tensor:
    """Returns whether rows and columns are then to be reversed, bool [2]."""
    by_side = tf.constant([[3, 4, 7, 8], [2, 3, 6, 7]], orientation.dtype)
    return tf.reduce_any(orientation == by_side, 1)


def unfit(header: Header, channels: int) -> str:
    """Returns why a file has no such channels, to complete "the file …", or ``""``."""
    kind = KINDS[header.kind]
    if channels == GREY and header.kind == JPEG and header.channels == 4:
        return "is a JPEG of four inks, of which no grey is made: convert it to RGB"
    if channels == GREY_AND_ALPHA and (header.kind, header.channels) != (PNG, 2):
        return f"is a {kind} of {header.channels} channels, not a PNG of grey and alpha"
    if channels == COLOURS_AND_ALPHA and header.kind != PNG:
        return f"is a {kind}: alpha is read of PNGs"
    return ""


def _usual(data: tf.Tensor, channels: int) -> tf.Tensor:
    # Which reads PNGs too, and of them alpha.
    return tf.io.decode_jpeg(data, channels, dct_method=_DCT)


def _unusual(data: tf.Tensor, channels: int) -> tf.Tensor:
    image = tf.io.decode_image(data, expand_animations=False)[:, :, :COLOURS]
    image = tf.ensure_shape(image, [None, None, COLOURS])
    return image if channels == COLOURS else tf.image.rgb_to_grayscale(image)
