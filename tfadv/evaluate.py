"""Measures a model's clean and robust accuracy.

The model is a run's, a bundle, or one made elsewhere. A stopped evaluation resumes when the same
command is given again: what became of each image is kept beside the record.

Examples::

    python -m tfadv.evaluate --model_dir=runs/mbn_alp-digits --output=curve.json \\
        --gin_file=gin/eval/paper_curve.gin
    python -m tfadv.evaluate --saved_model=bundle
    python -m tfadv.evaluate --saved_model=mine.keras --pixel_range=0,1 --layout=NHWC \\
        --gin_file=gin/scale/cifar10.gin --output=mine.json
"""

from pathlib import Path

from absl import flags

from tfadv import config, digests, interruption
from tfadv.config import command_line, command_start, profile_flag
from tfadv.errors import UserError
from tfadv.files import check_place, new_folder, write_record

FLAGS = flags.FLAGS
_RETURNED = "What --saved_model returns: logits, probabilities, logit or sigmoid."
command_line.define_config_flags()
flags.DEFINE_string("model_dir", None, "The folder of a run.")
flags.DEFINE_string(
    "saved_model", None, "A bundle or hub folder, another SavedModel, or a Keras file."
)
command_line.define_weights_flag()
command_line.define_checkpoint_flag()
flags.DEFINE_string("branch", "all", "Which norm branch, or all of them.")
profile_flag.define()
flags.adopt_module_key_flags(command_line)  # --help shows them
flags.adopt_module_key_flags(profile_flag)
flags.DEFINE_string("output", None, "The record; evaluation.json in --model_dir, or here.")
flags.DEFINE_list("pixel_range", None, "LOW,HIGH of the images that --saved_model takes.")
flags.DEFINE_string("layout", None, "NHWC or NCHW, of those images.")
flags.DEFINE_string("color", "RGB", "RGB or BGR, of those images.")
flags.DEFINE_list("pixel_mean", [], "Subtracted from them, in units of --pixel_range: M or R,G,B.")
flags.DEFINE_list("pixel_std", [], "Then divides them; both in the order of --color.")
flags.DEFINE_string("outputs", "logits", _RETURNED)
flags.DEFINE_string("output_name", None, "Which output of --saved_model, if it has several.")
flags.DEFINE_string("endpoint", None, "Which signature or function of --saved_model.")
# How the model is taken, which is no part of the configuration.
_STATED = ("pixel_range", "layout", "color", "pixel_mean", "pixel_std", "outputs", "output_name")
_STATED += ("endpoint",)
_FLAGS_OF_MODEL = (*_STATED, "weights", "checkpoint")


def check_flags() -> None:
    """Raises `UserError` if flags are missing, or don't go together."""
    if bool(FLAGS.model_dir) == bool(FLAGS.saved_model):
        raise UserError("name one of --model_dir and --saved_model")
    if FLAGS.model_dir:
        command_line.refuse_flags(_STATED, "goes with --saved_model: a run knows it")
    else:
        why = "chooses between a run's: it goes with --model_dir"
        command_line.refuse_flags(["weights", "checkpoint"], why)
    profile_flag.check()


command_start.begin(__name__, check_flags)  # what follows takes seconds to import


from tfadv.devices.workers import Workers
from tfadv.evaluation.gradient_masking.evaluator import build_evaluator
from tfadv.evaluation.outcome_log import OutcomeLog, about_in
from tfadv.evaluation.predictions import predictions_path, write_predictions
from tfadv.evaluation.profiled import profile_of
from tfadv.evaluation.report import worst_of_all, write_report
from tfadv.interop import external_checks, external_models
from tfadv.interop.bundle_format import CONFIG, bundle_in, is_bundle, made_by, origin_of
from tfadv.interop.external_models import Stated
from tfadv.planning.distribution import Distribution
from tfadv.planning.dtype_choice import EVALUATION, Choice
from tfadv.planning.evaluation_parts import EvaluationParts, evaluation_parts
from tfadv.planning.plan import build_plan
from tfadv.planning.precision import Precision
from tfadv.profiling.profile import Asked
from tfadv.reports.console import indicators_table, results_table
from tfadv.reports.profile_table import show_on
from tfadv.runs import identity, provenance, trained_run
from tfadv.runs.one_writer import SUFFIX, remove_left, writing
from tfadv.runs.subject import Subject


