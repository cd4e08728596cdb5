"""Trains and evaluates a model.

The same command again resumes the run, or prints a finished one. With ``--resume_as=NEW`` the run
of ``--model_dir`` goes on in another folder, under another configuration.

Examples::

    # A recipe on the digits, in minutes; gin/ holds the others.
    python -m tfadv.train --gin_file=gin/mbn_alp.gin
    # On CIFAR-10, with another attack: what it would be, without training.
    python -m tfadv.train --gin_file=gin/mbn.gin --gin_file=gin/scale/cifar10_laptop.gin \\
        --gin_bindings='PGD.steps = 5' --dry_run
    # With a seed and a folder of its own.
    python -m tfadv.train --gin_file=gin/mbn.gin --gin_bindings='Experiment.seed = 1' \\
        --model_dir=runs/mbn_seed1
"""

import sys
from pathlib import Path

from absl import flags

from tfadv import config
from tfadv.config import command_line, command_start, profile_flag
from tfadv.errors import UserError

FLAGS = flags.FLAGS
command_line.define_config_flags()
flags.DEFINE_string("model_dir", None, "The run's folder; by default runs/RECIPE-SCALE.")
flags.DEFINE_string(
    "resume_as",
    None,
    "A new folder: the run of --model_dir goes on there with other --gin_bindings.",
)
flags.DEFINE_string("replay", None, "A step that was not finite, as a run kept it: done again.")
flags.DEFINE_float(
    "learning_rate_factor",
    None,
    "Of a run that is resumed: multiplies the configured rate from its last checkpoint on.",
)
flags.DEFINE_bool("dry_run", False, "Check everything, print the configuration, train nothing.")
profile_flag.define()
flags.adopt_module_key_flags(command_line)  # --help shows them
flags.adopt_module_key_flags(profile_flag)


def check_flags() -> None:
    """Raises `UserError` if flags are missing, or don't go together."""
    if FLAGS.replay:
        others = ("model_dir", "dry_run", "learning_rate_factor", "resume_as", "profile")
        command_line.refuse_flags(others, "does not go with --replay")
    elif FLAGS.resume_as:
        if not FLAGS.model_dir:
            raise UserError("--resume_as goes with --model_dir, which names the run to go on with")
        why = "does not go with --resume_as: bind LearningRate.rate_per_256"
        command_line.refuse_flags(["learning_rate_factor"], why)
    elif not FLAGS.gin_file:
        raise UserError("name a recipe, such as --gin_file=gin/mbn_alp.gin")
    if FLAGS.dry_run:
        command_line.refuse_flags(["profile"], "profiles steps, and --dry_run does none")
    profile_flag.check()


command_start.begin(__name__, check_flags)  # what follows takes seconds to import

from tfadv.data.absent import AbsentSource
from tfadv.planning import dry_run
from tfadv.planning.plan import Plan, build_plan
from tfadv.planning.precision import Precision
from tfadv.planning.scheduled import unreached
from tfadv.profiling.profile import Asked, check_left
from tfadv.reports.console import average_record, results_table
from tfadv.reports.profile_table import show_on
from tfadv.runs import identity, noted_precision, step_dump, trained_run
from tfadv.runs.one_writer import remove_left
from tfadv.runs.rate_factors import check_factor
from tfadv.runs.run_directory import RunDirectory, default_path
from tfadv.runs.run_files import PROFILE
from tfadv.training.continuation import Continuation, check_begun
from tfadv.training.replay import Replay, precision_of, sources_of
from tfadv.training.start import train
from tfadv.training.trainer import Trainer


def main(argv):
    """Configures, then runs."""
    if FLAGS.replay:
        replay()
        return
    if FLAGS.resume_as:
        resume_as()
        return
    with command_line.configuration() as read:
        run(read, Path(FLAGS.model_dir or default_path(read, FLAGS.gin_bindings)))


def resume_as() -> None:
    """Goes on with a run in another folder, under its configuration and what the flags add."""
    with command_line.mistakes_in_one_line() as found:
        source, path = Path(FLAGS.model_dir), Path(FLAGS.resume_as)
        found.read = command_line.read_flags([trained_run.config_file(source)])
        run(found.read, path, Continuation(RunDirectory(source), RunDirectory(path), found.read))


