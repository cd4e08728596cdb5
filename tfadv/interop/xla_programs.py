"""What an accelerator computes of a run, as functions of arrays that XLA can compile alone."""

import copy
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfadv import randomness
from tfadv.attacks import Attack
from tfadv.attacks.pgd import PGD
from tfadv.errors import UserError, check_choice
from tfadv.losses import cross_entropy
from tfadv.models.classifier import Trainable
from tfadv.norms.policy import NormPhase
from tfadv.pixels import LogitsFn
from tfadv.planning.plan import Plan
from tfadv.planning.workload import ATTACK_PASSES, TRAINING_PASSES

# An attack's convolutions as it runs them (`FixedConvolution`), or TensorFlow's own and their
# own gradients.
PREPARED, PLAIN = "prepared", "plain"
CONVOLUTIONS = (PREPARED, PLAIN)


class Program(NamedTuple):
    """One function of arrays.

    Attributes:
        name: of the program.
        function: of tensors, to a tuple of tensors.
        inputs: names of its arguments.
        outputs: names of what it returns.
        passes: forwards of each image that it comes to in operations.
        convolutions: of its attack, one of `CONVOLUTIONS`; None without an attack.
    """

    name: str
    function: Callable[..., tuple]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    passes: float
    convolutions: str | None = None


class Programs:
    """The programs of a model and the run's attack, of one batch size and dtype.

    Args:
        plan: of the run.
        model: its model.
        branch: which norm branch is attacked and trained.
        dtype: of the convolutions.

    Raises:
        UserError: the attack is none of PGD's kind, or the model has no such dtype.
    """

    def __init__(self, plan: Plan, model: Trainable, branch: str | None, dtype: str):
        check_choice("--dtype", dtype, model.dtypes)
        if not isinstance(plan.attack, PGD):
            raise UserError(
                f"Experiment.attack is {type(plan.attack).__name__}: the programs are of attacks "
                "of PGD's kind, step by step",
                "Experiment.attack",
            )
        phase = NormPhase(plan.norm_policy)
        self._attack = plan.attack
        self._seed = plan.experiment.seed
        self._model = model
        self._dtype = dtype
        self._attacked = phase.attack_mode(branch)
        self._trained = phase.training_mode(branch)

    def inputs(self, batch_size: int) -> dict[str, np.ndarray]:
        """Returns smooth random images, where the attack starts, labels, and what targets are
        drawn by."""
        height, width, channels = self._model.image_shape
        drawn = np.random.default_rng(self._seed)
        coarse = drawn.uniform(0, 255, (batch_size, 8, 8, channels))
        sized = tf.image.resize(coarse, (height, width), "bicubic")
        images = tf.clip_by_value(tf.cast(sized, tf.float32), 0, 255)
        seeds = randomness.example_seeds(self._seed, "stablehlo", tf.range(batch_size))
        return {
            "images": images.numpy(),
            "iterate": self._attack.start(images, seeds).numpy(),
            "labels": drawn.integers(0, self._model.classes, batch_size, np.int32),
            "draw": self._attack.target_draw(seeds).numpy(),
        }

    def all(self, convolutions: tuple[str, ...] = CONVOLUTIONS) -> list[Program]:
        """Returns the programs, those of the attack once for each of some `CONVOLUTIONS`."""
        attacked = ("images", "iterate", "labels", "draw")
        one_step = copy.copy(self._attack)
        one_step.steps = 1
        found = [
            Program(
                name,
                self._descending(attack, kind),
                attacked,
                ("iterate",),
                ATTACK_PASSES * attack.steps * attack.expectation_samples,
                kind,
            )
            for name, attack in (("attack_step", one_step), ("attack", self._attack))
            for kind in convolutions
        ]
        variables = self._model.trainable_variables
        gradients = tuple(f"gradient of {variable.path}" for variable in variables)
        judged = ("images", "labels", "draw")
        return [
            Program("logits", self._judged, judged, ("logits", "losses"), 1),
            *found,
            Program(
                "training", self._training, ("images", "labels"), ("loss", *gradients),
                TRAINING_PASSES,
            ),
        ]  # fmt: skip

    def _logits_fn(self, convolutions: str) -> LogitsFn:
        if convolutions == PREPARED:
            return self._model.logits_fn(self._attacked, self._dtype)
        how: Mapping = {"mode": self._attacked, "collect": True, "dtype": self._dtype}
        return lambda images: self._model(images, **how)[0]

    def _descending(self, attack: Attack, convolutions: str) -> Callable[..., tuple]:
        def descend(images, iterate, labels, draw):
            logits_fn = self._logits_fn(convolutions)
            objective = attack.objective(logits_fn, images, labels, draw)
            return (attack.descend(logits_fn, images, iterate, objective),)

        return descend

    def _judged(self, images, labels, draw):
        logits_fn = self._logits_fn(PREPARED)
        logits = logits_fn(images)
        return logits, self._attack.objective(logits_fn, images, labels, draw)(logits)

    def _training(self, images, labels):
        with tf.GradientTape() as tape:
            how = {"mode": self._trained, "collect": True, "dtype": self._dtype}
            logits, _ = self._model(images, **how)
            loss = tf.reduce_mean(cross_entropy(logits, labels))
        variables = [variable.value for variable in self._model.trainable_variables]
        zero = tf.UnconnectedGradients.ZERO  # of the branches that the batch is not of
        return loss, *tape.gradient(loss, variables, unconnected_gradients=zero)
