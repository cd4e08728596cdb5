"""Clean and robust accuracy of every branch, each image counted once."""

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from tfadv import randomness
from tfadv.attacks.base import PIXEL_RANGE, Attack
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
        # Where that is quicker; such a trace holds the weights, and is dropped after use.
        self._constant_weights = replicas == 1 and not has_accelerator()
        total = min(evaluation.examples or len(source), len(source))
        self._batch_count = -(-total // evaluation.batch_size)

    def evaluate(self) -> dict:
        """Returns the record of clean accuracy and every attack, per branch."""
        branches = self._branches
        passes = len(branches) * (1 + len(self._attacks)) * self._batch_count
        clean, attacked, examples = {}, [], 0
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
            done = 0

            def count(branch: str, spec: str | None) -> np.ndarray:
                nonlocal done
                counts = np.zeros(3, np.int64)
                step = None
                for batch in batches:
                    step = step or self._traced(branch, spec, batch)
                    counts += step(batch).numpy()
                    done += 1
                    progress.update(done, accuracy=counts[0] / counts[2])
                return counts

            for branch in branches:
                correct, _, examples = count(branch, None)
                clean[branch] = share(correct, examples)
            for spec, attack in self._attacks.items():
                for branch in branches:
                    correct, reached, examples = count(branch, spec)
                    attacked.append(
                        {"attack": spec.rpartition("/")[2], "branch": branch}
                        | attack.describe()
                        | share(correct, examples)
                        | {"attack_success": reached / examples, "examples": int(examples)}
                    )
        return {
            "dataset": self._source.name,
            "pixel_range": [int(bound) for bound in PIXEL_RANGE],
            "examples": int(examples),
            "clean": clean,
            "attacks": attacked,
        }

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
                seeds = randomness.example_seeds(self._seed, f"evaluate {spec}", batch["index"])
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
