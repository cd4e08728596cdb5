"""Exports a run's model for other tools, as a folder that explains itself.

Examples::

    python -m tfadv.export --model_dir=runs/mbn_alp-digits --output_dir=bundle
    python -m tfadv.export --model_dir=runs/mbn_alp-digits --output_dir=bundle_255 \\
        --pixel_range=255 --branch=adv
    python -m tfadv.export --model_dir=runs/mbn_alp-digits --output_dir=bundle_for_phones \\
        --format=litert
"""

from pathlib import Path

from absl import flags

from tfadv import interruption
from tfadv.config import command_line, command_start

FLAGS = flags.FLAGS
flags.DEFINE_string("model_dir", None, "The run's folder.", required=True)
flags.DEFINE_string("output_dir", None, "A new folder for the bundle.", required=True)
command_line.define_weights_flag()
command_line.define_checkpoint_flag()
flags.DEFINE_string("branch", "all", "Which norm branch, or all of them.")
flags.DEFINE_enum("pixel_range", "1", ["1", "255"], "Images are to be in 0..1 or in 0..255.")
flags.DEFINE_bool("fold", False, "Write .keras files with the norms folded in as well.")
flags.DEFINE_list("format", [], "Beside the SavedModel: onnx, litert, or both with a comma.")
flags.DEFINE_string("license", "unspecified", "The weights' licence, for the metadata.")
command_line.define_config_flags()
flags.adopt_module_key_flags(command_line)  # --help shows them
command_start.begin(__name__)  # what follows takes seconds to import

from tfadv.interop.bundle_writer import check_new, write_bundle
from tfadv.interop.converted import check_formats
from tfadv.planning.plan import build_plan
from tfadv.runs import identity, trained_run
from tfadv.runs.one_writer import SUFFIX, remove_left, writing


def main(argv):
    """Writes the bundle."""
    with command_line.mistakes_in_one_line() as found:
        folder = Path(FLAGS.output_dir)
        lock = folder.with_name(f"{folder.name}{SUFFIX}")
        remove_left(folder, lock, "output_dir")
        check_new(folder)
        check_formats(FLAGS.format)
        with (
            writing(folder, lock, "output_dir"),
            interruption.leaving("with nothing written"),
        ):
            branches, notes = _write(found, folder)
        for note in notes:
            print(f"note: {note}")
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{folder}: {', '.join(branches)}, images in 0..{FLAGS.pixel_range}, {size:,} bytes")


def _write(found: command_line.Found, folder: Path) -> tuple[list[str], list[str]]:
    """Writes the bundle; returns its branches, and lines on what could not be written."""
    path = Path(FLAGS.model_dir)
    found.read = command_line.read_flags([trained_run.config_file(path)])
    plan = build_plan(found.read)
    run = trained_run.load(path, plan, weights=FLAGS.weights, checkpoint=FLAGS.checkpoint)
    identity.check_plugins(path, found.read)
    made, images = identity.made_by_run(path), plan.splits.test
    identity.check_images(made, found.read, images, plan.experiment.data_digest)
    identity.check_results(run)
    branches = command_line.chosen_branches(run.branches, FLAGS.branch)
    branches.sort(key=lambda branch: branch != run.model.default_branch)
    pixel_range = (0.0, float(FLAGS.pixel_range))
    notes = write_bundle(
        run, folder, branches, pixel_range, FLAGS.license, FLAGS.fold, FLAGS.format
    )
    if run.results is None:
        notes.append(
            f"the run has no results of step {run.step} yet, so the bundle says nothing of "
            "accuracies"
        )
    return branches, notes


if __name__ == "__main__":
    command_line.run(main)
