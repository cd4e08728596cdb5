"""One replica's step, as its strategy sees it."""

import contextlib
from collections.abc import Sequence

import keras
import tensorflow as tf

from tfadv import randomness
from tfadv.devices.custom_gradients import all_reduce
from tfadv.errors import UserError
from tfadv.losses import likeliest, weighted
from tfadv.models.classifier import Trainable
from tfadv.models.weight_groups import weights_of
from tfadv.norms.base import Collected
from tfadv.norms.mode import NormMode
from tfadv.norms.policy import NormPhase
from tfadv.optimization.weight_average import WeightAverage
from tfadv.planning.plan import Plan
from tfadv.registry.choices import BLOCKS
from tfadv.strategies import Batch, Gradients, Network, Step
from tfadv.training.step.by_block import Blocks
from tfadv.training.step.not_finite import (
    not_finite,
    not_finite_by_image,
    not_finite_values,
)
from tfadv.training.step.optimizer import apply
from tfadv.training.step.values import with_values


class ReplicaStep(Step):
    """A step within the traced function of one replica; see `Step`.

    Args:
        plan: what to train and how.
        model: the model.
        optimizer: its built optimizer.
        variables: those that it updates.
        phase: how the norms act.
        replicas: number of replicas.
        micro_batches: of a replica's share of the batch.
        average: of the weights, if there is one.
        blocks: of the model, if it has some.
    """

    def __init__(
        self,
        plan: Plan,
        model: Trainable,
        optimizer: keras.optimizers.Optimizer,
        variables: Sequence[keras.Variable],
        phase: NormPhase,
        replicas: int = 1,
        micro_batches: int = 1,
        average: WeightAverage | None = None,
        blocks: Blocks | None = None,
    ):
        self.variables = list(variables)
        self.updates: list[Gradients] = []
        self._plan = plan
        self._model = model
        self._optimizer = optimizer
        self._phase = phase
        self._replicas = replicas
        self._micro_batches = micro_batches
        self._average = average
        self._blocks = blocks or Blocks()
        self._decayed = weights_of(model, plan.training.weight_decay_of)
        self._number = tf.convert_to_tensor(optimizer.iterations)
        self._network: Network | None = None
        self._moved = False
        self.attack = plan.attack.at(self)
        self.attacks = {spec: attack.at(self) for spec, attack in plan.attacks.items()}

    @property
    def network(self) -> Network:
        self._prepare()
        return self._network

    @property
    def number(self) -> tf.Tensor:
        return self._number

    @property
    def epoch(self) -> tf.Tensor:
        exact = tf.cast(self._number, tf.float64) / self._plan.steps_per_epoch
        return tf.cast(exact, tf.float32)

    def each_portion(self, function, batch, kept=()):
        self._prepare()  # outside of the loop
        count = self._micro_batches
        if count == 1:
            return function(batch, kept)

        @tf.function(autograph=False)
        def traced(tensors, kept):
            return function(batch.replaced(tensors), kept)

        def portion(number):
            of_it = tf.nest.map_structure(lambda stacked: stacked[number], kept)
            return traced(batch.portion(number, count).tensors, of_it)

        def add(number, sums, stacks):
            values, made = portion(number)
            stacks = tf.nest.map_structure(lambda s, v: s.write(number, v), stacks, made)
            return number + 1, tf.nest.map_structure(tf.add, sums, values), stacks

        first, made = portion(tf.constant(0))
        stacks = tf.nest.map_structure(lambda v: _stack_of(v, count).write(0, v), made)
        _, sums, stacks = tf.while_loop(
            lambda number, *_: number < count,
            add,
            (tf.constant(1), first, stacks),
            maximum_iterations=count - 1,
            parallel_iterations=1,
        )
        means = tf.nest.map_structure(lambda value: value / count, sums)
        return means, tf.nest.map_structure(lambda stack: stack.stack(), stacks)

    def gradients(self, images, loss, batch, decay=True):
        return self._backward(images, loss, batch, decay, [])[0]

    def gradients_by_images(self, images, loss, batch):
        watched = [images[kind] for kind in self._plan.strategy.kinds]
        found, by_images = self._backward(images, loss, batch, True, watched)
        return found, dict(zip(self._plan.strategy.kinds, by_images, strict=True))

    def over_replicas(self, tensors):
        return all_reduce(tf.distribute.ReduceOp.SUM, list(tensors))

    @contextlib.contextmanager
    def weights_at(self, variables, values):
        self._prepare()  # of the weights as they are
        before, self._moved = self._moved, True
        with with_values(variables, values):
            yield
        self._moved = before

    def teacher_logits(self, images, branch=None):
        model, average = self._model, self._average
        mode = NormMode(branch if branch in model.branches else None)
        with self.weights_at(model.variables, [mean.value for mean in average.averages]):
            logits = model(images, mode=mode, dtype=self._plan.training.dtype)
        return tf.stop_gradient(logits)

    def outcome(self) -> tuple[dict[str, tf.Tensor], tf.Tensor, tf.Tensor]:
        """Returns what the updates came to.

        Returns:
            Means of their metrics; float32 [M], of what was not finite: see `Gradients`, then
            the gradients themselves; and each image's part, float32 [T, B].

        Raises:
            UserError: there was none.
        """
        done = self.updates
        if not done:
            name = self._plan.experiment.strategy
            raise UserError(f"the strategy '{name}' updates nothing", "Experiment.strategy")
        of_weights = [not_finite_values(self._blocks, self.variables, one.weights) for one in done]
        if len(done) == 1:
            (one,) = done
            return one.metrics, tf.concat([one.not_finite, *of_weights], 0), one.by_image
        metrics = {
            n: tf.add_n([one.metrics[n] for one in done]) / len(done) for n in done[0].metrics
        }
        broken = tf.add_n([one.not_finite for one in done]), tf.add_n(of_weights)
        return metrics, tf.concat(broken, 0), tf.add_n([one.by_image for one in done])

    def update(self, gradients):
        if self._moved:
            name = self._plan.experiment.strategy
            raise UserError(
                f"the strategy '{name}' updates within `weights_at`, where no variable is written",
                "Experiment.strategy",
            )
        if self.updates:  # the whole step has one number
            self._optimizer.iterations.assign(self._number)
        clip_norm = self._plan.training.clip_norm
        more = apply(self._optimizer, gradients.weights, self.variables, clip_norm, self._blocks)
        self._write(gradients.statistics)
        self.updates.append(gradients._replace(metrics=gradients.metrics | more))
        self._network = None

    def _write(self, statistics: Collected) -> None:
        """Gives the norms' running variables their new values."""
        updates = self._blocks.updates(self._model.norms, statistics)
        variables, values = [one for one, _ in updates], [value for _, value in updates]
        if self._plan.norm_policy.across_replicas == "mean":
            mean = tf.distribute.ReduceOp.MEAN
            values = self._blocks.over_replicas(mean, variables, values)
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def _prepare(self) -> None:
        """Makes the network, unless it is made for the weights as they are now."""
        if self._network is None:
            plan, training = self._plan, self._plan.training
            self._network = Network(
                self._model,
                self._phase,
                plan.strategy.kinds,
                training.attack_dtype,
                training.dtype,
                plan.strategy.attacked_kinds,
                training.recompute == BLOCKS,
            )

    def _backward(self, images, loss, batch, decay, watched):
        plan, kinds = self._plan, self._plan.strategy.kinds
        _check_kinds(plan, images, self.network.attacked)
        weights = [_here(variable.value) for variable in self.variables]
        with with_values(self.variables, weights), tf.GradientTape() as tape:
            tape.watch([*watched, *(w for w in weights if not isinstance(w, tf.Variable))])
            logits, statistics = self.network.train_logits(images, self._drops(batch))
            counted = loss(_with_weights(logits, batch))
            total = counted
            if decay:
                decayed = [tf.convert_to_tensor(variable) for variable in self._decayed]
                penalty = self._blocks.l2_penalty(self._decayed, decayed)
                total += plan.training.weight_decay * penalty
            # The optimizer sums the replicas' gradients.
            share = total / self._replicas
        found = tape.gradient(share, [*weights, *watched], unconnected_gradients="zero")
        metrics = {accuracy_name(kind): _accuracy(y, batch.labels) for kind, y in logits.items()}
        metrics["loss"] = total
        by_image = [part[kind] for part in (images, logits) for kind in kinds]
        broken = not_finite([*by_image, total])
        size = plan.training.batch_size
        parts = not_finite_by_image(by_image, batch.index % size, size, tf.reduce_any(broken > 0))
        of_weights, of_images = found[: len(weights)], found[len(weights) :]
        return Gradients(of_weights, statistics, metrics, broken, parts), of_images

    def _drops(self, batch: Batch) -> tf.Tensor:
        """Returns the seed of dropout, another one after each update."""
        seed = batch.seeds("dropout")[0]
        again = len(self.updates)
        return randomness.for_purpose(seed, f"update {again}") if again else seed