def main(argv):
    """Evaluates one model and writes the record."""
    with command_line.mistakes_in_one_line() as found:
        output = _new_record()
        subject = _run(found) if FLAGS.model_dir else _external(found)
        branches = command_line.chosen_branches(subject.branches, FLAGS.branch)
        workers = Workers(subject.distribution)
        with writing(output, output.with_suffix(SUFFIX), "output", workers):
            _refuse_written(output)  # once more: another process may have been here since
            record = _evaluate(found.read, subject, branches, workers, output)
        if not workers.is_chief:
            return
        console = command_line.terminal()
        console.print(results_table(record))
        if "doctor" in record:
            console.print(indicators_table(record))
        print(f"record: {output}\nreport: {_report_folder(output) / 'report.html'}")


def _new_record() -> Path:
    """Returns the record's path, which is free, or of an evaluation that lacks its report yet."""
    output = Path(FLAGS.output or Path(FLAGS.model_dir or ".") / "evaluation.json")
    if FLAGS.output:
        check_place(output, "output")
    remove_left(output, output.with_suffix(SUFFIX), "output")
    _refuse_written(output)
    return output


def _refuse_written(output: Path) -> None:
    """Raises `UserError` if there is a record already, with its report."""
    there = [path for path in (_report_folder(output), output) if path.exists()]
    if there and (there != [output] or not _log_path(output).exists()):
        raise UserError(f"--output: there is a '{there[-1]}' already: choose another")


def _report_folder(output: Path) -> Path:
    return output.with_name(f"{output.stem}_report")


def _log_path(output: Path) -> Path:
    return output.with_suffix(".images.jsonl")


def _evaluate(read, subject, branches, workers: Workers, output: Path) -> dict:
    """Evaluates, and writes all that is beside the record's path; returns the record."""
    subject = _settled(subject, workers, _log_path(output))
    parts = subject.parts
    command_line.warn(parts.warnings if workers.is_chief else ())
    about = _about(read, subject, branches, workers)
    log = OutcomeLog(_log_path(output), about, workers.is_chief)
    other = external_checks.transfer_model(parts.checkup, parts.source)
    model, devices = subject.model, subject.distribution
    evaluator = build_evaluator(model, parts, devices, other, branches, log)
    described = subject.description | {"weights": about["weights"]}
    dtype = parts.evaluation.dtype
    profile = profile_of(_asked_profile(output), model, dtype, devices)
    evaluator.attack_runner.profile = profile
    with interruption.leaving("with every finished batch kept"), profile:
        record = {"model": described, **evaluator.evaluate()}
    record["provenance"] = subject.origin | provenance.of_evaluation(log.began, about["data"])
    if workers.is_chief:
        write_predictions(evaluator, record, predictions_path(output))
        write_record(output, record)  # before anything is drawn
    worst = worst_of_all(evaluator, record)
    if workers.is_chief:
        with new_folder(_report_folder(output)) as partial:
            write_report(evaluator, record, worst, partial)
    return record


def _asked_profile(output: Path) -> Asked | None:
    """Returns what ``--profile`` asks for."""
    if FLAGS.profile is None:
        return None
    folder = output.with_name(f"{output.stem}_profile")
    none = "each attack was at most one call, which traces it: see Evaluation.batch_size"
    return Asked(FLAGS.profile, folder, show_on(command_line.terminal()), none)


def _settled(subject: Subject, workers: Workers, log: Path) -> Subject:
    """Returns what is evaluated, without 'auto': as the evaluation or the run began, or anew."""
    noted = about_in(log).get(EVALUATION)
    began = {EVALUATION: Choice(noted, "as the evaluation began")} if noted else {}
    replicas = subject.distribution.num_replicas_in_sync
    parts = Precision(began).of_evaluation(subject.parts, subject.model, replicas, workers)
    if parts.precision and workers.is_chief:
        command_line.note([parts.precision.line(EVALUATION)])
    return subject._replace(parts=parts)


