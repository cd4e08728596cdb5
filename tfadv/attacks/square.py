"""Square attack (Andriushchenko et al., 2020): a random search that asks for no gradient."""

import math

import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.base import Attack
from tfadv.attacks.gradients import classified, unless_broken
from tfadv.attacks.objectives import margin
from tfadv.attacks.row_attack import RowAttack, unchanged
from tfadv.attacks.square_rows import SquareRows
from tfadv.attacks.square_search import SQUARES
from tfadv.devices.local import compiles
from tfadv.errors import check
from tfadv.pixels import LogitsFn
from tfadv.registry import ATTACKS

# The share of an image's pixels in a square halves after these queries of 10,000.
_HALVED_AFTER = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


@ATTACKS.register("square", paper="Andriushchenko et al., 2020")
class Square(Attack):
    """Untargeted Square: changes of squares at random places, kept where the margin grows.

    Algorithm 1 of the paper: each query changes a square of side ``round(√(p·H·W))`` at
    a random place, and the change is kept if ``max_{k≠y} z_k - z_y`` rises. p begins at
    `first_share` and halves after 10, 50, 200, 500, 1000, 2000, 4000, 6000 and 8000 of
    10,000 queries. In L∞ the pixels of a square become ``Π(x ± ε)``, from vertical
    stripes on (algorithm 2); in L2 a square takes over the length of another one
    (algorithm 3). An image that is misclassified stays as it is, from the first on.

    Args:
        epsilon: radius of the ball in pixels.
        queries: how often each image is classified (AutoAttack: 5000).
        first_share: share of the pixels in the first squares (AutoAttack: 0.8).
        ball: ``linf`` or ``l2``.
        jit_compile: see `PGD`.
    """

    needs_gradient = False

    def __init__(
        self,
        epsilon: float,
        queries: int = 5000,
        first_share: float = 0.8,
        ball: str = "linf",
        jit_compile: bool | str = "auto",
    ):
        self._keep(epsilon, ball, jit_compile, queries=queries)
        check(0 < first_share <= 1, "Square.first_share", "be in 0..1", first_share)
        self.first_share = first_share

    def side(self, query: int, height: int, width: int) -> int:
        """Returns the side of the squares at a query, counted from 0."""
        of_10000 = query * 10_000 // self.queries
        share = self.first_share / 2 ** sum(of_10000 > after for after in _HALVED_AFTER)
        side = round(math.sqrt(share * height * width))
        return SQUARES[self.ball].allowed(side, min(height, width))

    def sides(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the sides of images' squares, float32 [queries]."""
        _, height, width, _ = images.shape
        sides = [self.side(query, height, width) for query in range(self.queries)]
        return tf.constant(sides, tf.float32)

    def __call__(
        self, logits_fn: LogitsFn, images: tf.Tensor, labels: tf.Tensor, seeds: tf.Tensor
    ) -> tf.Tensor:
        """Returns adversarial images; see `Attack.__call__`."""
        search = tf.function(self._search, jit_compile=compiles(self.jit_compile), autograph=False)
        seeds = randomness.for_purpose(seeds, "square")
        return tf.stop_gradient(search(logits_fn, images, labels, seeds))

    def by_row(self, logits_fn: LogitsFn) -> RowAttack | None:
        """Returns the attack as images leave it one by one; None of an attack derived from it."""
        plain = unchanged(self, Square, "__call__", "side", "succeeded", "_search")
        return SquareRows(logits_fn, self) if plain else None

    @property
    def passes(self) -> float:
        """Forward passes alone, which are about a third."""
        return self.queries / 3

    def describe(self) -> dict[str, object]:
        """Returns the radius, ball and number of queries."""
        names = ("epsilon", "ball", "queries")
        return super().describe() | {name: getattr(self, name) for name in names}

    def _search(self, logits_fn, images, labels, seeds):
        squares, sides = SQUARES[self.ball](images, self.epsilon), self.sides(images)

        def step(query, x, best, broken):
            drawn = randomness.uniform_at(seeds, query, squares.draws)
            candidate = squares.changed(x, sides[query], drawn)
            now = margin(logits_fn(candidate), labels)
            better = (now > best) & (best <= 0)
            x = tf.where(better[:, None, None, None], candidate, x)
            broken |= ~tf.math.is_finite(now)
            return query + 1, x, tf.where(better, now, best), broken

        wrong = classified(logits_fn(images)) != tf.cast(labels, tf.int32)
        start = tf.where(wrong[:, None, None, None], images, squares.start(seeds))
        best = margin(logits_fn(start), labels)
        _, x, _, broken = tf.while_loop(
            lambda query, *_: query < self.queries,
            step,
            (tf.constant(1), start, best, ~tf.math.is_finite(best)),
            maximum_iterations=self.queries,
            parallel_iterations=1,
        )
        return unless_broken(x, broken)
