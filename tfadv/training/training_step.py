"""One optimizer step on one replica, as it is traced."""

import functools
from collections.abc import Mapping

import keras
import tensorflow as tf

from tfadv.errors import UserError
from tfadv.models.alike import Traces
from tfadv.models.classifier import Trainable, norm_variables
from tfadv.models.recompute import check_blocks
from tfadv.norms.base import Collected
from tfadv.norms.policy import NormPhase
from tfadv.optimization.weight_average import WeightAverage
from tfadv.planning.distribution import share_of_batch
from tfadv.planning.plan import Plan
from tfadv.strategies import Batch, Gradients
from tfadv.training.finite import Found
from tfadv.training.step.by_block import Blocks
from tfadv.training.step.not_finite import not_finite_values
from tfadv.training.step.optimizer import GRADIENT_NORM, slots_by_weight
from tfadv.training.step.replica_step import MeasuringStep, ReplicaStep, accuracy_name
from tfadv.training.step.values import StepValues

Metrics = dict[str, tf.Tensor]


class TrainingStep:
    """What the strategy does with a replica's share of a batch, and what is checked of it.

    A replica computes its share in micro-batches and adds their gradients up before an
    update of weights and running statistics. Micro-batch i
    of M is the images i, i + M, … of the share, and ghost batches are taken
    within it alike, so their composition doesn't depend on M.

    Args:
        plan: what to train and how.
        model: the model.
        optimizer: its built optimizer.
        replicas: number of replicas.
        average: takes the new weights in, if there is one.

    Raises:
        UserError: a batch can't be divided as the plan says, nothing is trained, or there are
            no blocks to recompute.
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
        check_blocks(model, plan.training.recompute)
        self._blocks = _blocks_of(model, optimizer, average)
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

    @property
    def division(self) -> dict[str, object]:
        """How a batch is divided, and what that makes of statistics and dropout.

        Of the same images, the weights are the same but for the order of sums.
        """
        return {
            "replicas": self._replicas,
            "micro_batches": self.micro_batches,
            "statistics_of": self.statistics_of,
            "draws_of": self.draws_of,
        }

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

    def traces(self, phase: NormPhase) -> Traces:
        """Returns what a phase's step is traced by once for all blocks that are alike."""
        return self._untraced.anew(self.trained(phase))

    @property
    def shares_traces(self) -> bool:
        """Whether there are blocks that are traced once for many of them."""
        return self._untraced.any

    @functools.cached_property
    def _untraced(self) -> Traces:
        return Traces(getattr(self._model, "blocks", ()))

    def __call__(self, batch: dict, phase: NormPhase) -> tuple[Metrics, Found]:
        """Does one step, or none but for its number where a replica's is not finite.

        Args:
            batch: this replica's ``image`` [N, H, W, C] of any dtype, ``label`` [N] and
                ``index`` [N], and where there are some ``target`` and ``weight``; see `Batch`.
            phase: how the norms act.

        Returns:
            Scalars, the loss and the accuracy on the images of each kind; and what is not
            finite of the M tensors that `watched` names, on any replica.
        """
        writes = self._plan.norm_policy.attack_update
        direct = self._model.non_trainable_variables if writes else ()
        values = StepValues(self.variables, self._blocks, direct)
        with values.in_place():
            step = self.on_replica(phase)
            self._plan.strategy.at(step).run(step, self.batch(batch))
            metrics, broken, by_image = step.outcome()
            new = [variable.value for variable in self._updated]
            updated = not_finite_values(self._blocks, self._updated, new)
            if self._average:
                self._average.update(step.number)
        found = Found(*step.over_replicas([tf.concat([broken, updated], 0), by_image]))
        values.write_unless(found.is_broken)
        return metrics, found

    def statistics(self, batch: Mapping[str, tf.Tensor]) -> Collected:
        """Returns what the norms measure of a replica's batch, with its attack, in training."""
        phase = NormPhase(self._plan.norm_policy, late=False, ghost_batches=self.ghost_batches)
        return self.without_update(batch, phase).statistics

    def without_update(self, batch: Mapping[str, tf.Tensor], phase: NormPhase) -> Gradients:
        """Returns what a step would update the model by at last, and updates nothing."""
        step = self.on_replica(phase, kind=MeasuringStep)
        self._plan.strategy.at(step).run(step, self.batch(batch))
        return step.updates[-1]

    def batch(self, given: Mapping[str, tf.Tensor]) -> Batch:
        """Returns a replica's share of a batch, as a strategy takes it."""
        return Batch.of(given, self._plan.experiment.seed)

    def on_replica(
        self,
        phase: NormPhase,
        micro_batches: int | None = None,
        kind: type[ReplicaStep] = ReplicaStep,
    ) -> ReplicaStep:
        """Returns what a strategy makes its step of; call it inside the traced step.

        Args:
            phase: how the norms act.
            micro_batches: of what the strategy gets; None takes those of a replica's share.
            kind: what to make.
        """
        return kind(
            self._plan,
            self._model,
            self._optimizer,
            self.trained(phase),
            phase,
            self._replicas,
            self.micro_batches if micro_batches is None else micro_batches,
            self._average,
            self._blocks,
        )

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

    def nothing_found(self, phase: NormPhase) -> Found:
        """Returns what a step tells where all is finite."""
        by_image = [2 * len(self._plan.strategy.kinds), self._plan.training.batch_size]
        return Found(tf.zeros([len(self.watched(phase))]), tf.zeros(by_image))

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


def _blocks_of(
    model: Trainable, optimizer: keras.optimizers.Optimizer, average: WeightAverage | None
) -> Blocks:
    """Returns a model's blocks with what the optimizer and the average keep of each variable."""
    beside = {name: list(own) for name, own in slots_by_weight(optimizer).items()}
    for variable, mean in zip(model.variables, average.averages if average else (), strict=False):
        beside.setdefault(id(variable), []).append(mean)
    return Blocks(getattr(model, "blocks", ()), beside)
