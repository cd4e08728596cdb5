"""Where Square searches: its first images and its random changes (Andriushchenko et al., 2020)."""

import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.balls import L2Ball, LinfBall


class Squares:
    """A ball's search: sides that are `allowed`, a `start`, and how images are `changed`.

    Args:
        images: float32 [N, H, W, C] in 0..255, the centres of the balls.
        epsilon: the radius in pixels.

    Attributes:
        draws: how many random numbers a change takes.
    """

    kind: type
    draws_beside_signs: int

    def __init__(self, images: tf.Tensor, epsilon: float):
        self._images = images
        self._epsilon = epsilon
        self._ball = self.kind(images, epsilon)
        self.draws = self.draws_beside_signs + images.shape[-1]


class LinfSquares(Squares):
    """Squares in which every pixel of a channel is moved by +ε or by -ε (algorithm 2).

    Within the window ``x′ ← Π(x + ε·s)`` with a random sign s for each channel.
    """

    kind, draws_beside_signs = LinfBall, 2

    @staticmethod
    def allowed(side: int, largest: int) -> int:
        """Returns the side that a square of about this one has."""
        return min(max(side, 1), largest)

    def start(self, seeds: tf.Tensor) -> tf.Tensor:
        """Returns vertical stripes, float32 [N, H, W, C]."""
        _, _, width, channels = self._images.shape
        drawn = randomness.uniform_at(seeds, -1, width * channels)
        stripes = _signs(tf.reshape(drawn, [-1, 1, width, channels]))
        return self._ball.project(self._images + self._epsilon * stripes)

    def changed(self, x: tf.Tensor, side: tf.Tensor, drawn: tf.Tensor) -> tf.Tensor:
        """Returns other images.

        Args:
            x: float32 [N, H, W, C], where the search is.
            side: float32, of the squares: a scalar or one a row [N].
            drawn: float32 [N, draws], uniform in [0, 1).
        """
        _, height, width, _ = x.shape
        inside = _window(drawn[:, :2], side, height, width)
        squares = self._images + self._epsilon * _signs(drawn[:, None, None, 2:])
        return self._ball.project(tf.where(inside, squares, x))


