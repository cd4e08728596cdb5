"""All numbers of a plan that change with the epoch, by their names."""

from collections.abc import Iterator

from tfadv.config.training_settings import RESOLUTION
from tfadv.planning.plan import Plan
from tfadv.registry.schedule import Schedule

# Before the names of the metrics.
PREFIX = "schedule"


def schedules_of(plan: Plan) -> dict[str, Schedule]:
    """Returns the schedules by their parameters, ``PGD.epsilon`` or ``weak/PGD.epsilon``."""
    found = {}
    attacks = {plan.experiment.attack: plan.attack, **plan.attacks} if plan.strategy.attacks else {}
    for spec, attack in attacks.items():
        scope, slash, _ = spec.rpartition("/")
        part = f"{scope}{slash}{type(attack).__name__}"
        found |= {f"{part}.{name}": schedule for name, schedule in attack.schedules.items()}
    sizes = plan.training.resolution
    return found | plan.strategy.schedules | ({} if sizes is None else {RESOLUTION: sizes})


def scalars_at(plan: Plan, step: int) -> dict[str, float]:
    """Returns the values of a step, counted from 0, by the names of their curves."""
    epoch = step / plan.steps_per_epoch
    return {f"{PREFIX}/{name}": one.value(epoch) for name, one in schedules_of(plan).items()}


def unreached(plan: Plan) -> Iterator[str]:
    """Yields warnings of schedules whose last point the run doesn't reach.

    What is recorded of the model, as its threat model, is the end of each.
    """
    epochs = plan.training.epochs
    for name, schedule in schedules_of(plan).items():
        last = schedule.points[-1][0]
        if last >= epochs > 0:
            yield (
                f"the schedule of {name} reaches {schedule.end:g} at epoch {last:g}, and "
                f"Training.epochs = {epochs}: the run ends before"
            )
