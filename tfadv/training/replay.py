"""A step whose numbers were not finite: kept whole, and done again alone."""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv.data import Splits
from tfadv.data.absent import AbsentSource
from tfadv.data.pipeline import Shares, train_batches
from tfadv.errors import UserError
from tfadv.optimization.schedules import RateFactor
from tfadv.planning.dtype_choice import ATTACK
from tfadv.planning.precision import Precision
from tfadv.planning.resolution import augmentation_at
from tfadv.runs import identity, noted_precision
from tfadv.runs.rate_factors import KEY as RATE_FACTOR
from tfadv.runs.step_dump import StepDump
from tfadv.training.finite import Fault, NotFiniteError
from tfadv.training.first_fault import broken_tensors
from tfadv.training.trainer import Trainer


def dump_of(trainer: Trainer, fault: Fault, run: Path) -> StepDump:
    """Returns all that a step takes, from the state in which `NotFiniteError` left a trainer.

    Args:
        trainer: which is as it was before the step.
        fault: what went wrong.
        run: the run's folder.
    """
    plan = trainer.plan
    source, size, seed = plan.feed.source, plan.training.batch_size, plan.experiment.seed
    of_epoch = trainer.image_size(fault.step - 1)
    augmentation = augmentation_at(plan.augmentation, source, of_epoch)
    whole = train_batches(
        source, augmentation, size, Shares(), seed, fault.step - 1, plan.feed.drawing
    )
    batch = {name: value.numpy() for name, value in next(iter(whole)).items()}
    record = {
        "step": fault.step,
        "run": str(run),
        "not_finite": list(fault.tensors),
        "images_at_fault": {str(place): title for place, title in fault.images.items()},
        "metrics": _exact(fault.metrics),
        "seed": seed,
        "replicas": trainer.replicas,
        "micro_batches": trainer.train_step.micro_batches,
        f"{RATE_FACTOR}s": [factor._asdict() for factor in plan.learning_rate.factors],
        "examples": {split: len(part) for split, part in plan.sources.items()},
        "image_shape": list(source.image_shape),
        "class_names": list(source.class_names),
        "titles_by_place": plan.feed.titles_of_step(fault.step - 1),
        "software": identity.of_software(),
        noted_precision.KEY: noted_precision.records(plan),
    }
    config = (run / "config.gin").read_text(encoding="utf-8")
    return StepDump(record, _state(trainer), batch, config)


class DumpedImages(AbsentSource):
    """The images of a dump's data set, of which it holds one batch.

    Args:
        record: the dump's.
        examples: how many there are.
    """

    def __init__(self, record: Mapping, examples: int):
        shape, reason = record["image_shape"], "a dump holds the images of one step alone"
        super().__init__("a dump", examples, record["class_names"], shape, reason, "")
        self._titles = record.get("titles", {})  # of a release that noted them by number

    def title(self, index: int) -> str:
        """Returns what an image was called; see `Source.title`."""
        return self._titles.get(str(index), super().title(index))


def sources_of(dump: StepDump) -> tuple[Splits, DumpedImages | None]:
    """Returns the data set of a dump, and what was trained on beside it, for a plan."""
    examples = dump.record["examples"]
    sources = {split: DumpedImages(dump.record, count) for split, count in examples.items()}
    return Splits(sources["train"], sources["test"]), sources.get("extra")


def precision_of(dump: StepDump) -> Precision:
    """Returns the dtypes of a dump's step."""
    found = noted_precision.choices(dump.record.get(noted_precision.KEY, {}))
    return Precision(found or {ATTACK: noted_precision.before_it_was_noted()})


