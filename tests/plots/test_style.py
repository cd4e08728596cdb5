"""One look: colours that every reader can tell apart, and the same bytes each time."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image
from shared.evaluation_records import full_record
from shared.project import PACKAGE

from benchmarks.layout import imports
from tfadv import plots
from tfadv.plots import style

# What a reader sees of linear RGB (Machado et al., 2009, severity 1).
SEEN_BY = {
    "most": np.eye(3),
    "protanopes": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopes": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def linear(colour):
    """Returns linear RGB of an sRGB colour (IEC 61966-2-1)."""
    values = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """Returns CIELAB of linear RGB, under D65."""
    xyz = XYZ @ rgb / np.array([0.9505, 1, 1.089])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("reader", SEEN_BY)
@pytest.mark.parametrize("theme", [style.LIGHT, style.DARK], ids=["light", "dark"])
def test_colours_can_be_told_apart(theme, reader):
    seen = [lab(np.clip(SEEN_BY[reader] @ linear(one), 0, 1)) for one in theme.series]
    closest = min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2))
    assert closest >= 15


@pytest.mark.parametrize("theme", [style.LIGHT, style.DARK], ids=["light", "dark"])
def test_colours_stand_out_from_the_ground(theme):
    ground, *others = (linear(one) @ XYZ[1] + 0.05 for one in (theme.ground, *theme.series))
    assert all(max(one, ground) / min(one, ground) >= 3 for one in others)  # WCAG 2.1, 1.4.11


def test_a_figure_is_the_same_in_a_notebook_in_tensorboard_and_on_disk():
    figure = plots.accuracy_curve(full_record())
    png, shown = figure._repr_png_()
    assert png == style.png(plots.accuracy_curve(full_record()))
    decoded = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    np.testing.assert_array_equal(style.pixels(figure), decoded)
    assert shown["width"] / shown["height"] == pytest.approx(
        decoded.shape[1] / decoded.shape[0], rel=0.01
    )


def test_no_state_of_pyplot_is_touched():
    for path in (PACKAGE / "plots").glob("*.py"):
        assert not any(module.startswith("matplotlib.pyplot") for module, _ in imports(path))
