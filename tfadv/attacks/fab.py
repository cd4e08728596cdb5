"""FAB, the fast adaptive boundary attack (Croce & Hein, 2020): towards the nearest mistake."""

from collections.abc import Callable

import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.balls import BALLS, surface_noise
from tfadv.attacks.base import Attack, towards_at_most
from tfadv.attacks.fab_rows import FABRows
from tfadv.attacks.gradients import classified, is_broken, unless_broken
from tfadv.attacks.objectives import likeliest_wrong
from tfadv.attacks.planes import nowhere, slope_towards, to_plane, total
from tfadv.attacks.row_attack import RowAttack, unchanged
from tfadv.devices.local import compiles, fuses
from tfadv.errors import check
from tfadv.pixels import PIXEL_RANGE, LogitsFn
from tfadv.registry import ATTACKS

# The authors' floor of 1e-8 in 0..1 under the lengths that the bias compares.
_SHORTEST = 1e-8 * PIXEL_RANGE[1]


@ATTACKS.register("fab_targeted", paper="Croce & Hein, 2020 (FAB)")
class FABTargeted(Attack):
    """AutoAttack's FAB-T: towards each of the likeliest wrong classes in turn.

    Algorithm 1 of the paper, targeted. Around xᵢ the difference ``z_t - z_y`` is made
    linear, and π is the plane where it is 0. With the shortest moves onto it within
    0..255 (`to_plane`), d from xᵢ and e from the original x:
    ``xᵢ₊₁ = (1 - α)·(xᵢ + η·d) + α·(x + η·e)``, ``α = min(‖d‖/(‖d‖ + ‖e‖), α_max)``.
    A misclassified iterate is kept if none was nearer, and drawn back to
    ``x + β·(xᵢ₊₁ - x)``. Like AutoAttack's, it ends without the paper's final search.

    The nearest misclassified image is returned if it is in the ball. A farther
    one is projected; where there is none, the original is returned. An image
    that is misclassified itself stays as it is. Any wrong class counts as success,
    as for an untargeted attack.

    Args:
        epsilon: radius of the ball in pixels. It decides what is returned and
            how far off restarts begin, and steers no step.
        steps: number of steps for each class (AutoAttack: 100).
        ball: ``linf`` or ``l2``, in which distances are measured.
        classes: how many wrong classes to try (AutoAttack: 9), or all there are.
        restarts: runs for each class; the first starts from the original, the
            others at ε/2 from it (AutoAttack: 1).
        alpha_max: the largest share α of the original (paper, section 4: 0.1).
        eta: η, how far a step overshoots (section 4: 1.05).
        beta: β, what the way back leaves of the distance (section 4: 0.9).
        jit_compile: see `PGD`.
    """

    title = "FAB-T"

    def __init__(
        self,
        epsilon: float,
        steps: int = 100,
        ball: str = "linf",
        classes: int = 9,
        restarts: int = 1,
        alpha_max: float = 0.1,
        eta: float = 1.05,
        beta: float = 0.9,
        jit_compile: bool | str = "auto",
    ):
        name = type(self).__name__
        self._keep(epsilon, ball, jit_compile, steps=steps, classes=classes, restarts=restarts)
        check(0 <= alpha_max <= 1, f"{name}.alpha_max", "be in 0..1", alpha_max)
        check(eta >= 1, f"{name}.eta", "be >= 1", eta)
        check(0 < beta <= 1, f"{name}.beta", "be > 0 and <= 1", beta)
        self.alpha_max = float(alpha_max)
        self.eta = float(eta)
        self.beta = float(beta)

    def __call__(
        self, logits_fn: LogitsFn, images: tf.Tensor, labels: tf.Tensor, seeds: tf.Tensor
    ) -> tf.Tensor:
        """Returns adversarial images; see `Attack.__call__`."""

        @tf.function(jit_compile=compiles(self.jit_compile), autograph=False)
        def attack(images, labels, start, found, distance):
            return self._search(logits_fn, images, labels, start, found, distance)

        found, distance = images, nowhere(images)
        for number in range(self.restarts):
            start = self.start(images, seeds, number)
            found, distance = attack(images, labels, start, found, distance)
        return tf.stop_gradient(self.result(images, found, distance))

    def result(self, images: tf.Tensor, found: tf.Tensor, distance: tf.Tensor) -> tf.Tensor:
        """Returns what was found, float32 [N, H, W, C], projected where it is beyond the ball.

        Args:
            images: float32 [N, H, W, C], the originals.
            found: float32 [N, H, W, C], the nearest misclassified images.
            distance: float32 [N, 1, 1, 1], how far they are.
        """
        projected = BALLS[self.ball](images, self.epsilon).project(found)
        return tf.where(distance <= self.epsilon, found, projected)

    def by_row(self, logits_fn: LogitsFn) -> RowAttack | None:
        """Returns the attack as images leave it one by one; None of an attack derived from it."""
        plain = unchanged(self, FABTargeted, "__call__", "start", "step", "succeeded", "_search")
        return FABRows(logits_fn, self) if plain else None

    def for_classes(self, classes: int) -> "FABTargeted":
        """Returns it towards no more wrong classes than there are; see `Attack.for_classes`."""
        return towards_at_most(super().for_classes(classes), classes - 1)

    @property
    def passes(self) -> float:
        """Those of every wrong class and restart, and a look after each step."""
        return 1.3 * self.steps * self.classes * self.restarts

    def describe(self) -> dict[str, object]:
        """Returns the radius, ball, steps, classes, restarts and the paper's constants."""
        names = ("epsilon", "ball", "steps", "classes", "restarts", "alpha_max", "eta", "beta")
        return super().describe() | {name: getattr(self, name) for name in names}

    def start(self, images: tf.Tensor, seeds: tf.Tensor, number: int) -> tf.Tensor:
        """Returns where the restart of that number begins, the same for each class."""
        if number == 0:
            return images
        seeds = randomness.for_purpose(seeds, f"round {number}")
        noise = surface_noise(BALLS[self.ball], seeds, tuple(images.shape[1:]))
        return tf.clip_by_value(images + self.epsilon / 2 * noise, *PIXEL_RANGE)

    def _search(self, logits_fn, images, labels, start, found, distance):
        """Returns the nearest misclassified images, and how far they are, [N, 1, 1, 1]."""
        size = BALLS[self.ball].size

        def wrong(logits):
            return (classified(logits) != tf.cast(labels, tf.int32))[:, None, None, None]

        def step(count, x, found, distance, broken):
            x = tf.where(count % self.steps == 0, start, x)
            target = ranked[:, count // self.steps]
            x = self.step(differentiate, images, x, labels, target)
            broken |= is_broken(x)
            there, now = wrong(logits_fn(x)), size(x - images)
            nearer = there & (now < distance)
            found = tf.where(nearer, x, found)
            distance = tf.where(nearer, now, distance)
            return count + 1, self.back(images, x, there), found, distance, broken

        differentiate = slope_towards(logits_fn)
        logits = logits_fn(images)
        ranked = likeliest_wrong(logits, labels, self.classes)
        steps = ranked.shape[-1] * self.steps
        distance, broken = tf.where(wrong(logits), 0.0, distance), is_broken(found)
        _, _, found, distance, broken = tf.while_loop(
            lambda count, *_: count < steps,
            step,
            (tf.constant(0), start, found, distance, broken),
            maximum_iterations=steps,
            parallel_iterations=1,
        )
        return unless_broken(found, broken), tf.where(broken[:, None, None, None], 0.0, distance)

    def step(self, differentiate: Callable, images, x, labels, targets) -> tf.Tensor:
        """Returns the next iterates: beyond the planes, biased towards the originals.

        Args:
            differentiate: `slope_towards` the targets.
            images: float32 [N, H, W, C], the originals.
            x: float32 [N, H, W, C], the iterates.
            labels: int32 [N].
            targets: int32 [N].
        """
        normal, value, _ = differentiate(x, labels, targets)
        beyond = tf.function(self._beyond, jit_compile=fuses(self.jit_compile), autograph=False)
        return beyond(images, x, value[:, None, None, None], normal)

    def back(self, images: tf.Tensor, x: tf.Tensor, there: tf.Tensor) -> tf.Tensor:
        """Returns iterates, drawn back where they are misclassified, bool [N, 1, 1, 1]."""
        return tf.where(there, images + self.beta * (x - images), x)

    def _beyond(self, images, x, value, normal):
        """Returns points beyond the planes where functions of such values and slopes at x are 0."""
        kind = BALLS[self.ball]
        at_images = value + total(normal * (images - x))
        moves = to_plane(kind, tf.stack([x, images]), tf.stack([value, at_images]), normal)
        ahead, beside = tf.unstack(moves)
        lengths = [tf.maximum(kind.size(move), _SHORTEST) for move in (ahead, beside)]
        alpha = tf.minimum(lengths[0] / (lengths[0] + lengths[1]), self.alpha_max)
        moved = (1 - alpha) * (x + self.eta * ahead) + alpha * (images + self.eta * beside)
        return tf.clip_by_value(moved, *PIXEL_RANGE)