def _about(
    read: config.Config, subject: Subject, branches: list[str], workers: Workers
) -> dict[str, object]:
    """Returns what must be the same for an evaluation to resume, and for all its workers."""
    parts = subject.parts
    another = parts.checkup.transfer_from if parts.checkup else None
    about = {
        "configuration": read.text(),
        "weights": subject.weights,
        "transfer_from": digests.of_path(Path(another)) if another else None,
        "software": identity.of_software(),
        "branches": branches,
        **{f"--{name}": getattr(FLAGS, name) for name in _FLAGS_OF_MODEL},
        **({EVALUATION: parts.evaluation.dtype} if parts.precision else {}),
    }
    for what, value in about.items():
        workers.agree(what, value)
    images = identity.check_images(
        subject.made, read, parts.all_classes, parts.data_digest, workers
    )
    return about | {"data": images}


def _run(found) -> Subject:
    """Returns a run's model on the devices that its plan names."""
    path = Path(FLAGS.model_dir)
    found.read = command_line.read_flags([trained_run.config_file(path)])
    plan = build_plan(found.read)
    distribution = plan.distribution.create()
    identity.check_plugins(path, found.read)
    run = trained_run.load(path, plan, distribution, FLAGS.weights, FLAGS.checkpoint)
    return Subject(
        EvaluationParts.of(run.plan),
        run.model,
        run.branches,
        run.describe(),
        distribution,
        identity.made_by_run(path),
        digests.of_model(run.model),
        provenance.of_run(path),
    )


def _external(found) -> Subject:
    """Returns a model made elsewhere, which stays where it was loaded."""
    path = bundle_in(Path(FLAGS.saved_model))
    if is_bundle(path):
        why = "is for other models than bundles, which return logits by branch: see --branch"
        command_line.refuse_flags(_STATED[2:], why)
    elif path.is_file():
        command_line.refuse_flags(["endpoint"], "is for SavedModels: a Keras file has one function")
    # A bundle is measured on its run's data, unless a scale chooses others.
    of_its_run = is_bundle(path) and not config.chooses_scale(FLAGS.gin_file)
    if of_its_run:
        found.read = command_line.read_flags(bundle=path / CONFIG)
    else:
        found.read = command_line.read_flags([config.PROTOCOL])
    if path.is_dir() and not is_bundle(path):
        command_line.warn(
            [f"{path} was not written by tfadv: its graph runs as code, with your rights"]
        )
    parts = evaluation_parts(found.read)
    images = parts.all_classes
    model = external_models.load(path, images.image_shape, images.classes, _stated())
    found = external_checks.check(model, images)
    command_line.warn(found.warnings(model.name))
    if set(found.no_gradient) == set(model.branches):
        parts = parts.without_gradient()
    distribution = Distribution(kind="one_device").create()
    return Subject(
        parts,
        model,
        model.branches,
        model.describe() | {"tried": found.record()},
        distribution,
        made_by(path) if is_bundle(path) else identity.Made(str(path)),
        digests.of_path(path),
        origin_of(path) if is_bundle(path) else {"model_file": str(path)},
    )


def _stated() -> Stated:
    """Returns what the flags say of a model."""
    pixel_range = None
    if FLAGS.pixel_range is not None:
        pixel_range = command_line.numbers("pixel_range", "LOW,HIGH such as 0,1")
        if len(pixel_range) != 2 or not pixel_range[0] < pixel_range[1]:
            given = ",".join(FLAGS.pixel_range)
            raise UserError(f"--pixel_range must be LOW,HIGH such as 0,1, got {given}")
    return Stated(
        pixel_range,
        FLAGS.layout,
        FLAGS.color,
        command_line.numbers("pixel_mean", "one number, or one for each channel"),
        command_line.numbers("pixel_std", "one number, or one for each channel"),
        FLAGS.outputs,
        FLAGS.endpoint,
        FLAGS.output_name,
    )


if __name__ == "__main__":
    command_line.run(main)
