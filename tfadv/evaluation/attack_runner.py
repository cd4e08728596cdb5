"""Runs an attack, or none, on images of a source, on whatever devices there are."""

import functools
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfadv import randomness
from tfadv.attacks import Attack
from tfadv.attacks.gradients import classified
from tfadv.attacks.row_attack import RowAttack, unchanged
from tfadv.data.pipeline import Shares, evaluation_batches
from tfadv.data.source import Source
from tfadv.devices.local import has_accelerator
from tfadv.devices.replicas import Replicas
from tfadv.evaluation.attack_runs import Run
from tfadv.evaluation.image_by_image import Columns, ImageByImage
from tfadv.evaluation.profiled import passes_of
from tfadv.evaluation.trajectory.curve import Curve
from tfadv.evaluation.trajectory.rolling import ROWS
from tfadv.evaluation.trajectory.searching import Searching
from tfadv.models.classifier import Classifier
from tfadv.norms.mode import NormMode
from tfadv.pixels import LogitsFn
from tfadv.planning.distribution import share_of_batch
from tfadv.planning.evaluation_parts import EvaluationParts
from tfadv.profiling.profile import UNPROFILED

OnBatch = Callable[[LogitsFn, dict, tf.Tensor], Mapping[str, tf.Tensor]]
# The streams of an image's restarts are those of indices so far apart.
_NEXT_RESTART = 2**40


class Portion(NamedTuple):
    """Images to judge.

    Attributes:
        indices: int64 [n], of the source.
        whole: how many images there were before some were done. The batch size
            follows from it, so that going on later changes no image's arithmetic.
    """

    indices: np.ndarray
    whole: int


