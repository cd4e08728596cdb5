"""The loss around an image: towards an attack's result, and in a direction at random."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfadv import randomness
from tfadv.attacks import Attack
from tfadv.attacks.objectives import margin
from tfadv.errors import UserError, check
from tfadv.losses import cross_entropy
from tfadv.models.classifier import Classifier
from tfadv.norms.mode import NormMode
from tfadv.pixels import PIXEL_RANGE, LogitsFn
from tfadv.plots.style import LIGHT, TEXT, Theme, add_scale, canvas, explain, name_axes
from tfadv.plots.tiles import as_pictures

_REACH = 1.5  # on both sides of the image, in the attack's length
_BATCH = 128
_HEIGHT = 5.2  # inches


class Surface(NamedTuple):
    """A loss on a grid, row by row: the random direction down the rows, the attack's along them.

    Attributes:
        places: along both directions, in lengths of the attack's change, float64 [P].
        loss: float32 [P, P].
        margin: largest other logit less the label's, float32 [P, P]: misclassified above 0.
    """

    places: np.ndarray
    loss: np.ndarray
    margin: np.ndarray


def loss_surface(
    model: Classifier,
    image: np.ndarray,
    label: int,
    attack: Attack,
    branch: str | None = None,
    points: int = 25,
    seed: int = 0,
    theme: Theme = LIGHT,
) -> Figure:
    """Returns the cross-entropy of one image's label around the image.

    Where gradients are masked, the loss is jagged beside the image, or flat along the attack
    and steep at random (Tramèr et al., 2018, figure 1).

    Args:
        model: the model; randomized ones answer once for each point.
        image: float [H, W, C] in 0..255.
        label: its class.
        attack: whose direction is drawn.
        branch: of the norms; None takes the model's default.
        points: of the grid along each direction, odd.
        seed: of the attack's draws and of the random direction.
        theme: the colours.

    Raises:
        UserError: as `surface`.
    """
    found = surface(model, image, label, attack, branch, points, seed)
    figure, axes = canvas(theme, f"Loss around an image, {attack.title}", _HEIGHT)
    half = (found.places[1] - found.places[0]) / 2
    ends = found.places[0] - half, found.places[-1] + half
    shown = axes.imshow(
        found.loss, cmap="cividis", origin="lower", extent=(*ends, *ends), interpolation="nearest"
    )
    axes.grid(visible=False)
    _draw_border(axes, found)
    for place, marker, words in ((0, "o", "the image"), (1, "X", "the image, attacked")):
        look = {"color": "#ffffff", "markeredgecolor": "#000000", "linestyle": "none"}
        axes.plot([place], [0], marker=marker, markersize=7, label=words, **look)
    add_scale(figure, shown, theme).set_title("loss", size=TEXT - 1, color=theme.muted)
    name_axes(axes, theme, "along the attack (1: its result)", "at random, of the same length")
    explain(figure, axes, theme)
    return figure


def surface(
    model: Classifier,
    image: np.ndarray,
    label: int,
    attack: Attack,
    branch: str | None = None,
    points: int = 25,
    seed: int = 0,
) -> Surface:
    """Returns the loss on a grid: the arguments are those of `loss_surface`.

    At (a, b) the image is ``clip(x + a·d + b·r, 0, 255)``, d the attack's change and r random
    signs without their part along d, of d's Euclidean length.

    Raises:
        UserError: the image has another shape, there is no such branch, `points` is even or
            less than 3, or the attack left the image as it is or broke down.
    """
    check(points >= 3 and points % 2 == 1, "points", "be odd, 3 or more", points)
    clean = as_pictures([image], "image")[0]
    logits_fn = model.logits_fn(NormMode(branch))
    change = attacked(logits_fn, clean, label, attack, seed) - clean
    across = _random_direction(change, seed)
    places = np.linspace(-_REACH, _REACH, points)
    grid = [(a, b) for b in places for a in places]
    step = _losses_of(logits_fn, label)
    found = [
        step(np.stack([np.clip(clean + a * change + b * across, *PIXEL_RANGE) for a, b in some]))
        for some in (grid[at : at + _BATCH] for at in range(0, len(grid), _BATCH))
    ]
    loss, margins = (
        np.concatenate(parts).reshape(points, points) for parts in zip(*found, strict=True)
    )
    return Surface(places, loss, margins)


def attacked(
    logits_fn: LogitsFn, image: np.ndarray, label: int, attack: Attack, seed: int = 0
) -> np.ndarray:
    """Returns one image attacked, float32 [H, W, C].

    Args:
        logits_fn: what the attack sees.
        image: float32 [H, W, C] in 0..255.
        label: its class.
        attack: the attack.
        seed: of its draws.

    Raises:
        UserError: the attack left the image as it is, or broke down.
    """
    seeds = randomness.example_seeds(seed, "loss surface", tf.constant([0]))

    @tf.function(autograph=False)
    def attack_it(images):
        return attack(logits_fn, images, tf.constant([label]), seeds)

    found = attack_it(tf.constant(image[None])).numpy()[0]
    if not np.isfinite(found).all():
        raise UserError(f"{attack.title} met a loss or a gradient that is not finite")
    if np.array_equal(found, image):
        raise UserError(f"{attack.title} left the image as it is: there is no direction to draw")
    return found


def _random_direction(change: np.ndarray, seed: int) -> np.ndarray:
    """Returns random signs without their part along a change, of its Euclidean length."""
    seeds = randomness.example_seeds(seed, "loss surface's random direction", tf.constant([0]))
    signs = np.sign(randomness.normal(seeds, change.shape).numpy()[0]).astype(np.float64)
    length = np.linalg.norm(change.astype(np.float64))
    along = change / length
    across = signs - np.sum(signs * along) * along
    return across * length / np.linalg.norm(across)


def _losses_of(logits_fn: LogitsFn, label: int):
    """Returns a function from images [n, H, W, C] to losses [n] and margins [n]."""

    @tf.function(autograph=False, reduce_retracing=True)
    def traced(images):
        logits = logits_fn(images)
        labels = tf.fill([tf.shape(images)[0]], label)
        return cross_entropy(logits, labels), margin(logits, labels)

    return lambda images: [part.numpy() for part in traced(tf.constant(images, tf.float32))]


def _draw_border(axes: Axes, found: Surface) -> None:
    """Draws where the image's class ends, if it does."""
    if found.margin.min() < 0 < found.margin.max():
        look = {"colors": "#ffffff", "linewidths": 1.4, "linestyles": "--"}
        axes.contour(found.places, found.places, found.margin, [0], **look)
        axes.plot([], [], color="#888888", dashes=(4, 2), label="where its class ends (white)")
