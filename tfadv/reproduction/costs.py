"""What the runs that are still to be made compute, and how long that takes."""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tfadv import config
from tfadv.config.hardware import Hardware
from tfadv.evaluation.attack_runs import planned
from tfadv.models import Model
from tfadv.planning.plan import Plan, build_plan
from tfadv.planning.run_workload import measure_run
from tfadv.planning.workload import ATTACK_PASSES, measure_forward
from tfadv.registry import MODELS
from tfadv.reproduction.cells import Cell
from tfadv.reproduction.runner import Runner
from tfadv.runs import identity

_HOUR, _DAY = 3600, 24 * 3600
# Enough that a fifth of them is a whole number; a step's images are counted one by one.
_COUNTED_IMAGES = 320


class Cost(NamedTuple):
    """What a cell computes.

    Attributes:
        training: operations by dtype.
        evaluation: likewise; cycles of the attack and images that it has beaten save some.
    """

    training: dict[str, float]
    evaluation: dict[str, float]

    @property
    def total(self) -> float:
        """All operations."""
        return sum(self.training.values()) + sum(self.evaluation.values())


class Costs:
    """Counts the operations of cells; a network that several have is traced once.

    Args:
        runner: of the reproduction.
    """

    def __init__(self, runner: Runner):
        self._runner = runner
        self._networks: dict[str, tuple[Model, float]] = {}

    def of(self, cell: Cell) -> Cost:
        """Counts a cell's operations.

        Raises:
            UserError: it can't be built.
        """
        read = self._runner.read(cell)
        plan = build_plan(read)
        model, forward = self._network(read, plan)
        plan = self._runner.precision(cell).of_run(plan, model, 1, identity.alone())
        images = min(plan.training.batch_size, _COUNTED_IMAGES)
        workload = measure_run(plan, model, images, forward)
        of_an_image = workload.flops(plan.training.dtype, plan.training.attack_dtype)
        trained = plan.steps * plan.training.batch_size
        training = {dtype: count * trained for dtype, count in of_an_image.items()}
        return Cost(training, _evaluation(plan, model, forward))

    def _network(self, read: config.Config, plan: Plan) -> tuple[Model, float]:
        """Returns a plan's model, or one of the same network, and what it computes."""
        experiment, source = plan.experiment, plan.splits.train
        part = f"{MODELS.parts[experiment.model].__name__}."
        bound = {k: v for k, v in read.values.items() if k.startswith(part)}
        key = json.dumps(
            [experiment.model, experiment.norm, source.image_shape, source.classes, bound],
            sort_keys=True,
        )
        if key not in self._networks:
            model = plan.build_model()
            self._networks[key] = model, measure_forward(model)
        return self._networks[key]


def _evaluation(plan: Plan, model: Model, forward: float) -> dict[str, float]:
    evaluation = plan.evaluation
    shared = evaluation.trajectory == "shared"
    sequences = planned(plan.evaluation_attacks, shared, evaluation.worst_case)
    passes = sum(run.attack.passes for runs in sequences for run in runs) * evaluation.restarts
    images = evaluation.examples or len(plan.splits.test)
    of_an_image = forward * (ATTACK_PASSES * passes + 1)
    return {evaluation.dtype: of_an_image * images * len(plan.branches(model))}


def lines(runner: Runner, cells: Sequence[Cell], hardware: Hardware) -> Iterator[str]:
    """Yields what ``--dry_run`` prints: the grid, what is there, and what the rest takes.

    Args:
        runner: of the reproduction.
        cells: all of its runs.
        hardware: that the scale names.
    """
    costs, left, spent = Costs(runner), {}, []
    for number, cell in enumerate(cells, 1):
        cost = costs.of(cell)
        finished = runner.is_finished(cell)
        state = "finished" if finished else runner.why_missing(cell)
        yield (
            f"{number}/{len(cells)} {cell.name}, seed {cell.seed}: {state}; "
            f"{sum(cost.training.values()):.3g} FLOP of training, at most "
            f"{sum(cost.evaluation.values()):.3g} of evaluation"
        )
        if finished:
            spent.append((cost.total, sum(runner.seconds(cell).values())))
        else:
            left[cell] = cost
    yield f"runs: {len(cells) - len(left)} finished, {len(left)} to do"
    if left:
        devices = hardware.count(runner.setting.values["Training.batch_size"], 1)
        yield from _rest(list(left.values()), spent, hardware, devices)


def _rest(
    left: Sequence[Cost], spent: Sequence[tuple[float, float]], hardware: Hardware, devices: int
) -> Iterator[str]:
    """Yields what the runs that are left take."""
    total = sum(cost.total for cost in left)
    yield f"compute: at most {total:.3g} FLOP"
    by_dtype: dict[str, float] = {}
    for cost in left:
        for part in cost:
            for dtype, count in part.items():
                by_dtype[dtype] = by_dtype.get(dtype, 0.0) + count
    stated = hardware.seconds(by_dtype, devices)
    if stated is not None:
        peak = f"{devices} x {hardware.device} at {hardware.utilization:.0%} of the peak"
        yield f"time: at most {_duration(stated)} ({peak}){_price(stated, devices, hardware)}"
    seconds = sum(one for _, one in spent)
    if seconds:
        speed = sum(count for count, _ in spent) / seconds
        time = total / speed
        yield (
            f"time: about {_duration(time)}, at the {speed / 1e9:.3g} GFLOP/s of the "
            f"{len(spent)} finished run(s){_price(time, devices, hardware)}"
        )
    if stated is None and not seconds:
        yield "time: unknown: state Hardware.device, or let one run finish: its speed is taken"


def _duration(seconds: float) -> str:
    if seconds < _HOUR:
        return f"{seconds / 60:.3g} minutes"
    return f"{seconds / _DAY:.3g} days" if seconds > 2 * _DAY else f"{seconds / _HOUR:.3g} hours"


def _price(seconds: float, devices: int, hardware: Hardware) -> str:
    if hardware.price_per_hour is None:
        return "; price: state Hardware.price_per_hour"
    return f"; price {seconds / _HOUR * devices * hardware.price_per_hour:,.0f}"
