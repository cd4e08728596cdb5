"""Reproduces the paper's tables and figures.

Every model that the experiment needs is trained and evaluated at the scale that the gin
files choose, and the report shows each number beside the paper's. The same command again
resumes; other experiments in the same folder share the models.

Examples::

    python -m tfadv.reproduce --list
    python -m tfadv.reproduce --experiment=table1
    python -m tfadv.reproduce --experiment=everything --gin_file=gin/scale/imagenet_8gpu.gin \\
        --gin_bindings='Hardware.price_per_hour = 2.0' --dry_run
"""

import sys
from pathlib import Path

from absl import flags

from tfadv.config import command_line, command_start
from tfadv.config.hardware import Hardware
from tfadv.errors import UserError
from tfadv.files import check_place

FLAGS = flags.FLAGS
command_line.define_config_flags()
flags.adopt_module_key_flags(command_line)  # --help shows them
flags.DEFINE_string("experiment", None, "A table or figure; --list names them.")
flags.DEFINE_bool("list", False, "Name the experiments and how many models each needs.")
flags.DEFINE_list("seeds", ["0"], "Values of Experiment.seed; claims need three.")
flags.DEFINE_string("output_dir", None, "Where it all goes; by default runs/reproduce-SCALE.")
flags.DEFINE_string("shard", None, "i/n: only the i-th of n parts, for n machines.")
flags.DEFINE_bool("dry_run", False, "Say what there is and what the rest would take; run nothing.")
flags.DEFINE_bool("report_only", False, "Write the report of what there is; run nothing.")
flags.DEFINE_string("model_dir", None, "A run whose norms to draw, for figure4, 5 and 6.")
flags.DEFINE_string("block", None, "Whose norm figures 5 and 6 show; by default one of res3.")


def check_flags() -> None:
    """Raises `UserError` if no experiment is named."""
    if not (FLAGS.experiment or FLAGS.list):
        raise UserError("name an experiment, such as --experiment=table1; --list names all")


command_start.begin(__name__, check_flags)  # what follows takes seconds to import

from tfadv.registry import configured
from tfadv.reproduction import cells, costs
from tfadv.reproduction.catalogue import EXPERIMENTS, chosen
from tfadv.reproduction.report import reporting
from tfadv.reproduction.runner import Runner
from tfadv.runs import comparison


def main(argv):
    """Runs what is missing, and writes the report."""
    console = command_line.terminal()

    def say(line: str) -> None:
        console.print(line)

    with command_line.mistakes_in_one_line():
        if FLAGS.list:
            for one in EXPERIMENTS.values():
                say(f"{one.name:22} {one.where}: {one.title} ({len(one.models)} models)")
            return
        experiment = chosen(FLAGS.experiment)
        if FLAGS.model_dir:
            page = reporting.write_of_run(experiment, Path(FLAGS.model_dir), FLAGS.block)
            say(f"report: {page}")
            return
        runner, seeds = _runner(say), comparison.chosen_seeds(FLAGS.seeds)
        grid = cells.grid(experiment.models, seeds, runner.setting)
        runner.check(grid)
        mine = cells.shard(grid, FLAGS.shard) if FLAGS.shard else grid
        if FLAGS.dry_run:
            for line in costs.lines(runner, mine, configured(Hardware)):
                say(line)
            return
        failed = [] if FLAGS.report_only else runner.run_all(mine)
        if FLAGS.shard:
            say(f"shard {FLAGS.shard} is done: without --shard the report is written")
        else:
            page = reporting.write(experiment, runner, seeds, FLAGS.block)
            say(f"report: {page}")
        sys.exit(1 if failed else 0)


def _runner(say) -> Runner:
    setting = cells.setting_of(FLAGS.gin_file, FLAGS.gin_bindings, FLAGS.plugin, FLAGS.plugin_dir)
    folder = Path(FLAGS.output_dir or f"runs/reproduce-{setting.scale}")
    check_place(folder / "runs", "output_dir")
    return Runner(folder, setting, say)


if __name__ == "__main__":
    command_line.run(main)
