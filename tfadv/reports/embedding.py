"""Figures within a page that needs nothing else."""

import base64
from collections.abc import Collection
from pathlib import PurePath
from typing import NamedTuple

from matplotlib.figure import Figure

from tfadv.plots.style import DARK, LIGHT, png
from tfadv.reports.drawings import Drawing


class Picture(NamedTuple):
    """A figure on the page: PNGs as data URIs, for a light and a dark one."""

    title: str
    caption: str
    light: str
    dark: str


class Drawn(NamedTuple):
    """A picture, and the figure on light ground that it was made from."""

    picture: Picture
    figure: Figure
    light: bytes


def drawn(drawing: Drawing) -> Drawn:
    """Draws a figure on light and on dark ground."""
    figure = drawing.draw(theme=LIGHT)
    light, dark = png(figure), png(drawing.draw(theme=DARK))
    picture = Picture(drawing.title, drawing.caption, _data_uri(light), _data_uri(dark))
    return Drawn(picture, figure, light)


def unused(file: str, taken: Collection[str]) -> str:
    """Returns a name, numbered where branches such as 'adv' and 'Adv' make the same one."""
    name, number, path = file, 1, PurePath(file)
    while name in taken:
        number += 1
        name = f"{path.stem}_{number}{path.suffix}"
    return name


def _data_uri(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")
