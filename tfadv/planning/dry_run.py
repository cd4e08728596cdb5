"""What a run would do, take and cost, and which row of the paper it is."""

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras

from tfadv import config, registry
from tfadv.config.hardware import Hardware
from tfadv.devices.local import has_accelerator, physical_memory
from tfadv.files import read_json_lines
from tfadv.models.classifier import Trainable
from tfadv.models.weight_groups import by_depth, weights_of
from tfadv.paper import PUBLISHED_SCALE, PaperRow
from tfadv.planning.distribution import share_of_batch
from tfadv.planning.memory import Memory, bytes_of, estimate_memory
from tfadv.planning.paper_rows import nearest_row
from tfadv.planning.plan import Plan
from tfadv.planning.run_workload import RunWorkload, measure_run
from tfadv.planning.scheduled import schedules_of

GIB = 2**30
DAY = 24 * 3600


def report(
    read: config.Config,
    plan: Plan,
    model: Trainable,
    kept: Sequence[keras.Variable],
    replicas: int,
    folder: Path,
) -> Iterator[str]:
    """Yields the lines that ``--dry_run`` prints.

    Args:
        read: the configuration.
        plan: what it makes.
        model: the plan's model, untrained.
        kept: what a replica keeps between two steps.
        replicas: of this machine.
        folder: the run's, whose measured speed is taken if it has one.
    """
    hardware, training = plan.hardware, plan.training
    devices = hardware.count(training.batch_size, replicas)
    share = share_of_batch(training.batch_size, devices, "Training.batch_size")
    at_once = share // training.micro_batches(share)
    ghosts = plan.norm_policy.ghost_batches(at_once)
    yield from _paper_lines(read)
    yield f"model     {model.count_params():,} parameters"
    yield (
        f"step      {training.batch_size} images = {devices} device(s) x {share // at_once} "
        f"micro-batch(es) x {at_once}; {at_once // ghosts} images share batch statistics"
    )
    yield from _work_lines(plan)
    for name, schedule in schedules_of(plan).items():
        yield f"schedule  {name}: {schedule}"
    yield from _validation_lines(plan)
    yield from _update_lines(plan, model)
    workload = measure_run(plan, model, at_once)
    memory = estimate_memory(plan, model, kept, at_once, share // at_once, workload)
    yield from _memory_lines(memory, at_once, hardware, replicas)
    gradient_bytes = bytes_of(model.trainable_variables)
    yield from _time_lines(plan, workload, gradient_bytes, devices, folder)
    for key, (value, source) in registry.borrowed().items():
        yield f"borrowed  {key} = {value!r}, from {source} ({read.where(source)})"
    yield ""
    yield read.text()


def _paper_lines(read: config.Config) -> Iterator[str]:
    row, differences = nearest_row(read.values)
    yield f"paper     {row.where}: '{row.name}': {_printed(row)}"
    yield f"          {' + '.join([*row.files, PUBLISHED_SCALE])}"
    if not differences:
        yield "          this is that row, parameter by parameter"
        return
    yield f"          parameters in which this run differs from it: {len(differences)}"
    for key, (theirs, ours) in differences.items():
        yield f"            {key}: {theirs!r} there, {ours!r} here"


def _printed(row: PaperRow) -> str:
    """Returns a row's numbers, by its branches where it has some."""
    printed = []
    for branch, by_attack in row.published.items():
        numbers = [f"{value}% {attack}" for attack, value in by_attack.items() if value is not None]
        if numbers:
            of_branch = f"{branch} branch " if row.has_branches else ""
            printed.append(of_branch + ", ".join(numbers))
    return "; ".join(printed) or "no number printed"


def _work_lines(plan: Plan) -> Iterator[str]:
    for line in plan.feed.lines:
        yield f"images    {line}"
    training, attacks = plan.training, {plan.experiment.attack: plan.attack} | plan.attacks
    shown = (f"{spec}, {one.describe().get('steps', '?')} steps" for spec, one in attacks.items())
    yield (
        f"device    attacks its images ({', '.join(shown)}, "
        f"{training.attack_dtype}), trains on {' and '.join(plan.strategy.kinds)} images "
        f"({training.dtype}), all-reduces gradients and statistics, updates"
    )
    for parameter, choice in plan.precision.items():
        yield f"precision {choice.line(parameter)}"
    yield (
        f"run       {training.epochs} epochs x {plan.steps_per_epoch} steps = {plan.steps:,} "
        f"steps; learning rate {float(plan.learning_rate(0)):g} at first, at most "
        f"{plan.learning_rate.base_rate:g}"
    )


def _validation_lines(plan: Plan) -> Iterator[str]:
    parts = plan.validation
    if parts:
        settings, images = parts.settings, len(parts.source)
        yield (
            f"validate  {min(settings.examples or images, images):,} of {parts.source.name}, every "
            f"{settings.every_epochs} epoch(s): {', '.join(['clean', *parts.attacks])}; best by "
            f"{settings.criterion}"
        )


def _update_lines(plan: Plan, model: Trainable) -> Iterator[str]:
    training, every = plan.training, len(model.trainable_variables)
    decayed = len(weights_of(model, training.weight_decay_of))
    clips = f", gradients to a norm of {training.clip_norm:g}" if training.clip_norm else ""
    yield (
        f"update    {plan.experiment.optimizer}{clips}; weight decay of {decayed} of {every} "
        f"weights ({', '.join(training.weight_decay_of)})"
    )
    if training.layer_rate_decay == 1:
        return
    groups = by_depth(model)
    lowest = training.layer_rate_decay ** (len(groups) - 1)
    yield (
        f"rates     of {len(groups)} depths: x{lowest:.3g} in {_layer(groups[0][0])}, "
        f"x{training.layer_rate_decay:g} in {_layer(groups[-2][0])}, x1 in {_layer(groups[-1][-1])}"
        if len(groups) > 1
        else "rates     of one depth: the network has no layers to tell apart"
    )


def _layer(variable: keras.Variable) -> str:
    return variable.path.partition("/")[0]


def _memory_lines(memory: Memory, at_once: int, hardware: Hardware, replicas: int) -> Iterator[str]:
    yield (
        f"memory    about {memory.device / GIB:.3g} GiB a device: weights and optimizer "
        f"{memory.kept / GIB:.3g}, gradients and update {memory.update / GIB:.3g}, activations of "
        f"{at_once} images {memory.activations / GIB:.3g}"
    )
    if hardware.device or has_accelerator():
        return
    whole, there = memory.process(replicas), physical_memory()
    yield (
        f"          about {whole / GIB:.3g} GiB this process, {memory.program / GIB:.3g} of it "
        "TensorFlow, images and graphs"
    )
    if whole > there:
        yield (
            f"          more than the {there / GIB:.3g} GiB of this computer: less with "
            "Training.recompute = 'blocks', and with a smaller Training.micro_batch_size"
        )


def _time_lines(
    plan: Plan, workload: RunWorkload, gradient_bytes: int, devices: int, folder: Path
) -> Iterator[str]:
    hardware, images = plan.hardware, plan.training.batch_size
    by_dtype = workload.flops(plan.training.dtype, plan.training.attack_dtype)
    flops = {dtype: count * images for dtype, count in by_dtype.items()}
    shares = ", ".join(f"{count / 1e12:.4g} in {dtype}" for dtype, count in flops.items())
    total = sum(flops.values())
    yield (
        f"compute   {total / 1e12:.4g} TFLOP a step ({shares}), {total * plan.steps:.3g} FLOP "
        "in all"
    )
    stated = hardware.seconds(flops, devices)
    if stated is not None:
        basis = f"{devices} x {hardware.device} at {hardware.utilization:.0%} of the peak"
        yield _time_line(f"stated: {basis}", stated, plan.steps, hardware, devices)
        yield from _network_line(gradient_bytes, stated, hardware, devices)
    speed = hardware.images_per_second or _recorded_speed(folder / "metrics.jsonl")
    if speed:
        basis = f"measured: {speed:.4g} images/s"
        yield _time_line(basis, images / speed, plan.steps, hardware, devices)
    if stated is None and not speed:
        yield (
            "time      unknown: state Hardware.device or Hardware.images_per_second, or let the "
            "run begin: its metrics.jsonl is read"
        )


def _network_line(size: int, compute: float, hardware: Hardware, devices: int) -> Iterator[str]:
    seconds = hardware.all_reduce_seconds(size, devices)
    if seconds is not None and devices > 1:
        as_long = compute * devices * hardware.bandwidth * 1e9 / (2 * size)
        yield (
            f"network   {size / 1e9:.3g} GB of gradients a step take {seconds:.2g} s at "
            f"{hardware.bandwidth:g} GB/s, {seconds / compute:.1%} of the computation; as long as "
            f"the computation on {as_long:,.0f} devices"
        )


def _time_line(basis: str, per_step: float, steps: int, hardware: Hardware, devices: int) -> str:
    total = per_step * steps
    shown = f"{total / DAY:.3g} days" if total > 2 * DAY else f"{total / 3600:.3g} hours"
    line = f"time      {per_step:.3g} s a step, {shown} ({basis})"
    if hardware.price_per_hour is None:
        return f"{line}; price: state Hardware.price_per_hour"
    return f"{line}; price {total / 3600 * devices * hardware.price_per_hour:,.0f}"


def _recorded_speed(metrics: Path) -> float | None:
    speeds = [line["images_per_second"] for line in read_json_lines(metrics, "images_per_second")]
    # The first call was traced and compiled.
    return statistics.median(speeds[1:] or speeds) if speeds else None