class AttackRunner:
    """What a model makes of images, and of what an attack makes of them.

    Args:
        model: the model.
        parts: the images, the batch size, the precision, what counts, and the seed of
            the targets and the starts.
        distribution: the devices the model lives on.
        changes: whether the model's weights change between two uses.

    Attributes:
        batch_size: as the parts say.
        profile: of the attacks' calls, each a step whose work is in passes of an image.

    Raises:
        UserError: the replicas don't divide the batch.
    """

    def __init__(
        self,
        model: Classifier,
        parts: EvaluationParts,
        distribution: tf.distribute.Strategy,
        changes: bool = False,
    ):
        evaluation = parts.evaluation
        self._replicas = distribution.num_replicas_in_sync
        share_of_batch(evaluation.batch_size, self._replicas, "Evaluation.batch_size")
        self._here = Replicas(distribution)
        self._model = model
        self._source = parts.source
        self._evaluation = evaluation
        self._distribution = distribution
        self._seed = parts.seed
        self.batch_size = evaluation.batch_size
        self.profile = UNPROFILED
        self._traces: dict[Hashable, Callable] = {}
        # Where that is quicker; such a trace holds the weights, and is dropped after use.
        self._constant_weights = self._replicas == 1 and not changes and not has_accelerator()

    def classify(
        self, mode: NormMode, portion: Portion, source: Source | None = None
    ) -> Iterator[Columns]:
        """Classifies images as they are.

        Args:
            mode: the norms' mode: the branch and its statistics.
            portion: which images.
            source: other images of the portion's indices.

        Yields:
            For some of the images, in any order: ``index``, ``prediction``, its
            ``confidence``, and ``label_rank``, how many classes are likelier than
            the label.
        """

        def on_batch(logits_fn, batch, _):
            logits = logits_fn(batch["image"])
            of_label = tf.gather(logits, batch["label"], axis=-1, batch_dims=1)
            return {
                "prediction": classified(logits),
                "confidence": tf.reduce_max(tf.nn.softmax(logits), -1),
                "label_rank": tf.math.count_nonzero(logits > of_label[:, None], -1),
            }

        yield from self.by_batch((mode, "clean"), mode, on_batch, portion, 0, source)

    def attack(
        self,
        mode: NormMode,
        run: Run,
        restart: int,
        portion: Portion,
        seen: Callable[[], LogitsFn] | None = None,
    ) -> Iterator[Columns]:
        """Attacks images.

        Args:
            mode: the norms' mode.
            run: the attack.
            restart: other restarts have other draws.
            portion: which images.
            seen: makes, on each replica, the function that the attack sees in the
                model's place. Then the image it returns is judged, whatever counts.

        Yields:
            For some of the images, in any order: ``index``, ``prediction`` and
            ``reached`` (the attack's own goal), a column for each of the run's
            specs, and ``passes`` along a trajectory.
        """
        if seen is None and run.lengths:
            yield from self._walk(mode, run, restart, portion)
        elif by_row := None if seen else self._by_row(mode, run):
            yield from self._search(by_row, run, restart, portion)
        else:
            on_batch, key = functools.partial(self._attacked, run, seen), (mode, run.name)
            yield from self.by_batch(key, mode, on_batch, portion, restart, passes=passes_of(run))

    def adversarial(self, mode: NormMode, run: Run, portion: Portion) -> Iterator[Columns]:
        """Attacks images as `attack` does and keeps them.

        Yields:
            ``index``, the ``image`` and the ``adversarial`` one, float32 [n, H, W, C]
            in 0..255, its ``prediction`` and the ``confidence`` in it.
        """

        def on_batch(logits_fn, batch, restart):
            seeds = self._seeds(run, restart, batch["index"])
            found = run.attack(logits_fn, batch["image"], batch["label"], seeds)
            logits = logits_fn(found)
            return {
                "image": batch["image"],
                "adversarial": found,
                "prediction": classified(logits, found),
                "confidence": tf.reduce_max(tf.nn.softmax(logits), -1),
            }

        yield from self.by_batch((mode, run.name, "kept"), mode, on_batch, portion)

    def by_batch(
        self,
        key: Hashable,
        mode: NormMode,
        on_batch: OnBatch,
        portion: Portion,
        restart: int = 0,
        source: Source | None = None,
        passes: float | None = None,
    ) -> Iterator[Columns]:
        """Runs a function of the model and a batch on batches of images.

        Args:
            key: names the function, which is traced once.
            mode: the norms' mode.
            on_batch: maps the logits function, a batch and the restart to columns
                [N] or [N, …].
            portion: which images.
            restart: handed to the function.
            source: other images of the portion's indices.
            passes: of each image, as `passes_of` counts them; None profiles nothing.

        Yields:
            The columns and ``index``, for the images that count.
        """
        step, restart = None, tf.constant(restart, tf.int64)
        for batch in self._batches(source or self._source, portion):
            size = self._size(portion)
            step = step or self._traced((key, size), mode, on_batch, batch, restart)
            with (UNPROFILED if passes is None else self.profile).call(step) as call:
                found = step(batch, restart)
                columns = {name: self._gathered(values) for name, values in found.items()}
                call.work = size * (passes or 0.0)
            counts = columns.pop("counts") > 0
            yield {name: column[counts] for name, column in columns.items()}

    def _batches(self, source, portion: Portion):
        size = self._size(portion)
        return self._distribution.distribute_datasets_from_function(
            lambda context: evaluation_batches(source, portion.indices, size, Shares.of(context))
        )

    def _size(self, portion: Portion) -> int:
        """Returns the batch size that the whole fills best."""
        largest, rows = self.batch_size, ROWS * self._replicas
        batches = -(-portion.whole // largest)
        return min(largest, rows * -(-portion.whole // (batches * rows)))

    def _gathered(self, values) -> np.ndarray:
        whole = values if self._replicas == 1 else self._distribution.gather(values, axis=0)
        return whole.numpy()

    def _traced(self, key, mode, on_batch, batch, restart) -> Callable:
        """Returns the step's one trace: every batch has the same shape."""
        if self._constant_weights:
            return self._step(mode, on_batch).get_concrete_function(batch, restart)
        if key not in self._traces:
            step = self._step(mode, on_batch)
            self._traces[key] = step.get_concrete_function(batch, restart)
        return self._traces[key]

    def _step(self, mode: NormMode, on_batch: OnBatch) -> Callable:
        constant = self._logits_fn(mode) if self._constant_weights else None

        def on_replica(batch, restart):
            columns = on_batch(constant or self._logits_fn(mode), batch, restart)
            kept = {name: batch[name] for name in ("index", "counts")} | columns
            # Integers and floats alone can be gathered from everywhere.
            return {
                name: value if value.dtype.is_floating else tf.cast(value, tf.int64)
                for name, value in kept.items()
            }

        @tf.function(autograph=False)
        def step(batch, restart):
            return self._distribution.run(on_replica, (batch, restart))

        return step

    def _logits_fn(self, mode: NormMode) -> LogitsFn:
        return self._model.logits_fn(mode, self._evaluation.dtype, self._constant_weights)

    def _seeds(self, run: Run, restart, index) -> tf.Tensor:
        stream = tf.cast(index, tf.int64) + _NEXT_RESTART * restart
        seeds = randomness.example_seeds(self._seed, f"evaluate {run.draws}", stream)
        return randomness.for_purpose(seeds, run.stage) if run.stage else seeds

    def _attacked(self, run: Run, seen, logits_fn, batch, restart):
        """Calls the attack as it is."""
        labels, seeds = batch["label"], self._seeds(run, restart, batch["index"])
        attacked = seen() if seen else logits_fn
        found = run.attack(attacked, batch["image"], labels, seeds)
        logits = logits_fn(found)
        prediction = classified(logits, found)
        reached = run.attack.succeeded(logits, labels, seeds)
        if self._evaluation.worst_case:
            reached = prediction != labels
        return {"prediction": prediction[:, None], "reached": reached[:, None]}

    def _walk(self, mode, run: Run, restart, portion) -> Iterator[Columns]:
        """Follows its trajectory image by image, each making room for the next where it is done."""
        curve = self._curve(run)
        columns = [curve.lengths.index(length) for length in run.lengths]
        seeds_of = functools.partial(self._seeds, run, restart)
        rolling = curve.rolling(self._logits_fn(mode), seeds_of, self._here, self.profile)
        reached = functools.partial(self._reached, run.attack)
        return self._image_by_image(portion).follow(rolling, columns, reached)

    def _by_row(self, mode: NormMode, run: Run) -> RowAttack | None:
        attack = run.attack.for_classes(self._model.classes)
        if unchanged(attack, Attack, "by_row") or self._model.randomized:
            return None
        return attack.by_row(self._logits_fn(mode))

    def _search(self, attack: RowAttack, run: Run, restart, portion) -> Iterator[Columns]:
        """Attacks image by image, each making room for the next where it is beaten."""
        seeds_of = functools.partial(self._seeds, run, restart)
        searching = Searching(attack, seeds_of, self._here, run.attack.jit_compile, self.profile)
        return self._image_by_image(portion).search(searching)

    def _image_by_image(self, portion: Portion) -> ImageByImage:
        return ImageByImage(self._source, self._here, portion.indices, self._size(portion))

    def _curve(self, run: Run) -> Curve:
        # The iterates of a model that answers at random come back to none for good.
        skip_cycles = not self._model.randomized
        return Curve(run.attack, run.lengths, skip_cycles, self._evaluation.worst_case)

    def _reached(self, attack: Attack, predictions, labels, targets):
        if attack.targeted and not self._evaluation.worst_case:
            return predictions == targets
        return predictions != labels
