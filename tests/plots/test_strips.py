"""Clean, adversarial, difference: what stands where."""

import numpy as np
import pytest

from tfadv import plots
from tfadv.errors import UserError
from tfadv.plots.strips import amplification


def grey(value, count=1, channels=1):
    return np.full((count, 4, 6, channels), value, np.float32)


def pictures(figure):
    """Returns the drawn values by row, and left and right edges."""
    return [
        [(np.asarray(image.get_array()), image.get_extent()[:2]) for image in axes.images]
        for axes in figure.axes
    ]


@pytest.mark.parametrize(("step", "gain", "shade"), [(10, 12, 247.5), (0, 1, 127.5), (155, 1, 255)])
def test_differences_are_amplified_as_said(step, gain, shade):
    figure = plots.adversarial_strip(grey(100), grey(100 + step), titles=["$x$ → y"])
    ((clean, adversarial, difference),) = pictures(figure)
    np.testing.assert_allclose(clean[0], np.full((4, 6, 3), 100 / 255), rtol=1e-6)
    np.testing.assert_allclose(adversarial[0], (100 + step) / 255, rtol=1e-6)
    np.testing.assert_allclose(difference[0], shade / 255, rtol=1e-6)
    (axes,) = figure.axes
    assert axes.get_xticklabels()[2].get_text() == f"difference × {gain}"
    assert axes.get_title(loc="left") == r"\$x\$ → y"
    assert amplification(grey(100), grey(100 + step)) == gain


def test_epsilon_is_black_and_white():
    images = np.full((2, 4, 6, 3), 100, np.float32)
    adversarial = images + np.array([16, -16], np.float32)[:, None, None, None]
    figure = plots.adversarial_strip(images, adversarial, 16.0)
    rows = pictures(figure)
    np.testing.assert_allclose([picture[0].mean() for picture in rows[2]], [1, 0], atol=1e-6)
    names = [axes.get_ylabel() for axes in figure.axes]
    assert names == ["clean", "adversarial", "difference × 7.97"]
    assert rows[0][0][1][1] < rows[0][1][1][0]  # the images stand side by side


@pytest.mark.parametrize(("channels", "seen"), [(2, [0, 0, 0]), (4, [0, 1, 2])])
def test_of_unusual_channels_some_are_seen(channels, seen):
    images = np.arange(channels, dtype=np.float32) * np.ones((1, 4, 6, 1), np.float32)
    ((clean, *_),) = pictures(plots.adversarial_strip(images, images, titles=["x"]))
    np.testing.assert_allclose(clean[0][0, 0] * 255, seen, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((grey(1)[0], grey(1)[0]), r"images must be images \[N, H, W, C\], got \(4, 6, 1\)"),
        ((grey(1), grey(1, 2)), r"adversarial must have the shape of images, \(1, 4, 6, 1\)"),
        ((grey(1), grey(2), 0.0), r"epsilon must be > 0 \(pixels of 0..255\), got 0.0"),
        ((grey(1), grey(2), None, ["a", "b"]), r"titles must be 1, or none, got \['a', 'b'\]"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        plots.adversarial_strip(*arguments)
