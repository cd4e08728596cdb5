"""The evaluation's view: resized by the shorter side, the centre cut out."""

import numpy as np
import pytest
import tensorflow as tf
from shared.opencv import REFERENCE

from tfadv.data.bicubic import Bicubic
from tfadv.data.centre_square import CentreSquare, sides
from tfadv.errors import UserError

OPENCV = Bicubic(-0.75, antialias=False, whole_pixels=True)


def test_sides_are_rounded_as_tensorpack_rounds_them():
    def expected(height, width, shorter):
        scale = shorter * 1.0 / min(height, width)
        if height < width:
            return shorter, int(scale * width + 0.5)
        return int(scale * height + 0.5), shorter

    random = np.random.default_rng(0)
    shapes = [(512, 515), (512, 513), (375, 500), (500, 333), (1, 3), (256, 256), (768, 1283)]
    shapes += random.integers(1, 3000, (200, 2)).tolist()
    for shape in shapes:
        for shorter in (224, 256):
            assert tuple(sides(tf.constant(shape), shorter).numpy()) == expected(*shape, shorter)
    # Half a pixel goes up, where TensorFlow's round takes the even neighbour.
    assert tuple(sides(tf.constant([512, 513]), 256).numpy()) == (256, 257)


def test_the_view_is_opencvs_resize_and_tensorpacks_centre():
    """Once without a resize, once from 24 x 32 to 32 x 43 pixels."""
    image = REFERENCE["read_colour"]
    view = CentreSquare(19, 24, OPENCV)(image).numpy()
    np.testing.assert_array_equal(view, image[2:21, 6:25])  # int(5 / 2), int(13 / 2)
    whole = REFERENCE["resized_32_43"].astype(float)
    found = CentreSquare(29, 32, OPENCV)(image).numpy()
    assert np.abs(found - whole[1:30, 7:36]).max() <= 1


@pytest.mark.parametrize(
    ("size", "side", "a", "message"),
    [
        (8, 7, -0.5, "shorter_side must be >= image_size = 8"),
        (0, 8, -0.5, "image_size must be > 0"),
        (8, 8, 0.75, r"cubic_a must be in -1..0, got 0.75"),
    ],
)
def test_wrong_views_are_refused(size, side, a, message):
    with pytest.raises(UserError, match=message):
        CentreSquare(size, side, Bicubic(a, antialias=True, whole_pixels=True))
