"""Where a step first meets a number that is not finite: layer by layer."""

from collections.abc import Mapping

import tensorflow as tf

from tfadv.norms.policy import NormPhase
from tfadv.training.layer_outputs import noted_outputs, watched_layers
from tfadv.training.step.by_block import Blocks
from tfadv.training.step.not_finite import not_finite
from tfadv.training.step.values import StepValues
from tfadv.training.trainer import Trainer


def broken_tensors(trainer: Trainer, batch: Mapping) -> list[str]:
    """Returns names of what is not finite in the forward and backward pass of a step.

    They come in the order in which it is computed: the images, what each layer returns, the
    logits, the loss, and the gradients from the last layer's to the first's. The first is
    where the step goes wrong. What is updated is put back.

    Args:
        trainer: before the step.
        batch: the replicas' shares, as a distributed data set gives them.
    """
    phase = trainer.train_step.phase(trainer.step // trainer.plan.steps_per_epoch)
    look = _Look(trainer, phase)
    with watched_layers():
        for number in range(trainer.train_step.micro_batches):
            found = look(batch, tf.constant(number))
            if broken := look.in_order(found):
                return broken
    return []


class _Look:
    """The passes of one micro-batch, traced with all that its layers return."""

    def __init__(self, trainer: Trainer, phase: NormPhase):
        self._trainer = trainer
        self._phase = phase
        self._layers: list[str] = []
        self._traced = tf.function(self._on_replicas, autograph=False)

    def __call__(self, batch: Mapping, number: tf.Tensor) -> list[float]:
        """Returns for each tensor how many replicas found that it is not finite."""
        iterations = self._trainer.optimizer.iterations
        before = self._trainer.step
        parts = self._trainer.distribution.experimental_local_results(self._traced(batch, number))
        iterations.assign(before)
        return sum(part.numpy() for part in parts).tolist()

    def in_order(self, found: list[float]) -> list[str]:
        """Returns the names of what was found, in the order of computation."""
        step = self._trainer.train_step
        layers, rest = len(self._layers), step.watched(self._phase)
        kinds, gradients = len(self._trainer.plan.strategy.kinds), len(step.trained(self._phase))
        named = [*zip(rest, found[layers:], strict=False)]  # without what is updated
        images, outputs = named[:kinds], named[kinds : 2 * kinds + 1]
        backward = named[2 * kinds + 1 :][gradients - 1 :: -1]
        inside = [*zip(self._layers, found[:layers], strict=True)]
        names = [name for name, share in [*images, *inside, *outputs, *backward] if share > 0]
        return list(dict.fromkeys(names))

    def _on_replicas(self, batch: Mapping, number: tf.Tensor):
        return self._trainer.distribution.run(self._one_replica, (batch, number))

    def _one_replica(self, batch: dict, number: tf.Tensor) -> tf.Tensor:
        train_step = self._trainer.train_step
        part = train_step.batch(batch).portion(number, train_step.micro_batches)
        with StepValues(train_step.variables, Blocks()).in_place():  # never written
            step = train_step.on_replica(self._phase, micro_batches=1)
            with noted_outputs() as outputs:
                self._trainer.plan.strategy.at(step).run(step, part)
            _, broken, _ = step.outcome()
        self._layers = [name for name, _ in outputs]
        seen = [not_finite([tensor for _, tensor in outputs])] if outputs else []
        return tf.concat([*seen, broken], 0)
