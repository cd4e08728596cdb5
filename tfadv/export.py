"""Exports a run's model for other tools, as a folder that explains itself.

Or for the Hugging Face hub, an evaluation as an entry of RobustBench's lists, or what XLA gets.

Examples::

    python -m tfadv.export --model_dir=runs/mbn_alp-digits --output_dir=bundle
    python -m tfadv.export --model_dir=runs/mbn_alp-digits --output_dir=for_the_hub \\
        --to=hub_folder --repo=me/digits
    python -m tfadv.export --model_dir=runs/mbn_alp-digits --output_dir=phone_bundle \\
        --format=litert --pixel_range=255 --branch=adv
"""

from pathlib import Path

from absl import flags

from tfadv import interruption
from tfadv.config import command_line, command_start
from tfadv.errors import UserError
from tfadv.files import check_place, write_json
from tfadv.reports import robustbench

BUNDLE, HUB, ROBUSTBENCH, STABLEHLO = "bundle", "hub_folder", "robustbench", "stablehlo"

FLAGS = flags.FLAGS
flags.DEFINE_enum("to", BUNDLE, [BUNDLE, HUB, ROBUSTBENCH, STABLEHLO], "What to write.")
flags.DEFINE_string("model_dir", None, "The run's folder.")
flags.DEFINE_string("output_dir", None, "A new folder for what is written.")
command_line.define_weights_flag()
command_line.define_checkpoint_flag()
flags.DEFINE_string("branch", "all", "Which norm branch, or all of them.")
flags.DEFINE_enum("pixel_range", "1", ["1", "255"], "Images are to be in 0..1 or in 0..255.")
flags.DEFINE_bool("fold", False, "Write .keras files with the norms folded in as well.")
flags.DEFINE_list("format", [], "Beside the SavedModel: onnx, litert, or both with a comma.")
flags.DEFINE_string("license", "unspecified", "The weights' licence, for metadata and card.")
flags.DEFINE_string("repo", None, "USER/MODEL on the hub, for a hub folder's card.")
flags.DEFINE_list("record", [], "Evaluations of these weights, for the card; or robustbench's.")
flags.DEFINE_enum(
    "leaderboard",
    None,
    list(robustbench.LEADERBOARDS),
    "Which of RobustBench's lists, if the data set's name doesn't say.",
)
flags.DEFINE_string("output", None, "A new file for robustbench's entry.")
flags.DEFINE_integer("batch_size", 32, "Images of stablehlo's programs.")
flags.DEFINE_string("dtype", "bfloat16", "Of stablehlo's convolutions: float32 or bfloat16.")
flags.DEFINE_enum(
    "convolutions",
    "both",
    ["prepared", "plain", "both"],
    "Of stablehlo's attacks: formulated for a CPU, or plain.",
)
command_line.define_config_flags()
flags.adopt_module_key_flags(command_line)  # --help shows them
_OF_RUNS = ("model_dir", "output_dir", "weights", "checkpoint", "pixel_range", "fold", "format")
_OF_RUNS += ("license", "repo", "gin_file", "gin_bindings", "plugin", "plugin_dir")
_OF_BUNDLES = ("pixel_range", "fold", "format", "license", "repo", "record")
_OF_STABLEHLO = ("batch_size", "dtype", "convolutions")


def check_flags() -> None:
    """Raises `UserError` if flags are missing, or don't go together."""
    if FLAGS.to != STABLEHLO:
        command_line.refuse_flags(_OF_STABLEHLO, f"goes with --to={STABLEHLO}")
    if FLAGS.to == ROBUSTBENCH:
        command_line.refuse_flags(_OF_RUNS, f"is of runs: --to={ROBUSTBENCH} takes a record")
        _require("record", "output")
        return
    command_line.refuse_flags(["leaderboard", "output"], f"goes with --to={ROBUSTBENCH}")
    if FLAGS.to == STABLEHLO:
        _check_flags_of_programs()
        return
    _require("model_dir", "output_dir")
    if FLAGS.to == BUNDLE:
        command_line.refuse_flags(["repo"], f"goes with --to={HUB}")


def _check_flags_of_programs() -> None:
    command_line.refuse_flags(_OF_BUNDLES, f"is of bundles: --to={STABLEHLO} writes programs")
    _require("output_dir")
    if FLAGS.batch_size < 1:
        raise UserError(f"--batch_size must be >= 1, got {FLAGS.batch_size}")
    if not FLAGS.model_dir:
        why = "chooses between a run's: it goes with --model_dir"
        command_line.refuse_flags(["weights", "checkpoint"], why)
        if not FLAGS.gin_file:
            raise UserError("name --model_dir, or a recipe such as --gin_file=gin/mbn_alp.gin")


def _require(*names: str) -> None:
    """Raises `UserError` if one of some flags was not given."""
    for name in names:
        if not FLAGS[name].value:
            raise UserError(f"--to={FLAGS.to} needs --{name}")


command_start.begin(__name__, check_flags)  # what follows takes seconds to import

import keras

