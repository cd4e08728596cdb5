"""Auto-PGD (Croce & Hein, 2020): PGD whose step size follows its own progress."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.balls import BALLS, surface_noise
from tfadv.attacks.base import Attack
from tfadv.attacks.gradients import (
    classified,
    expected,
    is_broken,
    unless_broken,
    with_input_gradient,
)
from tfadv.attacks.objectives import AWAY, check_classes
from tfadv.devices.local import compiles
from tfadv.errors import check_choice
from tfadv.losses import likeliest
from tfadv.pixels import LogitsFn
from tfadv.registry import ATTACKS

# Section 3.2 and 3.4 of the paper: α, ρ, and the lengths of the first checkpoints.
MOMENTUM = 0.75
ENOUGH_RISES = 0.75
FIRST_CHECKPOINT, SHORTEST, SHORTER_BY = 0.22, 0.06, 0.03

Goal = Callable[[tf.Tensor], tf.Tensor]


def checkpoints(steps: int) -> dict[int, int]:
    """Returns the iterations, counted from 0, that end a stretch, and the stretches' lengths.

    Of N steps the first stretch takes 0.22·N, each later one 0.03·N fewer, at least 0.06·N.
    """
    length, shortest, by = (
        max(int(share * steps), 1) for share in (FIRST_CHECKPOINT, SHORTEST, SHORTER_BY)
    )
    ends, end = {}, length - 1
    while end < steps:
        ends[end] = length
        length = max(length - by, shortest)
        end += length
    return ends


class _State(NamedTuple):
    """The loop's variables; all but the first hold one value per image."""

    count: tf.Tensor
    x: tf.Tensor
    before: tf.Tensor
    gradient: tf.Tensor
    loss: tf.Tensor
    best: tf.Tensor
    best_gradient: tf.Tensor
    best_loss: tf.Tensor
    best_loss_then: tf.Tensor
    step: tf.Tensor
    rises: tf.Tensor
    halved_then: tf.Tensor
    found: tf.Tensor
    fooled: tf.Tensor
    broken: tf.Tensor


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

    def _losses(self, logits: tf.Tensor, labels: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Returns what goes up, [N]."""
        return AWAY[self.loss](logits, labels)

    def _rounds(self, logits_fn, images, labels, seeds, targets) -> tf.Tensor:
        """Attacks with each of the targets, from starts of their own; keeps what fooled first."""

        @tf.function(jit_compile=compiles(self.jit_compile), autograph=False)
        def attack(images, labels, start, towards):
            def goal(logits):
                return self._losses(logits, labels, towards)

            return self._climb(logits_fn, images, labels, start, goal)

        found = fooled = None
        for number, towards in enumerate(targets):
            start = self._start(images, randomness.for_purpose(seeds, f"round {number}"))
            again, too = attack(images, labels, start, towards)
            found = again if found is None else tf.where(_by_image(fooled), found, again)
            fooled = too if fooled is None else fooled | too
        return tf.stop_gradient(found)

    def _start(self, images, seeds):
        """Returns random points on the ball's surface, in the pixel range."""
        ball = BALLS[self.ball]
        noise = surface_noise(ball, seeds, tuple(images.shape[1:]))
        return ball(images, self.epsilon).project(images + self.epsilon * noise)

    def _climb(self, logits_fn, images, labels, start, goal: Goal):
        """Returns the images and whether they are misclassified, bool [N]."""
        kind = BALLS[self.ball]
        ball, ends = kind(images, self.epsilon), checkpoints(self.steps)
        labels = likeliest(labels)
        lengths = tf.constant([ends.get(i, 0) for i in range(self.steps)], tf.float32)

        @with_input_gradient
        def once(x):
            logits = logits_fn(x)
            return goal(logits), classified(logits) != tf.cast(labels, tf.int32)

        differentiate = expected(once, self.expectation_samples)

        def step(*variables):
            s = _State(*variables)
            ahead = ball.project(s.x + _by_image(s.step) * kind.steepest(s.gradient))
            momentum = tf.where(s.count == 0, 1.0, MOMENTUM)
            x = ball.project(s.x + momentum * (ahead - s.x) + (1 - momentum) * (s.x - s.before))
            moved = _moved(s, x, *differentiate(x))
            return tuple(_at_checkpoint(moved, lengths[s.count]))

        last = _State(
            *tf.while_loop(
                lambda count, *_: count < self.steps,
                step,
                tuple(_first(start, 2 * self.epsilon, *differentiate(start))),
                maximum_iterations=self.steps,
                parallel_iterations=1,
            )
        )
        return unless_broken(self._result(last), last.broken), last.fooled | last.broken

    def _result(self, last: _State) -> tf.Tensor:
        """Returns the images to keep of a whole run."""
        return tf.where(_by_image(last.fooled), last.found, last.best)


def _by_image(values: tf.Tensor) -> tf.Tensor:
    return values[:, None, None, None]


def _first(start, step: float, gradient, loss, wrong) -> _State:
    """Returns the state before the first step."""
    nothing = tf.zeros_like(loss)
    return _State(
        count=tf.constant(0),
        x=start,
        before=start,
        gradient=gradient,
        loss=nothing,  # the authors' first comparison, with 0
        best=start,
        best_gradient=gradient,
        best_loss=loss,
        best_loss_then=loss,
        step=nothing + step,
        rises=nothing,
        halved_then=tf.ones_like(wrong),
        found=start,
        fooled=wrong,
        broken=is_broken(gradient),
    )


def _moved(s: _State, x, gradient, loss, wrong) -> _State:
    """Returns the state after a step to `x`."""
    better = loss > s.best_loss
    return s._replace(
        count=s.count + 1,
        x=x,
        before=s.x,
        gradient=gradient,
        loss=loss,
        best=tf.where(_by_image(better), x, s.best),
        best_gradient=tf.where(_by_image(better), gradient, s.best_gradient),
        best_loss=tf.maximum(loss, s.best_loss),
        rises=s.rises + tf.cast(loss > s.loss, tf.float32),
        found=tf.where(_by_image(wrong), x, s.found),
        fooled=s.fooled | wrong,
        broken=s.broken | is_broken(gradient),
    )


def _at_checkpoint(s: _State, length: tf.Tensor) -> _State:
    """Halves the steps that got too little, where a stretch of `length` > 0 ends."""
    ends = length > 0
    too_few = s.rises <= ENOUGH_RISES * length
    no_gain = ~s.halved_then & (s.best_loss_then >= s.best_loss)
    halve = ends & (too_few | no_gain)
    back = _by_image(halve)
    return s._replace(
        x=tf.where(back, s.best, s.x),
        gradient=tf.where(back, s.best_gradient, s.gradient),
        step=tf.where(halve, s.step / 2, s.step),
        rises=tf.where(ends, tf.zeros_like(s.rises), s.rises),
        halved_then=tf.where(ends, halve, s.halved_then),
        best_loss_then=tf.where(ends, s.best_loss, s.best_loss_then),
    )