class L2Squares(Squares):
    """Squares that get a hill and a valley, and the length that another gives up (algorithm 3).

    In each channel the perturbation δ of a window W₁ turns to ``±η/‖η‖₂ + δ/‖δ‖₂``, η its
    pattern, with the length of δ in W₁ and W₂ and of what ε leaves over; in W₂ it becomes 0.
    """

    kind, draws_beside_signs = L2Ball, 5

    @staticmethod
    def allowed(side: int, largest: int) -> int:
        """Returns the side that a square of about this one has: odd, and 3 at least."""
        return min(max(side, 3) | 1, (largest - 1) | 1)

    def start(self, seeds: tf.Tensor) -> tf.Tensor:
        """Returns tiles of hills and valleys, five in a row, float32 [N, H, W, C]."""
        _, height, width, channels = self._images.shape
        side = max(min(height, width) // 5, min(3, height, width))
        down, across = ((length - length // side * side) // 2 for length in (height, width))
        rows, columns = tf.range(height) - down, tf.range(width) - across
        tiles = hill_and_valley(rows[None] % side, columns[None] % side, tf.constant(side))
        drawn = randomness.uniform_at(seeds, -1, height * width * channels)
        signs = _signs(tf.reshape(drawn, [-1, height, width, channels]))
        of_tile = tf.gather(signs, tf.maximum(rows // side, 0), axis=1)
        of_tile = tf.gather(of_tile, tf.maximum(columns // side, 0), axis=2)
        whole = (rows >= 0) & (rows < height // side * side)
        whole = whole[:, None] & ((columns >= 0) & (columns < width // side * side))[None]
        change = tf.where(whole[None, :, :, None], of_tile * tiles[..., None], 0.0)
        return self._ball.project(self._images + self._epsilon * L2Ball.steepest(change))

    def changed(self, x: tf.Tensor, side: tf.Tensor, drawn: tf.Tensor) -> tf.Tensor:
        """Returns other images (the paper's algorithm 3); see `LinfSquares.changed`."""
        _, height, width, channels = x.shape
        before = x - self._images
        gains = _window(drawn[:, :2], side, height, width)
        gives = _window(drawn[:, 2:4], side, height, width)
        pattern = self._pattern(drawn[:, :2], side, drawn[:, 4] < 0.5)
        new = _signs(drawn[:, None, None, 5:]) * _unit(tf.where(gains, pattern, 0.0))
        new = _unit(tf.where(gains, new + _unit(tf.where(gains, before, 0.0)), 0.0))
        unused = self._epsilon**2 - tf.reduce_sum(before**2, [1, 2, 3], keepdims=True)
        taken = tf.where(gains | gives, before, 0.0)
        available = tf.reduce_sum(taken**2, [1, 2], keepdims=True)
        available += tf.maximum(unused, 0.0) / channels
        after = tf.where(gains, new * tf.sqrt(available), tf.where(gives, 0.0, before))
        return self._ball.project(self._images + after)

    def _pattern(self, place, side, over) -> tf.Tensor:
        """Returns hills beside valleys, or `over` them, in their windows, [N, H, W, 1]."""
        _, height, width, _ = self._images.shape
        side = tf.reshape(side, [-1, 1])
        first = (_first(place[:, axis], side, size) for axis, size in ((0, height), (1, width)))
        rows, columns = (
            tf.range(size) - tf.cast(start, tf.int32)
            for start, size in zip(first, (height, width), strict=True)
        )
        side = tf.cast(side, tf.int32)
        beside = hill_and_valley(rows, columns, side)
        turned = tf.transpose(hill_and_valley(columns, rows, side), [0, 2, 1])
        return tf.where(over[:, None, None], turned, beside)[..., None]


SQUARES: dict[str, type[Squares]] = {"linf": LinfSquares, "l2": L2Squares}


def hill_and_valley(rows: tf.Tensor, columns: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """Returns the paper's η (its equation 2): rising rectangles, the right half negative.

    In the r-th rectangle from the outside, counted from 0, it is ``Σ 1/(n + 1 - k)²`` over
    k = 0..r, where n is half the side.

    Args:
        rows: int32 [N, H], counted from 0 at the square's top.
        columns: int32 [N, W], from 0 at its left.
        side: int32, of the squares: a scalar or one a row [N].

    Returns:
        float32 [N, H, W]; outside of the square it means nothing.
    """
    side = tf.reshape(side, [-1, 1])
    half = side // 2
    level = tf.range(max(rows.shape[-1], columns.shape[-1]) // 2 + 1)  # XLA wants its length
    rise = 1.0 / tf.cast(tf.maximum(half + 1 - level, 1), tf.float32) ** 2
    heights = tf.pad(tf.cumsum(rise, axis=1), [[0, 0], [1, 0]])
    heights = tf.broadcast_to(heights, [tf.shape(rows)[0], heights.shape[1]])

    def hill(columns, width):
        away = tf.maximum(tf.abs(rows - half)[:, :, None], tf.abs(columns - width // 2)[:, None])
        inside = tf.maximum(half[:, :, None] - away + 1, 0)
        return tf.gather(heights, inside, axis=1, batch_dims=1)

    right = -hill(columns - half, side - half)
    return tf.where((columns < half)[:, None], hill(columns, half), right)


def _signs(uniform: tf.Tensor) -> tf.Tensor:
    return tf.where(uniform < 0.5, -1.0, 1.0)


def _unit(x: tf.Tensor) -> tf.Tensor:
    """Returns each channel at length 1, or 0 where it is 0."""
    length = tf.sqrt(tf.reduce_sum(x**2, [1, 2], keepdims=True))
    return tf.math.divide_no_nan(x, length)


def _first(uniform: tf.Tensor, side: tf.Tensor, length: int) -> tf.Tensor:
    """Returns where a stretch of `side` [N, 1] at a random place begins, float32 [N, 1]."""
    return tf.floor(uniform[:, None] * (length - side + 1))


def _window(place: tf.Tensor, side: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Returns where a square at a random place [N, 2] is, bool [N, H, W, 1]."""

    side = tf.reshape(side, [-1, 1])

    def within(uniform, length):
        first, places = _first(uniform, side, length), tf.range(length, dtype=tf.float32)[None]
        return (places >= first) & (places < first + side)

    rows, columns = within(place[:, 0], height), within(place[:, 1], width)
    return (rows[:, :, None] & columns[:, None])[..., None]