class Replay:
    """A step of a dump, to be done again.

    Args:
        dump: the step.
        trainer: of the dump's configuration, before its first step.

    Raises:
        UserError: the trainer keeps other variables.
    """

    def __init__(self, dump: StepDump, trainer: Trainer):
        self._dump = dump
        self._trainer = trainer
        factors = dump.record[f"{RATE_FACTOR}s"]
        trainer.plan.learning_rate.factors = tuple(RateFactor(**one) for one in factors)
        trainer.skipped = trainer.plan.training.skip_non_finite  # no more
        _restore(trainer, dump.state)

    def run(self) -> tuple[Fault | None, list[str]]:
        """Does the step as the run did it, and once more with a look at every layer.

        Returns:
            What was not finite, and names of it in the order of computation; None and
            nothing, where all is finite now.
        """
        try:
            self._trainer.do(self._batches(), 1)
        except NotFiniteError as error:
            first = broken_tensors(self._trainer, next(self._batches()))
            return self._titled(error.fault), first or list(error.fault.tensors)
        return None, []

    def _titled(self, fault: Fault) -> Fault:
        """Returns a fault whose images are called as the run called them."""
        titles = self._dump.record.get("titles_by_place")
        if titles is None:
            return fault
        return dataclasses.replace(fault, images={place: titles[place] for place in fault.images})

    def unlike(self, fault: Fault) -> list[str]:
        """Returns in what a replayed step differs from the run's: nothing, to the last bit."""
        record, trainer = self._dump.record, self._trainer
        different = []
        if record["replicas"] != trainer.replicas:
            different.append(f"{trainer.replicas} replicas in place of {record['replicas']}")
        if record["software"] != identity.of_software():
            different.append("other versions of the software")
        for name, value in _exact(fault.metrics).items():
            if value != record["metrics"][name]:
                before = float.fromhex(record["metrics"][name])
                different.append(f"{name} {float.fromhex(value)!r} in place of {before!r}")
        if list(fault.tensors) != record["not_finite"]:
            different.append("other tensors that are not finite")
        return different

    def _batches(self) -> Iterator:
        def shares(context: tf.distribute.InputContext) -> tf.data.Dataset:
            of = Shares.of(context)
            places = range(of.first, of.first + of.here)
            batch = self._dump.batch.items()
            parts = {n: np.stack([v[p :: of.replicas] for p in places]) for n, v in batch}
            return tf.data.Dataset.from_tensor_slices(parts)

        return iter(self._trainer.distribution.distribute_datasets_from_function(shares))


def _named(trainer: Trainer) -> dict[str, tf.Variable]:
    """Returns what a trainer keeps between two steps, by names as in a checkpoint."""
    found = {f"model/{v.path}": v.value for v in trainer.model.variables}
    found |= {f"optimizer/{v.path}": v.value for v in trainer.optimizer.variables}
    averages = trainer.average.by_path().items() if trainer.average else ()
    return found | {f"average/{path}": value for path, value in averages}


def _state(trainer: Trainer) -> dict[str, np.ndarray]:
    """Returns the values of variables, those of all replicas where they differ."""
    found = {}
    for name, variable in _named(trainer).items():
        local = trainer.distribution.experimental_local_results(variable)
        values = [np.array(part) for part in local]
        same = all(np.array_equal(value, values[0]) for value in values)
        found[name] = values[0] if same else np.stack(values)
    return found


def _restore(trainer: Trainer, state: Mapping[str, np.ndarray]) -> None:
    variables = _named(trainer)
    if variables.keys() != state.keys():
        name = min(variables.keys() ^ state.keys())
        raise _is_of_another_model(name)
    for name, variable in variables.items():
        value = state[name]
        each = [value] if value.ndim == len(variable.shape) else value
        if any(one.shape != tuple(variable.shape) for one in each):
            raise _is_of_another_model(name)
        local = trainer.distribution.experimental_local_results(variable)
        for part, one in zip(local, itertools.cycle(each), strict=False):
            part.assign(one)


def _is_of_another_model(name: str) -> UserError:
    return UserError(f"--replay: the dump is of another model or optimizer: see '{name}'")


def _exact(metrics: Mapping[str, float]) -> dict[str, str]:
    return {name: value.hex() for name, value in metrics.items()}
