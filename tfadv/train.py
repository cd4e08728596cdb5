"""Trains and evaluates a model: ``python -m tfadv.train --gin_file=gin/mbn_alp.gin``.

The same command again resumes the run, or prints a finished one.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from absl import flags

from tfadv import config
from tfadv.config import command_line
from tfadv.data.absent import AbsentSource
from tfadv.devices.local import device_names
from tfadv.devices.workers import WorkerLost, Workers
from tfadv.errors import UserError
from tfadv.files import write_text
from tfadv.planning import dry_run
from tfadv.planning.plan import build_plan
from tfadv.reports.console import results_table
from tfadv.runs import identity
from tfadv.runs.run_directory import RunDirectory, default_path
from tfadv.training.session import Interrupted, Session
from tfadv.training.trainer import Trainer

FLAGS = flags.FLAGS
command_line.define_config_flags()
flags.adopt_module_key_flags(command_line)  # --help shows them
flags.DEFINE_string("model_dir", None, "The run's folder; by default runs/RECIPE-SCALE.")
flags.DEFINE_bool("dry_run", False, "Check everything, print the configuration, train nothing.")


def main(argv):
    """Configures, then runs."""
    with command_line.configuration() as read:
        command_line.refuse_arguments(argv)
        if not FLAGS.gin_file:
            raise UserError("name a recipe, such as --gin_file=gin/mbn_alp.gin")
        run(read, Path(FLAGS.model_dir or default_path(read, FLAGS.gin_bindings)))


def run(read: config.Config, path: Path) -> None:
    """Trains in `path`, or resumes there, and prints the results."""
    console = command_line.terminal()
    directory = RunDirectory(path)
    directory.check(read)
    plan = build_plan(read)
    train = plan.splits.train
    if isinstance(train, AbsentSource) and not train.is_counted:
        train.check_present()  # not even a plan can be made
    results = directory.results()
    if FLAGS.dry_run or results is not None:
        identity.check_run(directory, plan, identity.alone())
    if FLAGS.dry_run:
        command_line.warn(plan.warnings)
        trainer = Trainer(plan, plan.distribution.create())
        trainer.load_initial_weights()
        kept, replicas = trainer.variables, trainer.replicas
        for line in dry_run.report(read, plan, trainer.model, kept, replicas, path):
            console.print(line)
        return
    if results is None:
        for source in plan.splits:
            source.check_present()
        distribution = plan.distribution.create()
        workers = Workers(distribution)
        console.quiet = not workers.is_chief
        workers.agree("configuration", read.text())
        bound_to = identity.check_run(directory, plan, workers)
        trainer = Trainer(plan, distribution)
        session = Session(trainer)
        if not directory.has_checkpoint:
            trainer.load_initial_weights()
        console.print(
            f"{path}: {trainer.model.count_params():,} parameters, {plan.steps:,} steps of "
            f"{plan.training.batch_size} images on {trainer.replicas} replica(s)"
        )
        if workers.is_chief:
            command_line.warn(plan.warnings)
            directory.claim(read, device_names(), plan.experiment.seed, bound_to)
            write_text(path / "operative_config.gin", config.operative_text())
        with _stops_in_one_line():
            results = session.run(directory)
    console.print(results_table(results))
    if "weight_average" in results:
        console.print(results_table(results["weight_average"], "moving average of the weights"))
    console.print(f"every file of this run: {path}")


@contextlib.contextmanager
def _stops_in_one_line() -> Iterator[None]:
    """Ends the program where a run inside is stopped, and says how to resume it."""
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
    except Interrupted as interruption:
        print(f"{interruption}: saved; the same command resumes from there", file=sys.stderr)
        sys.exit(128 + interruption.signal)
    except KeyboardInterrupt:
        print("interrupted: the same command resumes from the last save", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    command_line.run(main)
