"""Clean and robust accuracy of every branch, each image counted once."""

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.base import PIXEL_RANGE, Attack
from tfadv.attacks.curve import Curve, has_curve, trajectory
from tfadv.data.pipeline import Shares, evaluation_batches
from tfadv.data.source import Source
from tfadv.devices import has_accelerator
from tfadv.distribution import Workers, share_of_batch
from tfadv.experiment import Evaluation
from tfadv.foreign_model import ForeignModel
from tfadv.metrics import share
from tfadv.models.base import Model
from tfadv.norms.base import NormMode
from tfadv.progress import Progress

# Runs of so many steps are worth looking for cycles in.
LONG = 50


class _Done:
    """Batches done so far, on a progress report."""

    def __init__(self, progress: Progress):
        self._progress = progress
        self._batches = 0

    def add(self, batches: int, **numbers: float) -> None:
        self._batches += batches
        self._progress.update(self._batches, **numbers)

    def show(self, begun: int) -> None:
        """Says how many of the next batches are done, before they are added."""
        self._progress.update(self._batches + begun)


class Evaluator:
    """Measures a model on one set of images.

    Args:
        model: the model.
        source: the images.
        evaluation: how many, and at what precision.
        attacks: by spec, as `Evaluation.build_attacks` returns them.
        distribution: the devices the model lives on.
        seed: of the subset, the targets and the starts.
        branches: which of the model's branches; None for all.

    Raises:
        UserError: the replicas don't divide the batch.
    """

    def __init__(
        self,
        model: Model | ForeignModel,
        source: Source,
        evaluation: Evaluation,
        attacks: Mapping[str, Attack],
        distribution: tf.distribute.Strategy,
        seed: int,
        branches: Sequence[str] | None = None,
    ):
        replicas = distribution.num_replicas_in_sync
        share_of_batch(evaluation.batch_size, replicas, "Evaluation.batch_size")
        self._model = model
        self._branches = branches or model.branches
        self._source = source
        self._attacks = attacks
        self._distribution = distribution
        self._seed = seed
        self._traces: dict[tuple[str, str | None], Callable] = {}
        self._quiet = not Workers(distribution).is_chief
        self._evaluation = evaluation
        self._runs = self._trajectories()
        self._leader = {spec: leader for leader, specs in self._runs.items() for spec in specs}
        # Where that is quicker; such a trace holds the weights, and is dropped after use.
        self._constant_weights = replicas == 1 and not has_accelerator()
        total = min(evaluation.examples or len(source), len(source))
        self._batch_count = -(-total // evaluation.batch_size)

    def evaluate(self) -> dict:
        """Returns the record of clean accuracy and every attack, per branch."""
        branches = self._branches
        passes = len(branches) * (1 + len(self._attacks)) * self._batch_count
        batches = self._distribution.distribute_datasets_from_function(
            lambda context: evaluation_batches(
                self._source,
                self._evaluation.examples,
                self._evaluation.batch_size,
                Shares.of(context),
                self._seed,
            )
        )
        with Progress("evaluate", passes, quiet=self._quiet) as progress:
            done = _Done(progress)
            clean = {branch: self._count(branch, None, batches, done) for branch in branches}
            rows = {}
            for leader, specs in self._runs.items():
                for branch in branches:
                    if self._walks(leader):
                        found = self._walk(branch, leader, batches, done)
                    else:
                        found = {
                            spec: (self._count(branch, spec, batches, done), {}) for spec in specs
                        }
                    rows |= {(spec, branch): row for spec, row in found.items()}
        return {
            "dataset": self._source.name,
            "pixel_range": [int(bound) for bound in PIXEL_RANGE],
            "examples": int(clean[branches[0]][2]),
            "clean": {branch: share(counts[0], counts[2]) for branch, counts in clean.items()},
            "attacks": [
                self._record(spec, branch, *rows[spec, branch])
                for spec in self._attacks
                for branch in branches
            ],
        }

    def _count(self, branch: str, spec: str | None, batches, done: "_Done") -> np.ndarray:
        """Attacks batch by batch; returns [correct, reached, counted]."""
        counts = np.zeros(3, np.int64)
        step = None
        for batch in batches:
            step = step or self._traced(branch, spec, batch)
            counts += step(batch).numpy()
            done.add(1, accuracy=counts[0] / counts[2])
        return counts

    def _trajectories(self) -> dict[str, list[str]]:
        """Returns the attacks in groups of one run each, by their longest."""
        groups: dict[object, list[str]] = {}
        for spec, attack in self._attacks.items():
            shared = self._evaluation.trajectory == "shared" and has_curve(attack)
            groups.setdefault(trajectory(attack) if shared else spec, []).append(spec)
        return {max(specs, key=self._steps): specs for specs in groups.values()}

    def _steps(self, spec: str) -> int:
        return getattr(self._attacks[spec], "steps", 0)

    def _walks(self, leader: str) -> bool:
        """Returns whether skipping cycles pays, where one device has all the images."""
        one_device = self._distribution.num_replicas_in_sync == 1
        return one_device and has_curve(self._attacks[leader]) and self._steps(leader) >= LONG

    def _walk(self, branch: str, leader: str, batches, done: "_Done") -> dict[str, tuple]:
        """Attacks along one trajectory; returns each spec's counts and what it took."""
        specs, attack = self._runs[leader], self._attacks[leader]
        curve = Curve(attack, [self._steps(spec) for spec in specs])
        logits_fn = self._model.logits_fn(
            NormMode(branch), self._evaluation.dtype, constant=self._constant_weights
        )
        outcomes, units = [], len(specs) * self._batch_count
        for outcome in curve.run(logits_fn, batches, functools.partial(self._seeds, leader)):
            outcomes.append(outcome._replace(final=None))  # which may be many
            done.show(min(len(outcomes) * len(specs) // self._evaluation.batch_size, units))
        done.add(units)
        labels, targets = (np.array([getattr(o, n) for o in outcomes]) for n in ("label", "target"))
        took = {"passes_per_image": float(np.mean([outcome.passes for outcome in outcomes]))}
        found = {}
        for spec in specs:
            column = curve.lengths.index(self._steps(spec))
            predictions = np.array([outcome.predictions[column] for outcome in outcomes])
            right = predictions == labels
            reached = predictions == targets if attack.targeted else ~right
            found[spec] = (np.array([right.sum(), reached.sum(), len(outcomes)]), took)
        return found

    def _seeds(self, leader: str, index: tf.Tensor) -> tf.Tensor:
        return randomness.example_seeds(self._seed, f"evaluate {leader}", index)

    def _record(self, spec: str, branch: str, counts: np.ndarray, took: dict) -> dict:
        correct, reached, examples = counts
        return (
            {"attack": spec.rpartition("/")[2], "branch": branch}
            | self._attacks[spec].describe()
            | share(correct, examples)
            | {"attack_success": reached / examples, "examples": int(examples)}
            | took
        )

    def _traced(self, branch: str, spec: str | None, batch: dict) -> Callable:
        """Returns the step's one trace: every batch has the same shape."""
        if self._constant_weights:
            return self._step(branch, spec).get_concrete_function(batch)
        if (branch, spec) not in self._traces:
            self._traces[branch, spec] = self._step(branch, spec).get_concrete_function(batch)
        return self._traces[branch, spec]

    def _step(self, branch: str, spec: str | None) -> Callable[[dict], tf.Tensor]:
        """Returns a traced function from a batch to [correct, reached, counted]."""
        prepare = functools.partial(self._model.logits_fn, NormMode(branch), self._evaluation.dtype)
        constant = prepare(constant=True) if self._constant_weights else None

        def on_replica(batch):
            logits_fn = constant or prepare()
            images, labels = batch["image"], batch["label"]
            reached = tf.zeros_like(batch["counts"])
            if spec is None:
                logits = logits_fn(images)
            else:
                seeds = self._seeds(self._leader[spec], batch["index"])
                logits = logits_fn(self._attacks[spec](logits_fn, images, labels, seeds))
                reached = self._attacks[spec].succeeded(logits, labels, seeds)
            correct = tf.argmax(logits, -1, tf.int32) == labels
            outcomes = tf.stack([correct, reached, tf.ones_like(correct)])
            return tf.reduce_sum(tf.cast(outcomes & batch["counts"], tf.int64), axis=1)

        @tf.function(autograph=False)
        def step(batch):
            counts = self._distribution.run(on_replica, (batch,))
            return self._distribution.reduce(tf.distribute.ReduceOp.SUM, counts, axis=None)

        return step