def run(read: config.Config, path: Path, continuation: Continuation | None = None) -> None:
    """Trains in `path`, or resumes there, and prints the results.

    Args:
        read: the configuration.
        path: the run's folder.
        continuation: of the run that this one begins from, if it does.
    """
    console = command_line.terminal()
    directory = RunDirectory(path)
    directory.check(read)
    _check_rate_factor(directory)
    plan = build_plan(read)
    if continuation is None:
        check_begun(directory)
    images = plan.splits.train
    if isinstance(images, AbsentSource) and not images.is_counted:
        images.check_present()  # not even a plan can be made
    results = directory.results()
    profile = _profile(directory, plan)
    if results is not None and not FLAGS.dry_run:
        remove_left(directory.path, directory.lock_path, "model_dir")
    if FLAGS.dry_run or results is not None:
        identity.check_run(directory, plan, identity.alone())
    if FLAGS.dry_run:
        command_line.warn([*plan.warnings, *unreached(plan)])
        plan.build_trackers()
        begins = continuation is not None and continuation.begins
        noted = noted_precision.of_run(continuation.old if begins else directory)
        trainer = Trainer(plan, plan.distribution.create(), Precision(noted, measures=False))
        if begins:
            continuation.take_over(trainer)
            command_line.note([f"'{path}' would go on at step {trainer.step:,}"])
        else:
            command_line.note(trainer.load_initial_weights())
        kept, replicas = trainer.variables, trainer.replicas
        for line in dry_run.report(read, trainer.plan, trainer.model, kept, replicas, path):
            console.print(line)
        return
    if results is None:
        says, factor = command_line.Lines(console), FLAGS.learning_rate_factor
        results = train(read, plan, directory, says, continuation, factor, profile=profile)
    console.print(results_table(results))
    average = average_record(results)
    if average:
        console.print(results_table(average, "moving average of the weights"))
    if "stopped_early" in results:
        early = results["stopped_early"]
        console.print(f"stopped early, at step {early['step']:,}: {early['reason']}")
    console.print(f"every file of this run: {path}")


def _profile(directory: RunDirectory, plan: Plan) -> Asked | None:
    """Returns what ``--profile`` asks for.

    Raises:
        UserError: the run has no steps left, or too few.
    """
    if FLAGS.profile is None:
        return None
    if directory.results() is not None:
        why = f"needs a run that still trains: '{directory.path}' does not"
        command_line.refuse_flags(["profile"], why)
    check_left(FLAGS.profile, plan.steps)
    return Asked(FLAGS.profile, directory.path / PROFILE, show_on(command_line.terminal()))


def _check_rate_factor(directory: RunDirectory) -> None:
    """Raises `UserError` if a run can't go on at the rate that a flag asks for."""
    check_factor(FLAGS.learning_rate_factor)
    if not directory.starts():
        why = "is for a run that has begun: bind LearningRate.rate_per_256"
        command_line.refuse_flags(["learning_rate_factor"], why)
    if FLAGS.dry_run or directory.results() is not None:
        why = f"needs a run that still trains: '{directory.path}' does not"
        command_line.refuse_flags(["learning_rate_factor"], why)


def replay() -> None:
    """Does one step again, as a run kept it, and ends with 1 if it is not finite again."""
    with command_line.mistakes_in_one_line() as found:
        folder = step_dump.place(Path(FLAGS.replay))
        dump = step_dump.StepDump.read(folder)
        found.read = command_line.read_flags([step_dump.config_file(folder)])
        identity.check_plugins(folder, found.read)
        plan = build_plan(found.read, *sources_of(dump))
        again = Replay(dump, Trainer(plan, plan.distribution.create(), precision_of(dump)))
        fault, names = again.run()
        if fault is None:
            print(f"step {dump.record['step']}: finite")
            return
        print(f"{fault}\nfirst: {names[0]}")
        for name in names[1:]:
            print(f"then: {name}")
        unlike = again.unlike(fault)
        print(f"unlike the run: {', '.join(unlike)}" if unlike else "the run's step, bit for bit")
        sys.exit(1)


if __name__ == "__main__":
    command_line.run(main)
