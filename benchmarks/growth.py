"""Draws how a cost grows."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tfadv.plots import style


def draw(
    path: Path,
    title: str,
    names: tuple[str, str],
    lines: Mapping[str, Sequence[tuple[float, float]]],
) -> None:
    """Writes lines as PNG, both axes from 0.

    Args:
        path: of the file.
        title: above them.
        names: of the axes, across and up.
        lines: points by a line's name.
    """
    figure, axes = style.canvas(style.LIGHT, title, 3.2)
    style.name_axes(axes, style.LIGHT, *names)
    for number, (name, points) in enumerate(lines.items()):
        colour, marker = style.look(style.LIGHT, number)
        axes.plot(*zip(*sorted(points), strict=True), color=colour, marker=marker, label=name)
    axes.set(xlim=(0, None), ylim=(0, None))
    style.explain(figure, axes, style.LIGHT)
    path.write_bytes(style.png(figure))