class MeasuringStep(ReplicaStep):
    """A step that updates nothing: what it measures is all that is wanted of it."""

    def update(self, gradients):
        self.updates.append(gradients)


def accuracy_name(kind: str) -> str:
    """Returns the metric's name."""
    return f"{kind}_accuracy"


def _here(weight: tf.Tensor | tf.Variable) -> tf.Tensor | tf.Variable:
    """Returns a weight as a tape can watch it: a tensor of the graph that is traced."""
    if not tf.is_symbolic_tensor(weight) or weight.graph is tf.compat.v1.get_default_graph():
        return weight
    return tf.identity(weight)


def _stack_of(value: tf.Tensor, count: int) -> tf.TensorArray:
    return tf.TensorArray(value.dtype, count, element_shape=value.shape)


def _with_weights(logits: dict[str, tf.Tensor], batch: Batch) -> dict[str, tf.Tensor]:
    if batch.weights is None:
        return logits
    return {kind: weighted(y, batch.weights[: y.shape[0]]) for kind, y in logits.items()}


def _accuracy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    right = likeliest(logits) == labels[: logits.shape[0]]
    return tf.reduce_mean(tf.cast(right, tf.float32))


def _check_kinds(plan: Plan, images, attacked: bool) -> None:
    """Raises `UserError` unless a strategy does what it says."""
    name, kinds = plan.experiment.strategy, plan.strategy.kinds
    if set(images) != set(kinds):
        raise UserError(
            f"the strategy '{name}' says that its kinds of images are {', '.join(kinds)}, and "
            f"makes {', '.join(images)}",
            "Experiment.strategy",
        )
    if attacked and not plan.strategy.attacks:
        raise UserError(
            f"the strategy '{name}' attacks the model and says that it does not: set its `attacks`",
            "Experiment.strategy",
        )
