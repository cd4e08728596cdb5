"""Auto-PGD (Croce & Hein, 2020): PGD whose step size follows its own progress."""

from collections.abc import Callable

import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.apgd_climb import State, first_state, moved, next_iterate
from tfadv.attacks.apgd_rows import APGDRows
from tfadv.attacks.balls import BALLS, surface_noise
from tfadv.attacks.base import Attack
from tfadv.attacks.gradients import (
    by_image,
    classified,
    expected,
    is_broken,
    unless_broken,
    with_input_gradient,
)
from tfadv.attacks.objectives import AWAY, check_classes
from tfadv.attacks.row_attack import RowAttack, unchanged
from tfadv.devices.local import compiles
from tfadv.errors import check_choice
from tfadv.losses import likeliest
from tfadv.pixels import LogitsFn
from tfadv.registry import ATTACKS

Goal = Callable[[tf.Tensor], tf.Tensor]


@ATTACKS.register("apgd", paper="Croce & Hein, 2020")
class APGD(Attack):
    """Untargeted Auto-PGD: AutoAttack's APGD-CE, and with ``loss = 'dlr'`` APGD-DLR.

    Algorithm 1 of the paper. A step of size η along the steepest direction s(g),
    with momentum α = 0.75 (1 in the first step), η = 2ε at the start:
    ``y = Π(xᵢ + η·s(∇L(xᵢ)))``, ``xᵢ₊₁ = Π(xᵢ + α·(y - xᵢ) + (1 - α)·(xᵢ - xᵢ₋₁))``.
    At the end of a stretch of n steps (`checkpoints`) an image's η is halved and it
    returns to its best point, if at most ρ·n of the steps raised its loss (ρ = 0.75),
    or if η was not halved the last time and the best loss has not risen since. The
    result is a misclassified iterate where there was one, else the best by its loss.

    Args:
        epsilon: radius of the ball in pixels.
        steps: number of steps (AutoAttack: 100).
        loss: ``cross_entropy``, ``dlr`` or ``margin``.
        ball: ``linf`` or ``l2``.
        restarts: runs from new starts; images that one fooled stay so.
        jit_compile: see `PGD`.
        expectation_samples: see `PGD` (AutoAttack's version for randomized defences: 20).
    """

    # Whether the loss is of a wrong class: one with a scale then needs another class more.
    towards_classes = False

    def __init__(
        self,
        epsilon: float,
        steps: int = 100,
        loss: str = "cross_entropy",
        ball: str = "linf",
        restarts: int = 1,
        jit_compile: bool | str = "auto",
        expectation_samples: int = 1,
    ):
        counts = {"steps": steps, "restarts": restarts, "expectation_samples": expectation_samples}
        self._keep(epsilon, ball, jit_compile, **counts)
        check_choice(f"{type(self).__name__}.loss", loss, AWAY)
        self.loss = loss

    def __call__(
        self, logits_fn: LogitsFn, images: tf.Tensor, labels: tf.Tensor, seeds: tf.Tensor
    ) -> tf.Tensor:
        """Returns adversarial images; see `Attack.__call__`."""
        return self._rounds(logits_fn, images, labels, seeds, [labels] * self.restarts)

    def by_row(self, logits_fn: LogitsFn) -> RowAttack | None:
        """Returns the attack as images leave it one by one; None of an attack derived from it."""
        return APGDRows(logits_fn, self, self.restarts) if self.is_plain(APGD) else None

    def check_classes(self, classes: int) -> None:
        """Raises `UserError` where the loss needs more; see `Attack.check_classes`."""
        check_classes(f"{type(self).__name__}.loss", self.loss, self.towards_classes, classes)

    @property
    def title(self) -> str:
        """APGD and its loss."""
        return "APGD-CE" if self.loss == "cross_entropy" else f"APGD-{self.loss.upper()}"

    @property
    def passes(self) -> float:
        """Those of every restart."""
        return (self.steps + 1.0) * self.expectation_samples * self.restarts

    def describe(self) -> dict[str, object]:
        """Returns the radius, ball, steps, loss, restarts and samples."""
        names = ("epsilon", "ball", "steps", "loss", "restarts", "expectation_samples")
        return super().describe() | {name: getattr(self, name) for name in names}

    def is_plain(self, kind: type) -> bool:
        """Returns whether it climbs as `kind` does, and no subclass has a way of its own."""
        return unchanged(
            self, kind, "__call__", "start", "succeeded", "_rounds", "_climb", "_result"
        )

    def losses(self, logits: tf.Tensor, labels: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Returns what goes up, float32 [N]."""
        return AWAY[self.loss](logits, labels)

    def _rounds(self, logits_fn, images, labels, seeds, targets) -> tf.Tensor:
        """Attacks with each of the targets, from starts of their own; keeps what fooled first."""

        @tf.function(jit_compile=compiles(self.jit_compile), autograph=False)
        def attack(images, labels, start, towards):
            def goal(logits):
                return self.losses(logits, labels, towards)

            return self._climb(logits_fn, images, labels, start, goal)

        found = fooled = None
        for number, towards in enumerate(targets):
            start = self.start(images, randomness.for_purpose(seeds, f"round {number}"))
            again, too = attack(images, labels, start, towards)
            found = again if found is None else tf.where(by_image(fooled), found, again)
            fooled = too if fooled is None else fooled | too
        return tf.stop_gradient(found)

    def start(self, images: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """Returns random points on the ball's surface, in the pixel range."""
        ball = BALLS[self.ball]
        noise = surface_noise(ball, seeds, tuple(images.shape[1:]))
        return ball(images, self.epsilon).project(images + self.epsilon * noise)

    def _climb(self, logits_fn, images, labels, start, goal: Goal):
        """Returns the images and whether they are misclassified, bool [N]."""
        ball, labels = BALLS[self.ball](images, self.epsilon), likeliest(labels)

        @with_input_gradient
        def once(x):
            logits = logits_fn(x)
            return goal(logits), classified(logits) != tf.cast(labels, tf.int32)

        differentiate = expected(once, self.expectation_samples)

        def step(found, fooled, broken, *variables):
            s = State(*variables)
            x = next_iterate(s, ball)
            gradient, loss, wrong = differentiate(x)
            s = moved(s, x, gradient, loss, self.steps)
            found = tf.where(by_image(wrong), x, found)
            return found, fooled | wrong, broken | is_broken(gradient), *s

        gradient, loss, wrong = differentiate(start)
        first = first_state(start, 2 * self.epsilon, gradient, loss)
        found, fooled, broken, *last = tf.while_loop(
            lambda _found, _fooled, _broken, count, *_: count < self.steps,
            step,
            (start, wrong, is_broken(gradient), *first),
            maximum_iterations=self.steps,
            parallel_iterations=1,
        )
        result = self._result(State(*last), found, fooled)
        return unless_broken(result, broken), fooled | broken

    def _result(self, last: State, found: tf.Tensor, fooled: tf.Tensor) -> tf.Tensor:
        """Returns the images to keep of a whole run."""
        return tf.where(by_image(fooled), found, last.best)
