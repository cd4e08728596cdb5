"""A run from its plan to its results: begun, or resumed where its folder has one."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from tfadv import config
from tfadv.devices.local import device_names
from tfadv.devices.workers import WorkerLost, Workers
from tfadv.files import write_text
from tfadv.interop import stated_pixels
from tfadv.planning.plan import Plan
from tfadv.planning.precision import Precision
from tfadv.planning.scheduled import unreached
from tfadv.profiling.profile import Asked
from tfadv.runs import division, identity, noted_precision
from tfadv.runs.one_writer import writing
from tfadv.runs.run_directory import RunDirectory
from tfadv.training.continuation import Continuation
from tfadv.training.profiled import made_trainer
from tfadv.training.session import Session
from tfadv.training.trainer import Trainer

_ABOUT_WEIGHTS = "about_initial_weights"  # in run.json


class Says(Protocol):
    """Tells a person what a run is at."""

    def say(self, line: str) -> None:
        """Says what is done."""

    def warn(self, lines: Iterable[str]) -> None:
        """Says what is hardly meant so."""

    def note(self, lines: Iterable[str]) -> None:
        """Says what is to be known."""

    def silence(self) -> None:
        """Says nothing more: another worker does."""


def train(
    read: config.Config,
    plan: Plan,
    directory: RunDirectory,
    says: Says,
    continuation: Continuation | None = None,
    rate_factor: float | None = None,
    listeners: Sequence[Callable[[dict], object]] = (),
    profile: Asked | None = None,
) -> dict:
    """Trains, or resumes, and evaluates at the end.

    Args:
        read: the configuration.
        plan: what it makes.
        directory: the run's folder, which holds this run or nothing.
        says: tells what is done.
        continuation: of the run that this one begins from, if it does.
        rate_factor: of the learning rate; see `Session.run`.
        listeners: see `Validations`.
        profile: which steps to profile, if some are to be.

    Returns:
        The record in ``results.json``.

    Raises:
        UserError: the folder, images, weights or workers are not the run's; see `Session.run`.
    """
    plan.check_present()
    distribution = plan.distribution.create()
    workers = Workers(distribution)
    if not workers.is_chief:
        says.silence()
    with writing(directory.path, directory.lock_path, "model_dir", workers):
        directory.check(read)  # once more: another process may have been here since
        workers.agree("configuration", read.text())
        bound_to = identity.check_run(directory, plan, workers)
        takes_over = continuation is not None and continuation.begins
        noted = noted_precision.of_run(continuation.old if takes_over else directory)
        session = Session(made_trainer(plan, distribution, Precision(noted), profile), listeners)
        trainer = session.trainer
        notes = _begin(directory, trainer, continuation if takes_over else None, workers)
        if workers.is_chief:
            _announce(says, directory, trainer, notes.get(_ABOUT_WEIGHTS, ()))
            _claim(directory, read, trainer, bound_to, notes)
            if takes_over:
                continuation.save(trainer)
        workers.greatest(takes_over)  # they all read what the chief has saved
        with _stops_with_a_worker():
            return session.run(directory, rate_factor)


def _begin(
    directory: RunDirectory,
    trainer: Trainer,
    continuation: Continuation | None,
    workers: Workers,
) -> dict[str, object]:
    """Gives a run that begins its first weights; returns what its start is to note of them."""
    if continuation:
        return continuation.take_over(trainer)
    if directory.has_checkpoint:
        division.check(directory.path, directory.starts(), trainer.train_step.division)
        return {}
    about_weights = trainer.load_initial_weights()
    stated_pixels.check(trainer.plan, trainer.model, workers)
    return {_ABOUT_WEIGHTS: about_weights} if about_weights else {}


def _claim(
    directory: RunDirectory,
    read: config.Config,
    trainer: Trainer,
    bound_to: Mapping[str, object],
    notes: Mapping[str, object],
) -> None:
    """Writes what a start is to leave before its first step."""
    plan, divided = trainer.plan, trainer.train_step.division
    directory.claim(read, device_names(), plan.experiment.seed, bound_to, divided)
    if plan.precision:
        directory.note(**{noted_precision.KEY: noted_precision.records(plan)})
    if notes:
        directory.note_start(**notes)
    write_text(directory.path / "operative_config.gin", config.operative_text())


def _announce(
    says: Says, directory: RunDirectory, trainer: Trainer, about_weights: Sequence[str]
) -> None:
    plan = trainer.plan
    says.say(
        f"{directory.path}: {trainer.model.count_params():,} parameters, {plan.steps:,} steps "
        f"of {plan.training.batch_size} images on {trainer.replicas} replica(s)"
    )
    says.warn([*plan.warnings, *unreached(plan)])
    says.note(choice.line(name) for name, choice in plan.precision.items())
    says.note(about_weights)


@contextlib.contextmanager
def _stops_with_a_worker() -> Iterator[None]:
    """Ends the program where another worker is lost, and says how to resume the run."""
    try:
        yield
    except WorkerLost as loss:
        print(
            f"error: {loss}: start all workers again with the same command, and they resume "
            "from the last save",
            file=sys.stderr,
            flush=True,
        )
        os._exit(3)  # the lost worker would never answer a clean shutdown
