"""Projected gradient descent in a ball (Madry et al., 2018)."""

import copy
from collections.abc import Callable

import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.balls import BALLS
from tfadv.attacks.base import Attack
from tfadv.attacks.gradients import classified, expected, with_input_gradient
from tfadv.attacks.objectives import AWAY, TOWARDS, check_classes
from tfadv.devices.local import compiles
from tfadv.errors import UserError, check, check_choice
from tfadv.losses import likeliest
from tfadv.pixels import LogitsFn
from tfadv.registry import ATTACKS
from tfadv.registry.schedule import Clock, Schedule

Objective = Callable[[tf.Tensor], tf.Tensor]
Memory = tuple[tf.Tensor, ...]


@ATTACKS.register("pgd", paper="Madry et al., 2018; Kurakin et al., 2017")
class PGD(Attack):
    """PGD, by default L∞ with sign steps: the paper's attack, in training and evaluation.

    ``x₀ = x + U(ball)``, then N times ``xᵢ₊₁ = Π(xᵢ - α·sign ∇ₓ L(z(xᵢ), t))`` with
    logits z, a target t and Π the projection onto the ball and 0..255 (Madry et
    al., 2018, section 2.1). Untargeted, it climbs the loss of the true label:
    ``+ α·sign ∇ₓ L(z(xᵢ), y)``. L2 steps are ``α·g/‖g‖₂``. The last iterate is
    returned. The cross-entropy is never smoothed. As in the released pipeline, a
    random start is not clipped to 0..255 before the first gradient.

    A subclass changes `start`, `objective` or `direction`, and says in
    `memory_slots` how many tensors like the images `direction` remembers.

    In training ε, N and α can have schedules. While such an ε is 0 the images stay as they
    are, and no gradient is computed.

    Args:
        epsilon: radius of the ball in pixels (paper, section 3: 16).
        steps: number of steps N (section 3: 30 in training).
        step_size: α in pixels (section 3: 1).
        step_rule: ``fixed`` takes α; ``at_least_epsilon_over_steps`` takes
            max(α, ε/N), as the released pipeline does; ``times_epsilon`` takes α·ε, so that
            0.25 is a quarter of the radius.
        targeted: towards a class drawn uniformly from the wrong ones, or away
            from the true one.
        loss: ``cross_entropy``, ``margin`` (the difference of two logits) or
            ``dlr`` (Croce & Hein, 2020).
        ball: ``linf`` or ``l2``, in which ε and α are measured.
        clean_start_probability: chance to start from the image itself; else
            the start is uniform in the ball (section 3: 0.2 in training, 0 in
            evaluation).
        clean_start: whether that chance falls ``per_example`` or ``per_batch``
            (of one replica), as in the released pipeline.
        expectation_samples: forward passes whose gradients are averaged in each step: more
            than one for models that answer at random (Athalye et al., 2018).
        jit_compile: True, False, or 'auto': XLA on GPU and TPU, a plain graph
            on CPU, where XLA's convolutions are slower.
    """

    STEP_RULES = ("fixed", "at_least_epsilon_over_steps", "times_epsilon")
    CLEAN_STARTS = ("per_example", "per_batch")
    # A kin of PGD has its N and α too, unless its own are bound. Goal, loss and start it has not.
    borrows = (*Attack.borrows, "PGD.steps", "PGD.step_size", "PGD.step_rule")
    memory_slots = 0

    def __init__(
        self,
        epsilon: float | Schedule,
        steps: int | Schedule,
        step_size: float | Schedule = 1.0,
        step_rule: str = "fixed",
        targeted: bool = True,
        loss: str = "cross_entropy",
        ball: str = "linf",
        clean_start_probability: float = 0.0,
        clean_start: str = "per_example",
        jit_compile: bool | str = "auto",
        expectation_samples: int = 1,
    ):
        name = type(self).__name__
        self._keep(epsilon, ball, jit_compile, expectation_samples=expectation_samples)
        countable = isinstance(steps, int | Schedule) and steps >= 0
        check(tf.is_tensor(steps) or countable, f"{name}.steps", "be an integer >= 0", steps)
        # That of a schedule may begin at 0, as ε does.
        moves = tf.is_tensor(step_size) or (
            step_size >= 0 if isinstance(step_size, Schedule) else step_size > 0
        )
        check(moves, f"{name}.step_size", "be > 0 (pixels of 0..255)", step_size)
        check_choice(f"{name}.step_rule", step_rule, self.STEP_RULES)
        in_range = 0 <= clean_start_probability <= 1
        check(in_range, f"{name}.clean_start_probability", "be in 0..1", clean_start_probability)
        check_choice(f"{name}.clean_start", clean_start, self.CLEAN_STARTS)
        check_choice(f"{name}.loss", loss, AWAY)
        self._note(step_size=step_size)
        self._note_steps(steps)
        self._alpha, self._step_rule = self.step_size, step_rule
        self.step_size = self._by_rule(self._alpha)
        self.targeted = targeted
        self.loss = loss
        self.clean_start_probability = clean_start_probability
        self.clean_start = clean_start

    def at(self, clock: Clock) -> "PGD":
        """Returns the attack of an epoch, α by its rule; see `Attack.at`."""
        found = super().at(clock)
        if found is not self:
            alpha = found.step_size if "step_size" in self.schedules else self._alpha
            found.step_size = found._by_rule(alpha)
        return found

    def with_factor(self, factor: Schedule, parameter: str) -> "PGD":
        """Returns the attack whose ε is multiplied by a schedule; see `Attack.with_factor`."""
        if "epsilon" in self.schedules:
            raise UserError(
                f"{parameter} has a schedule, and so has {type(self).__name__}.epsilon: bind one",
                parameter,
            )
        found = copy.copy(self)
        found.schedules = {**self.schedules, "epsilon": factor * self.epsilon}
        return found

    def __call__(
        self, logits_fn: LogitsFn, images: tf.Tensor, labels: tf.Tensor, seeds: tf.Tensor
    ) -> tf.Tensor:
        """Returns adversarial images; see `Attack.__call__`."""

        @tf.function(jit_compile=compiles(self.jit_compile), autograph=False)
        def attack(images, labels, start, draw):
            objective = self.objective(logits_fn, images, labels, draw)
            return self.descend(logits_fn, images, start, objective)

        def attacked():
            # Drawn outside the compiled loop: XLA's own generators give other numbers.
            return attack(images, labels, self.start(images, seeds), self.target_draw(seeds))

        if not tf.is_tensor(self.epsilon):
            return tf.stop_gradient(attacked())
        return tf.stop_gradient(tf.cond(self.epsilon > 0, attacked, lambda: images))

    def start(self, images: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """Returns the first iterate, float32 [N, H, W, C]; its noise is uniform in the ball."""
        noise_seeds = randomness.for_purpose(seeds, "noise")
        noise = BALLS[self.ball].noise(noise_seeds, tuple(images.shape[1:]), self.epsilon)
        if self.clean_start_probability == 0:
            return images + noise
        chosen = self._starts_clean(seeds)
        return images + tf.where(tf.reshape(chosen, [-1, 1, 1, 1]), 0.0, noise)

    def objective(
        self, logits_fn: LogitsFn, images: tf.Tensor, labels: tf.Tensor, draw: tf.Tensor
    ) -> Objective:
        """Returns the loss that the steps bring down.

        Args:
            logits_fn: maps images to logits.
            images: float32 [N, H, W, C], the originals.
            labels: int32 [N], or soft ones, float32 [N, K]: the cross-entropy of an untargeted
                attack is theirs, all else takes the class with the largest share.
            draw: int32 [N], what the targets are drawn by.

        Returns:
            A function from logits [N, K] to losses [N], called once a step.
        """
        if not self.targeted and self.loss == "cross_entropy":
            return lambda logits: -AWAY[self.loss](logits, labels)
        labels = likeliest(labels)
        if not self.targeted:
            return lambda logits: -AWAY[self.loss](logits, labels)
        towards = TOWARDS[self.loss]
        return lambda logits: -towards(logits, labels, self.goal(labels, logits.shape[-1], draw))

    def goal(self, labels: tf.Tensor, classes: int, draw: tf.Tensor) -> tf.Tensor:
        """Returns the classes int32 [N] to get to: drawn wrong ones; untargeted, to leave."""
        return _wrong_class(labels, classes, draw) if self.targeted else labels

    def direction(self, gradient: tf.Tensor, memory: Memory) -> tuple[tf.Tensor, Memory]:
        """Returns what a step goes against, α pixels long, and what the next one remembers.

        Args:
            gradient: float32 [N, H, W, C], of each image's objective.
            memory: what the step before returned; at first zeros like the
                images, once for each of `memory_slots`.
        """
        return BALLS[self.ball].steepest(gradient), memory

    def descend(
        self, logits_fn: LogitsFn, images: tf.Tensor, start: tf.Tensor, objective: Objective
    ) -> tf.Tensor:
        """Runs the steps as one graph loop whose memory does not grow with N.

        Args:
            logits_fn: maps images to logits.
            images: float32 [N, H, W, C], the centres of the balls.
            start: float32 [N, H, W, C], the first iterate.
            objective: maps logits to the losses [N] that go down.

        Returns:
            The last iterate.
        """
        ball = BALLS[self.ball](images, self.epsilon)
        differentiate = with_input_gradient(lambda x: (objective(logits_fn(x)), ()))
        differentiate = expected(differentiate, self.expectation_samples)

        def step(count, x, memory):
            gradient, _, _ = differentiate(x)
            direction, memory = self.direction(gradient, memory)
            moved = x - self.step_size * direction
            return count + 1, ball.project(moved), memory

        memory = tuple(tf.zeros_like(images) for _ in range(self.memory_slots))
        _, x, _ = tf.while_loop(
            lambda count, *_: count < self.steps,
            step,
            (tf.constant(0), start, memory),
            maximum_iterations=self.steps,
            parallel_iterations=1,
        )
        return x

    def targets(self, labels: tf.Tensor, classes: int, seeds: tf.Tensor) -> tf.Tensor:
        """Draws wrong classes, ``(y + U{1..K-1}) mod K``, int32 [N]."""
        return _wrong_class(labels, classes, self.target_draw(seeds))

    def succeeded(self, logits: tf.Tensor, labels: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """Returns bool [N]: classified as the target, or, untargeted, wrongly."""
        if not self.targeted:
            return super().succeeded(logits, labels, seeds)
        return classified(logits) == self.targets(labels, logits.shape[-1], seeds)

    def check_classes(self, classes: int) -> None:
        """Raises `UserError` where the loss needs more; see `Attack.check_classes`."""
        check_classes(f"{type(self).__name__}.loss", self.loss, self.targeted, classes)

    @property
    def takes_soft_labels(self) -> bool:
        """True, unless a subclass has an objective of its own, which may not take them."""
        return type(self).objective is PGD.objective

    @property
    def passes(self) -> float:
        """The number of steps, each of all its samples, and a look at the last image."""
        return self.steps * self.expectation_samples + 1.0

    def describe(self) -> dict[str, object]:
        """Returns the radius, steps, step size and goal."""
        return super().describe() | {
            "epsilon": self.epsilon,
            "steps": self.steps,
            "step_size": self.step_size,
            "loss": self.loss,
            "ball": self.ball,
            "expectation_samples": self.expectation_samples,
        }

    def _note_steps(self, steps):
        if isinstance(steps, Schedule):
            steps = steps.whole()
            self.schedules = {**self.schedules, "steps": steps}
            steps = steps.end
        self.steps = steps

    def _by_rule(self, alpha):
        """Returns α as the rule has it for the ε and N there are."""
        epsilon, steps = self.epsilon, self.steps
        if self._step_rule == "times_epsilon":
            return alpha * epsilon
        if self._step_rule == "fixed":
            return alpha
        if not any(map(tf.is_tensor, (alpha, epsilon, steps))):
            return max(alpha, epsilon / steps) if steps else alpha
        each = tf.math.divide_no_nan(tf.cast(epsilon, tf.float32), tf.cast(steps, tf.float32))
        return tf.maximum(alpha, each)

    @staticmethod
    def target_draw(seeds):
        return randomness.integers(randomness.for_purpose(seeds, "target"), 2**31 - 1)

    def _starts_clean(self, seeds):
        seeds = randomness.for_purpose(seeds, "clean_start")
        if self.clean_start == "per_batch":
            seeds = seeds[:1]
        return randomness.uniform(seeds, (), 0.0, 1.0) < self.clean_start_probability


def _wrong_class(labels, classes, draw):
    return tf.math.floormod(labels + 1 + draw % (classes - 1), classes)
