"""One optimizer step on one replica, as it is traced."""

from collections.abc import Callable

import keras
import tensorflow as tf

from tfadv import randomness
from tfadv.devices.distribution import share_of_batch
from tfadv.errors import UserError
from tfadv.losses import l2_penalty
from tfadv.models.classifier import Trainable, norm_variables
from tfadv.models.weight_groups import weights_of
from tfadv.norms.base import Collected, write_statistics
from tfadv.norms.policy import NormPhase
from tfadv.optimization.weight_average import WeightAverage
from tfadv.planning.plan import Plan
from tfadv.strategies import Network
from tfadv.training.finite import Found, Undo, not_finite, not_finite_by_image
from tfadv.training.optimizer import GRADIENT_NORM, apply

Metrics = dict[str, tf.Tensor]


class TrainingStep:
    """The attack, the training forward and backward, and one update.

    A replica computes its share of a batch in micro-batches, adds their
    gradients up and updates weights and running statistics once. Micro-batch i
    of M is the images i, i + M, … of the share, and ghost batches are taken
    within it alike, so their composition doesn't depend on M.

    Args:
        plan: what to train and how.
        model: the model.
        optimizer: its built optimizer.
        replicas: number of replicas.
        average: takes the new weights in, if there is one.

    Raises:
        UserError: a batch can't be divided as the plan says, or nothing is trained.
    """

    def __init__(
        self,
        plan: Plan,
        model: Trainable,
        optimizer: keras.optimizers.Optimizer,
        replicas: int,
        average: WeightAverage | None = None,
    ):
        share = share_of_batch(plan.training.batch_size, replicas, "Training.batch_size")
        self.micro_batches = plan.training.micro_batches(share)
        self.images_at_once = share // self.micro_batches
        self.ghost_batches = plan.norm_policy.ghost_batches(self.images_at_once)
        self._plan = plan
        self._model = model
        self._optimizer = optimizer
        self._replicas = replicas
        self._average = average
        self._decayed = weights_of(model, plan.training.weight_decay_of)
        syncs = replicas > 1 and plan.norm_policy.across_replicas == "sync"
        if syncs and self.micro_batches > 1:
            raise UserError(
                "NormPolicy.across_replicas = 'sync' takes statistics of a whole batch, and "
                "Training.micro_batch_size divides it: choose one of them",
                "NormPolicy.across_replicas",
            )
        phases = [NormPhase(plan.norm_policy, late) for late in (False, True)]
        if not all(self.trained(phase) for phase in phases):
            raise UserError(
                "Training.train_only = 'norms' and NormPolicy.freeze leave nothing to train",
                "NormPolicy.freeze",
            )

    @property
    def statistics_of(self) -> str:
        """The images that batch statistics are taken of; "no images" without such norms."""
        policy = self._plan.norm_policy
        together = self.images_at_once // self.ghost_batches
        found = []
        if policy.training_statistics == "batch":
            syncs = policy.across_replicas == "sync"
            found.append(f"{self._plan.training.batch_size if syncs else together} images")
            if policy.across_replicas == "local" and policy.update:
                found.append(f"those of the first of {self._replicas} replica(s) kept")
        if policy.attack_statistics == "batch":
            found.append(f"{together} images in the attack")
        keeps = any(norm.keeps_statistics for norm in self._model.norms.values())
        return ", ".join(found) if found and keeps else "no images"

    @property
    def draws_of(self) -> str:
        """The images that dropout and its kin draw for at once; "no images" without such layers."""
        return f"{self.images_at_once} images" if self._model.draws_in_training else "no images"

    def phase(self, epoch: int) -> NormPhase:
        """Returns how the norms act in an epoch, counted from 0."""
        return NormPhase(self._plan.norm_policy, self._plan.is_late(epoch), self.ghost_batches)

    def trained(self, phase: NormPhase) -> list[keras.Variable]:
        """Returns the variables that a step updates."""
        affine = {id(variable) for variable in norm_variables(self._model)}
        with_affine = not phase.freezes_affine
        with_rest = self._plan.training.train_only == "everything"
        return [
            variable
            for variable in self._model.trainable_variables
            if (with_affine if id(variable) in affine else with_rest)
        ]

    def __call__(self, batch: dict, phase: NormPhase) -> tuple[Metrics, Found]:
        """Does one step, or none but for its number where a replica's is not finite.

        Args:
            batch: this replica's ``image`` [N, H, W, C] of any dtype, ``label`` [N] and
                ``index`` [N].
            phase: how the norms act.

        Returns:
            Scalars, the loss and the accuracy on the images of each kind; and what is not
            finite of the M tensors that `watched` names, on any replica.
        """
        batch = {**batch, "image": tf.cast(batch["image"], tf.float32)}
        undo = Undo(self.variables)
        variables = self.trained(phase)
        portion = self.portion(phase)
        metrics, gradients, collected = self._mean_of_portions(portion, batch)
        step = tf.convert_to_tensor(self._optimizer.iterations)
        metrics |= apply(self._optimizer, gradients, variables, self._plan.training.clip_norm)
        write_statistics(self._model.norms, collected, self._plan.norm_policy.across_replicas)
        updated = not_finite(variable.value for variable in self._updated)
        if self._average:
            self._average.update(step)
        tensors = tf.concat([metrics.pop("not_finite"), not_finite(gradients), updated], 0)
        found = Found(*_sums_over_replicas([tensors, metrics.pop("by_image")]))
        undo.put_back_if(found.is_broken)
        return metrics, found

    @property
    def metric_names(self) -> list[str]:
        """Names of the scalars that a step returns."""
        kinds = [accuracy_name(kind) for kind in self._plan.strategy.kinds]
        clips = self._plan.training.clip_norm is not None
        return ["loss", *kinds, *([GRADIENT_NORM] if clips else [])]

    def watched(self, phase: NormPhase) -> list[str]:
        """Returns the names of what a step tells `not_finite` of, causes before effects."""
        kinds = self._plan.strategy.kinds
        return [
            *(f"the images of the kind '{kind}'{self._made(kind)}" for kind in kinds),
            *(f"the logits of the kind '{kind}' (branch '{kinds[kind]}')" for kind in kinds),
            "the loss",
            *(f"the gradient of {variable.path}" for variable in self.trained(phase)),
            *(f"{variable.path}, updated," for variable in self._updated),
        ]

    @property
    def variables(self) -> list[keras.Variable]:
        """Everything that a replica keeps between two steps."""
        averages = self._average.averages if self._average else []
        return [*self._model.variables, *self._optimizer.variables, *averages]

    @property
    def _updated(self) -> list[keras.Variable]:
        """What a step computes from gradients and statistics, the average left out."""
        kept = [*self._model.variables, *self._optimizer.variables]
        return [variable for variable in kept if keras.backend.is_float_dtype(variable.dtype)]

    def _made(self, kind: str) -> str:
        attacked = kind in self._plan.strategy.attacked_kinds
        return f", attacked ({self._plan.experiment.attack})," if attacked else ""

    def portion(self, phase: NormPhase) -> Callable:
        """Returns a function from a micro-batch to its metrics, gradients and statistics.

        Its gradients are those of `trained`. Make it inside the traced step.

        Args:
            phase: how the norms act.
        """
        plan, training = self._plan, self._plan.training
        variables = self.trained(phase)
        network = Network(
            self._model, phase, plan.strategy.kinds, training.attack_dtype, training.dtype
        )

        def portion(image, label, index):
            seeds = randomness.example_seeds(plan.experiment.seed, "attack", index)
            drops = randomness.example_seeds(plan.experiment.seed, "dropout", index)
            images = plan.strategy.training_images(network, plan.attack, image, label, seeds)
            _check_kinds(plan, images, network.attacked)
            with tf.GradientTape() as tape:
                logits, collected = network.train_logits(images, drops[0])
                loss = plan.strategy.loss(logits, label)
                loss += l2_penalty(self._decayed, training.weight_decay)
                # The optimizer sums the replicas' gradients.
                share = loss / self._replicas
            # TensorFlow's own variables: it can't make zeros for an unused one of Keras.
            weights = [variable.value for variable in variables]
            gradients = tape.gradient(share, weights, unconnected_gradients="zero")
            metrics = {accuracy_name(kind): _accuracy(y, label) for kind, y in logits.items()}
            metrics["loss"] = loss
            by_image = [part[kind] for part in (images, logits) for kind in plan.strategy.kinds]
            broken = not_finite([*by_image, loss])
            places = index % training.batch_size
            metrics["not_finite"] = broken
            metrics["by_image"] = not_finite_by_image(
                by_image, places, training.batch_size, tf.reduce_any(broken > 0)
            )
            return metrics, gradients, collected

        return portion

    def statistics(self, batch: dict) -> Collected:
        """Returns what the norms measure of a replica's batch, with its attack, in training."""
        batch = {**batch, "image": tf.cast(batch["image"], tf.float32)}
        phase = NormPhase(self._plan.norm_policy, late=False, ghost_batches=self.ghost_batches)
        return self._mean_of_portions(self.portion(phase), batch)[2]

    def micro_batch(self, batch: dict, number: tf.Tensor) -> list[tf.Tensor]:
        """Returns images, labels and indices of a micro-batch of a replica's share of a batch."""
        count = self.micro_batches
        whole = [batch[name] for name in ("image", "label", "index")]
        if count == 1:
            return whole
        parts = [tf.reshape(v, [v.shape[0] // count, count, *v.shape[1:]]) for v in whole]
        return [tf.gather(part, number, axis=1) for part in parts]

    def _mean_of_portions(self, portion: Callable, batch: dict):
        count = self.micro_batches
        if count == 1:
            return portion(*self.micro_batch(batch, tf.constant(0)))
        traced = tf.function(portion, autograph=False)

        def add(number, sums):
            values = traced(*self.micro_batch(batch, number))
            return number + 1, tf.nest.map_structure(tf.add, sums, values)

        first = traced(*self.micro_batch(batch, tf.constant(0)))
        _, sums = tf.while_loop(
            lambda number, _: number < count,
            add,
            (tf.constant(1), first),
            maximum_iterations=count - 1,
            parallel_iterations=1,
        )
        return tf.nest.map_structure(lambda value: value / count, sums)


def accuracy_name(kind: str) -> str:
    """Returns the metric's name."""
    return f"{kind}_accuracy"


def _sums_over_replicas(values: list[tf.Tensor]) -> list[tf.Tensor]:
    replica = tf.distribute.get_replica_context()
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, values)


def _check_kinds(plan: Plan, images: dict[str, tf.Tensor], attacked: bool) -> None:
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


def _accuracy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    right = tf.argmax(logits, -1, tf.int32) == labels[: logits.shape[0]]
    return tf.reduce_mean(tf.cast(right, tf.float32))
