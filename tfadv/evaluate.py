"""Measures clean and robust accuracy: ``python -m tfadv.evaluate --model_dir=RUN``.

Or of a model made elsewhere, on the images that the gin files choose:
``--saved_model=PATH --pixel_range=0,1 --layout=NHWC --gin_file=gin/scale/cifar10.gin``.
What became of each image is kept beside the record, in ``….images.jsonl``: a stopped
evaluation goes on where it was when the same command is given again.
"""

import tempfile
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf
from absl import app, flags
from rich.console import Console

from tfadv import config, digests
from tfadv.config import command_line
from tfadv.devices.distribution import Distribution
from tfadv.devices.workers import Workers
from tfadv.errors import UserError
from tfadv.evaluation.evaluator import Evaluator
from tfadv.evaluation.outcome_log import OutcomeLog
from tfadv.evaluation.report import worst_of_all, write_report
from tfadv.files import write_json
from tfadv.interop import external_checks, external_models
from tfadv.interop.bundle_format import is_bundle
from tfadv.models import Model
from tfadv.models.external import ExternalModel
from tfadv.planning.evaluation_parts import EvaluationParts, evaluation_parts
from tfadv.planning.plan import build_plan
from tfadv.reports.console import results_table, signs_table
from tfadv.runs import identity, trained_run

FLAGS = flags.FLAGS
command_line.define_config_flags()
flags.adopt_module_key_flags(command_line)  # --help shows them
flags.DEFINE_string("model_dir", None, "The folder of a run.")
flags.DEFINE_string("saved_model", None, "A bundle, another SavedModel, or a Keras file.")
command_line.define_weights_flag()
flags.DEFINE_string("branch", "all", "Which norm branch, or all of them.")
flags.DEFINE_string("output", None, "The record; evaluation.json in --model_dir, or here.")
flags.DEFINE_list("pixel_range", None, "LOW,HIGH of the images that --saved_model takes.")
flags.DEFINE_string("layout", None, "NHWC or NCHW, of those images.")
flags.DEFINE_string("outputs", "logits", "What --saved_model returns: logits or probabilities.")
flags.DEFINE_string("endpoint", None, "Which signature of --saved_model.")
# How the model is taken, which is no part of the configuration.
_FLAGS_OF_MODEL = ("pixel_range", "layout", "outputs", "endpoint", "weights")


def main(argv):
    """Evaluates one model and writes the record."""
    with command_line.mistakes_in_one_line() as found:
        command_line.refuse_arguments(argv)
        if bool(FLAGS.model_dir) == bool(FLAGS.saved_model):
            raise UserError("name one of --model_dir and --saved_model")
        output = Path(FLAGS.output or _default_output())
        report_folder = output.with_name(f"{output.stem}_report")
        for path in (output, report_folder):
            if path.exists():
                raise UserError(f"--output: there is a '{path}' already: choose another")
        subject = (_run if FLAGS.model_dir else _foreign)(found)
        parts, model, distribution = subject.parts, subject.model, subject.distribution
        branches = command_line.chosen_branches(subject.branches, FLAGS.branch)
        workers = Workers(distribution)
        is_chief = workers.is_chief
        command_line.warn(parts.warnings if is_chief else ())
        about = _about(found.read, parts, model, branches, workers)
        verdicts = OutcomeLog(output.with_suffix(".images.jsonl"), about, is_chief)
        evaluator = Evaluator(
            model,
            parts.source,
            parts.evaluation,
            parts.attacks,
            distribution,
            parts.seed,
            branches,
            verdicts,
            parts.checkup,
        )
        described = subject.description | {"weights": about["weights"]}
        record = {"model": described, **evaluator.evaluate()}
        if is_chief:
            write_json(output, record)  # before anything is drawn
        worst = worst_of_all(evaluator, record)
        if not is_chief:
            return
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=output.stem) as beside:
            write_report(evaluator, record, worst, Path(beside) / "report")
            (Path(beside) / "report").replace(report_folder)
        console = Console(highlight=False, soft_wrap=True)
        console.print(results_table(record))
        if "doctor" in record:
            console.print(signs_table(record))
        print(f"record: {output}\nreport: {report_folder / 'report.html'}")


def _about(read: config.Config, parts, model, branches, workers: Workers) -> dict[str, object]:
    """Returns what must be the same for an evaluation to go on, and for all its workers."""
    path = Path(FLAGS.model_dir or FLAGS.saved_model)
    another = parts.checkup.transfer_from if parts.checkup else None
    about = {
        "configuration": read.text(),
        "weights": digests.of_model(model) if FLAGS.model_dir else digests.of_path(path),
        "transfer_from": digests.of_path(Path(another)) if another else None,
        "software": identity.of_software(),
        "branches": branches,
        **{f"--{name}": getattr(FLAGS, name) for name in _FLAGS_OF_MODEL},
    }
    for what, value in about.items():
        workers.agree(what, value)
    images = identity.check_images(path, read, parts.source, parts.data_digest, workers)
    return about | {"data": images}


def _default_output() -> str:
    return str(Path(FLAGS.model_dir or ".") / "evaluation.json")


class Subject(NamedTuple):
    """What is evaluated, on what and where; `description` is what the record says of it."""

    parts: EvaluationParts
    model: Model | ExternalModel
    branches: tuple[str, ...]
    description: dict[str, object]
    distribution: tf.distribute.Strategy


def _run(found) -> Subject:
    """Returns a run's model on the devices that its plan names."""
    path = Path(FLAGS.model_dir)
    found.read = command_line.read_flags([trained_run.config_file(path)])
    plan = build_plan(found.read)
    distribution = plan.distribution.create()
    identity.check_plugins(path, found.read)
    run = trained_run.load(path, plan, distribution, FLAGS.weights)
    parts = EvaluationParts.of(plan)
    return Subject(parts, run.model, run.branches, run.describe(), distribution)


def _foreign(found) -> Subject:
    """Returns a model made elsewhere, which stays where it was loaded."""
    path = Path(FLAGS.saved_model)
    if FLAGS.weights != "trained":
        raise UserError("--weights chooses between a run's weights: it goes with --model_dir")
    # A bundle is measured on its run's data, unless a scale chooses others.
    of_its_run = is_bundle(path) and not config.chooses_scale(FLAGS.gin_file)
    first = str((path / "config.gin").resolve()) if of_its_run else config.PROTOCOL
    found.read = command_line.read_flags([first])
    parts = evaluation_parts(found.read)
    model = external_models.load(path, _stated_range(), FLAGS.layout, FLAGS.outputs, FLAGS.endpoint)
    command_line.warn(external_checks.check(model, parts.source))
    distribution = Distribution(kind="one_device").create()
    return Subject(parts, model, model.branches, model.describe(), distribution)


def _stated_range() -> tuple[float, float] | None:
    if FLAGS.pixel_range is None:
        return None
    try:
        low, high = (float(bound) for bound in FLAGS.pixel_range)
    except ValueError:
        low = high = 0.0
    if not low < high:
        raise UserError(
            f"--pixel_range must be LOW,HIGH such as 0,1, got {','.join(FLAGS.pixel_range)}"
        )
    return low, high


if __name__ == "__main__":
    app.run(main)
