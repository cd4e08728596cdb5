"""The paper's figure 4, drawn from a model and a strategy: which images a norm measures."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from tfadv.errors import UserError
from tfadv.models.base import TrainableModel
from tfadv.models.norm_place import NormPlace
from tfadv.norms.mode import CLEAN, MAIN
from tfadv.plots.style import LIGHT, TEXT, WIDTH, Theme, plain, shortened
from tfadv.strategies import Strategy
from tfadv.strategies.network import mini_batches

_HEIGHT = 3.5  # inches, as all lengths here
_MARGIN, _GAP = 0.15, 0.2
# Bottom and top of the rows.
_IMAGES, _BEFORE, _NORMS, _OUT = (0.15, 0.65), (1.0, 1.35), (1.7, 2.35), (2.7, 3.0)
_LETTERS_AN_INCH = 15  # at the smaller size


class Route(NamedTuple):
    """A norm branch and the kinds of images that are normalized in it as one mini-batch.

    Attributes:
        branch: of the norm.
        kinds: none where training uses no images of the branch.
    """

    branch: str
    kinds: tuple[str, ...]


def routes(model: TrainableModel, strategy: Strategy) -> list[Route]:
    """Returns the branches of a model's norms, each with what a strategy trains in it.

    Raises:
        UserError: the strategy trains a branch that the norm lacks.
    """
    strategy.check_branches(model.branches)
    together = mini_batches(strategy.kinds, model.branches)
    return [Route(branch, tuple(together.get(branch, ()))) for branch in model.branches]


def diagram(model: TrainableModel, strategy: Strategy, theme: Theme = LIGHT) -> Figure:
    """Returns the way of each kind of images through the first norm (figure 4).

    Kinds that share a mini-batch end in one box: the norm measures their mixture. Kinds in
    different boxes have statistics, γ and β of their own.

    Raises:
        UserError: the network has no norm, or the strategy trains a branch that it lacks.
    """
    if not model.norm_places:
        raise UserError(f"'{model.name}' has no norm: there is nothing to draw")
    found, place = routes(model, strategy), model.norm_places[0]
    figure = Figure((WIDTH, _HEIGHT), facecolor=theme.ground)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, _HEIGHT))
    axes.axis("off")
    title = plain(f"{type(place.norm).__name__}: {_counted(found, place)}")
    top = _HEIGHT - 0.12
    axes.text(_MARGIN, top, title, size=TEXT + 1, weight="bold", color=theme.ink, va="top")
    colours = _colours(strategy, theme)
    columns = sum(max(1, len(route.kinds)) for route in found)
    width = (WIDTH - 2 * _MARGIN - (columns - 1) * _GAP) / columns
    left = _MARGIN
    for route in found:
        span = max(1, len(route.kinds)) * (width + _GAP) - _GAP
        shades = [colours[kind] for kind in route.kinds]
        _box(axes, theme, left, span, _NORMS, _of_norm(place, route), shades)
        for number, kind in enumerate(route.kinds):
            start = left + number * (width + _GAP)
            made = "attacked" if kind in strategy.attacked_kinds else "as they are"
            _box(axes, theme, start, width, _IMAGES, [f"{kind} images", made], [colours[kind]])
            for low, high in ((_IMAGES, _BEFORE), (_BEFORE, _NORMS), (_NORMS, _OUT)):
                _arrow(axes, start + width / 2, low[1], high[0], colours[kind])
        left += span + _GAP
    whole = WIDTH - 2 * _MARGIN
    _box(axes, theme, _MARGIN, whole, _BEFORE, [f"{place.before}, the same for all images"])
    _box(axes, theme, _MARGIN, whole, _OUT, [place.after])
    return figure


def _colours(strategy: Strategy, theme: Theme) -> dict[str, str]:
    """Returns the colour of each kind: the clean images' is the same in every diagram."""
    kinds = sorted(strategy.kinds, key=lambda kind: kind != CLEAN)
    first = 0 if CLEAN in kinds else 1
    return {
        kind: theme.series[number % len(theme.series)] for number, kind in enumerate(kinds, first)
    }


def _counted(found: Sequence[Route], place: NormPlace) -> str:
    batches = sum(1 for route in found if route.kinds)
    kinds = sum(len(route.kinds) for route in found)
    of = f"{kinds} kind{'s' if kinds > 1 else ''} of images"
    if not place.norm.keeps_statistics:
        return of
    return f"{of}, {batches} mini-batch{'es' if batches > 1 else ''}"


def _of_norm(place: NormPlace, route: Route) -> list[str]:
    """Returns the lines in the box of a norm's branch."""
    name = "one norm" if route.branch == MAIN else f"{route.branch} branch"
    if not route.kinds:
        return [name, "no images"]
    if not place.norm.keeps_statistics:
        return [name, "keeps no statistics"]
    measured = " + ".join(route.kinds)
    return [name, f"μ, σ² of {measured}", *(["mixed"] if len(route.kinds) > 1 else [])]


def _box(
    axes: Axes,
    theme: Theme,
    left: float,
    width: float,
    row: tuple[float, float],
    lines: Sequence[str],
    shades: Sequence[str] = (),
) -> None:
    """Draws a box with text, its ground parted among the colours of `shades`."""
    low, high = row
    colour = shades[0] if len(shades) == 1 else theme.muted
    frame = FancyBboxPatch(
        (left, low),
        width,
        high - low,
        boxstyle="round,pad=0,rounding_size=0.06",
        facecolor="none",
        edgecolor=colour,
        linewidth=1.2,
        linestyle=(0, (3, 2)) if row == _NORMS and not shades else "-",
        zorder=3,
    )
    axes.add_patch(frame)
    for number, shade in enumerate(shades):
        part = width / len(shades)
        start = (left + number * part, low)
        ground = Rectangle(start, part, high - low, facecolor=shade, alpha=0.18, linewidth=0)
        axes.add_patch(ground)
        ground.set_clip_path(frame)
    letters = int(width * _LETTERS_AN_INCH)
    text = "\n".join(plain(shortened(line, letters)) for line in lines)
    centre = (left + width / 2, (low + high) / 2)
    axes.text(
        *centre, text, ha="center", va="center", size=TEXT - 1, color=theme.ink, linespacing=1.35
    )


def _arrow(axes: Axes, x: float, low: float, high: float, colour: str) -> None:
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (x, high), (x, low), arrowprops=style)
