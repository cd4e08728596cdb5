"""A trainer some of whose steps are profiled."""

from collections.abc import Callable, Iterator

import tensorflow as tf

from tfadv.devices.workers import Workers
from tfadv.planning.plan import Plan
from tfadv.planning.precision import Precision
from tfadv.planning.workload import measure_workload
from tfadv.profiling.profile import Asked, Profile, check_left
from tfadv.training.outcome import Outcome
from tfadv.training.step_means import StepMeans
from tfadv.training.trainer import Trainer


class ProfiledTrainer(Trainer):
    """Does the same steps as `Trainer`, to the last bit.

    Args:
        plan: see `Trainer`.
        distribution: see `Trainer`.
        precision: see `Trainer`.
        asked: what to profile.
    """

    def __init__(
        self,
        plan: Plan,
        distribution: tf.distribute.Strategy,
        precision: Precision,
        asked: Asked,
    ):
        super().__init__(plan, distribution, precision)
        self._asked = asked
        workers = Workers(distribution)
        self._replicas_here = self.replicas // workers.count
        self._profile = Profile(asked, self.flops, self._replicas_here, workers.is_chief)

    def steps(self, stops: Callable[[], object] = lambda: False) -> Iterator[dict]:
        """Trains to the end of the plan; see `Trainer.steps`.

        Raises:
            UserError: fewer steps are left than are to be profiled.
        """
        check_left(self._asked.steps, self.plan.steps - self.step)
        with self._profile:
            yield from super().steps(stops)

    def do(self, batches: Iterator, count: int, before: StepMeans | None = None) -> Outcome:
        """Does some steps, or fewer where these are the ones to profile; see `Trainer.do`."""
        epoch = self.step // self.plan.steps_per_epoch
        function = self.train_step.phase(epoch), self.image_size(self.step)
        with self._profile.call(function, count) as call:
            outcome = super().do(batches, call.steps, before)
            call.work = int(outcome.done)
        return outcome

    def flops(self, steps: float) -> dict[str, float]:
        """Returns what this worker computes in some steps of the present epoch, by dtype."""
        plan, at_once = self.plan, self.train_step.images_at_once
        parts = self.model, plan.strategy, plan.attack, at_once
        epoch = self.step / plan.steps_per_epoch
        workload = measure_workload(*parts, attacks=plan.attacks, epoch=epoch)
        by_dtype = workload.flops(plan.training.dtype, plan.training.attack_dtype)
        images = steps * plan.training.batch_size * self._replicas_here / self.replicas
        return {dtype: count * images for dtype, count in by_dtype.items()}


def made_trainer(
    plan: Plan,
    distribution: tf.distribute.Strategy,
    precision: Precision,
    asked: Asked | None = None,
) -> Trainer:
    """Returns a trainer, which profiles what is asked for."""
    if asked is None:
        return Trainer(plan, distribution, precision)
    return ProfiledTrainer(plan, distribution, precision, asked)