from tfadv.interop.bundle_writer import check_new, write_bundle
from tfadv.interop.converted import check_formats
from tfadv.interop.hub_folder import check_repo, write_hub_folder
from tfadv.interop.stablehlo import Choice, write_stablehlo
from tfadv.interop.xla_programs import CONVOLUTIONS
from tfadv.planning.plan import build_plan
from tfadv.runs import identity, trained_run
from tfadv.runs.measured import check_weights, read_evaluation
from tfadv.runs.one_writer import SUFFIX, remove_left, writing


def main(argv):
    """Writes the bundle, the hub folder, the entry or the programs."""
    with command_line.mistakes_in_one_line() as found:
        if FLAGS.to == ROBUSTBENCH:
            _write_entry()
        elif FLAGS.to == STABLEHLO:
            _write_programs(found)
        else:
            _write_folder(found)


def _write_entry() -> None:
    output = Path(FLAGS.output)
    check_place(output, "output")
    if output.exists():
        raise UserError(f"--output: there is a '{output}' already: choose another")
    if len(FLAGS.record) > 1:
        raise UserError(f"--record: an entry is of one evaluation, not of {len(FLAGS.record)}")
    (name,) = FLAGS.record
    entry = robustbench.entry(read_evaluation(name), name, FLAGS.branch, FLAGS.leaderboard)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_json(output, entry)
    print(f"{output}: {entry['clean_acc']}% clean, {entry['autoattack_acc']}% under AutoAttack")
    print(f"note: {', '.join(robustbench.TO_FILL_IN)} are yours to fill in")


def _write_programs(found: command_line.Found) -> None:
    folder = Path(FLAGS.output_dir)
    check_new(folder)
    if FLAGS.model_dir:
        path = Path(FLAGS.model_dir)
        found.read = command_line.read_flags([trained_run.config_file(path)])
        plan = build_plan(found.read)
        identity.check_plugins(path, found.read)
        model = trained_run.load(path, plan, None, FLAGS.weights, FLAGS.checkpoint).model
    else:
        found.read = command_line.read_flags()
        plan = build_plan(found.read)
        keras.utils.set_random_seed(plan.experiment.seed)
        model = plan.build_model()
    branch = None if FLAGS.branch == "all" else FLAGS.branch
    if branch:
        command_line.chosen_branches(model.branches, branch)
    kinds = CONVOLUTIONS if FLAGS.convolutions == "both" else (FLAGS.convolutions,)
    choice = Choice(branch, FLAGS.batch_size, FLAGS.dtype, kinds)
    with interruption.leaving("with nothing written"):
        files = write_stablehlo(plan, model, folder, choice)
    print(f"{folder}: {', '.join(files)}; batch {FLAGS.batch_size}, {FLAGS.dtype}")
    if not FLAGS.model_dir:
        print("note: the weights are untrained: --model_dir takes a run's")


def _write_folder(found: command_line.Found) -> None:
    folder = Path(FLAGS.output_dir)
    lock = folder.with_name(f"{folder.name}{SUFFIX}")
    remove_left(folder, lock, "output_dir")
    check_new(folder)
    check_formats(FLAGS.format)
    check_repo(FLAGS.repo)
    records = {name: read_evaluation(name) for name in FLAGS.record}
    with (
        writing(folder, lock, "output_dir"),
        interruption.leaving("with nothing written"),
    ):
        branches, notes = _write(found, folder, records)
    for note in notes:
        print(f"note: {note}")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {', '.join(branches)}, images in 0..{FLAGS.pixel_range}, {size:,} bytes")


def _write(found, folder: Path, records: dict[str, dict]) -> tuple[list[str], list[str]]:
    """Writes the folder; returns its branches, and lines on what could not be written."""
    path = Path(FLAGS.model_dir)
    found.read = command_line.read_flags([trained_run.config_file(path)])
    plan = build_plan(found.read)
    run = trained_run.load(path, plan, weights=FLAGS.weights, checkpoint=FLAGS.checkpoint)
    identity.check_plugins(path, found.read)
    made, images = identity.made_by_run(path), plan.splits.test
    identity.check_images(made, found.read, images, plan.experiment.data_digest)
    identity.check_results(run)
    check_weights(run, records)
    branches = command_line.chosen_branches(run.branches, FLAGS.branch)
    branches.sort(key=lambda branch: branch != run.model.default_branch)
    given = (run, folder, branches, (0.0, float(FLAGS.pixel_range)), FLAGS.license)
    more = {"fold": FLAGS.fold, "formats": FLAGS.format, "evaluations": list(records.values())}
    if FLAGS.to == HUB:
        notes = write_hub_folder(*given, **more, repo=FLAGS.repo)
    else:
        notes = write_bundle(*given, **more)
    if run.results is None and not records:
        notes.append(
            f"the run has no results of step {run.step} yet, so the card says nothing of "
            "accuracies: --record=FILE adds those of an evaluation"
        )
    return branches, notes


if __name__ == "__main__":
    command_line.run(main)
