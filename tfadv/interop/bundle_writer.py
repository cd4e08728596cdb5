"""What an export holds: the SavedModel, Keras files, metadata, a card and a reference."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv import digests
from tfadv.attacks.gradients import label_gradient
from tfadv.attacks.threat_model import ThreatModel, record_of
from tfadv.data.pipeline import some_examples
from tfadv.errors import UserError
from tfadv.files import check_place, new_folder, write_record, write_text
from tfadv.interop.bundle_format import CARD, CONFIG, MANIFEST, METADATA, REFERENCE
from tfadv.interop.converted import write_converted
from tfadv.interop.keras_form import keras_form
from tfadv.interop.saved_model import DEFAULT_ENDPOINT, Endpoints, endpoint
from tfadv.norms import NormMode
from tfadv.pixels import PixelRange, from_pixels, units_per_pixel
from tfadv.reports.console import attack_name
from tfadv.reports.templates import code_in_markdown, in_markdown
from tfadv.runs.trained_run import TrainedRun

# The reference is small: this many images at most, and so many numbers in all.
_REFERENCE_IMAGES, _REFERENCE_NUMBERS = 32, 2_000_000

_CARD = """# {name}

{strategy} training with {norm}, {parameters:,} parameters, on {dataset}.

- Input: float32 [N, {height}, {width}, 3], {layout}, RGB in {low:g}..{high:g}.
- Output: float32 logits of {classes} classes (`class_names` in {metadata}).
- Endpoints: {endpoints}. `serve` is the branch {branch}.
- {training}
- {checkpoint}
- Licence: {license}. The training images have a licence of their own.

## Accuracy, as the training run measured it

{accuracies}

A robust accuracy holds for the attack beside it. A stronger attack may find a
lower one; that is what this file is for.
"""


def check_new(folder: Path) -> None:
    """Raises `UserError` unless a bundle can be written to a folder: nothing is there."""
    check_place(folder, "output_dir")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"--output_dir: '{folder}' is not empty: choose another")


def write_bundle(
    run: TrainedRun,
    folder: Path,
    branches: Sequence[str],
    pixel_range: PixelRange,
    license_name: str,
    fold: bool = False,
    formats: Sequence[str] = (),
) -> list[str]:
    """Writes the bundle of a run.

    Args:
        run: what to export.
        folder: where to; it must not exist, or be empty.
        branches: which branches, the default one first.
        pixel_range: of the images that it will take.
        license_name: the weights' licence.
        fold: whether to write Keras files with the norms folded in as well.
        formats: of other runtimes in which to write each branch, of `converted.FORMATS`.

    Returns:
        Lines that say what could not be written, and why.

    Raises:
        UserError: there is something in the folder, or a format can't be written.
    """
    check_new(folder)
    with new_folder(folder) as partial:
        return _write(run, partial, branches, pixel_range, license_name, fold, formats)


def _write(run, folder, branches, pixel_range, license_name, fold, formats) -> list[str]:
    endpoints, names = Endpoints(run.model, branches, pixel_range), _endpoints(run, branches)
    endpoints.save(folder)
    keras_files, notes = _write_keras_files(run, folder, branches, pixel_range, fold)
    reference = _reference(run, branches, pixel_range)
    np.savez_compressed(folder / REFERENCE, **reference)
    record = _metadata(run, branches, pixel_range, license_name)
    record |= {
        "endpoints": names,
        "keras": keras_files,
        "formats": write_converted(endpoints, folder, names, formats, reference),
    }
    write_text(folder / CONFIG, run.config_text)
    write_record(folder / METADATA, record)
    write_text(folder / CARD, _card(run, record))
    write_record(folder / MANIFEST, {"files": digests.manifest(folder, without=[CARD])})
    return notes


def _endpoints(run, branches) -> dict[str, str]:
    """Returns the endpoint of each branch."""
    if len(run.model.branches) == 1:
        return {branches[0]: DEFAULT_ENDPOINT}
    return {branch: endpoint(branch) for branch in branches}


def _write_keras_files(run, folder, branches, pixel_range, fold):
    files, notes = {}, []
    for branch in branches:
        for folded in (False, True) if fold else (False,):
            name = f"{branch}_folded" if folded else branch
            try:
                stock = keras_form(run.model, branch, pixel_range, folded)
            except UserError as error:
                notes.append(f"no {name}.keras: {error.message}")
                continue
            (folder / "keras").mkdir(exist_ok=True)
            stock.save(folder / "keras" / f"{name}.keras")
            files[name] = f"keras/{name}.keras"
    return files, notes


def _reference(run, branches, pixel_range) -> dict[str, np.ndarray]:
    """Returns test images with what the original model says of them."""
    height, width, channels = run.model.image_shape
    count = min(_REFERENCE_IMAGES, max(4, _REFERENCE_NUMBERS // (height * width * channels)))
    batch = some_examples(run.plan.splits.test, count)
    pixels, labels = batch["image"].numpy(), batch["label"].numpy()
    found = {"images": from_pixels(pixels, pixel_range), "labels": labels}
    for branch in branches:
        original = run.model.logits_fn(NormMode(branch))
        found_for_branch = label_gradient(original, tf.constant(pixels), tf.constant(labels))
        gradient, logits = (values.numpy() for values in found_for_branch)
        if not (np.isfinite(logits).all() and np.isfinite(gradient).all()):
            raise UserError(
                f"branch '{branch}': logits or input gradients are not finite on the run's test "
                "images: there is nothing to hand on"
            )
        found[f"logits_{branch}"] = logits
        found[f"gradient_{branch}"] = gradient / units_per_pixel(pixel_range)
    return found


def _metadata(run, branches, pixel_range, license_name) -> dict:
    trained_for = record_of(run.plan.threat_model)
    epsilon = trained_for["epsilon"]
    return {
        "input_shape": list(run.model.image_shape),
        "pixel_range": list(pixel_range),
        "layout": "NHWC",
        "color": "RGB",
        "classes": run.model.classes,
        "class_names": list(run.plan.splits.test.class_names),
        "branch": branches[0],
        "branches": list(branches),
        # In the units of pixel_range, and in pixels of 0..255.
        "epsilon": None if epsilon is None else epsilon * units_per_pixel(pixel_range),
        "epsilon_of_255": epsilon,
        "ball": trained_for["ball"],
        "license": license_name,
        "model": run.describe(),
        "training": {"config": CONFIG, "commit": run.commit, "data": run.data},
        "weights": digests.of_model(run.model),
        "manifest": MANIFEST,
        "accuracy": run.results,
    }


def _card(run, record) -> str:
    height, width, _ = record["input_shape"]
    low, high = record["pixel_range"]
    return _CARD.format(
        name=in_markdown(f"{run.model.name}, {run.path.name}"),
        strategy=in_markdown(run.plan.experiment.strategy),
        norm=in_markdown(run.plan.experiment.norm),
        parameters=record["model"]["parameters"],
        dataset=in_markdown(run.plan.splits.train.name),
        height=height,
        width=width,
        layout=record["layout"],
        low=low,
        high=high,
        classes=record["classes"],
        metadata=METADATA,
        endpoints=", ".join(
            code_in_markdown(name)
            for name in dict.fromkeys([DEFAULT_ENDPOINT, *record["endpoints"].values()])
        ),
        branch=code_in_markdown(record["branch"]),
        training=_training(run.plan.threat_model),
        checkpoint=_checkpoint(run),
        license=in_markdown(record["license"]),
        accuracies=_accuracies(record["accuracy"], record["branches"]),
    )


def _training(threat_model: ThreatModel | None) -> str:
    if threat_model is None:
        return "Trained without an attack: no robustness is claimed."
    return f"Attacked in training within {threat_model}."


def _checkpoint(run: TrainedRun) -> str:
    weights = "The moving average of the weights" if run.weights == "average" else "The weights"
    chosen = {
        "last": "the last checkpoint",
        "best": "the best checkpoint, chosen on validation images alone",
    }
    return f"{weights} of step {run.step}, {chosen.get(run.checkpoint, 'a chosen checkpoint')}."


def _accuracies(results, branches) -> str:
    if results is None:
        return "The run has not measured this checkpoint: nothing is known of it here."
    rows = [(branch, "clean", results["clean"][branch]) for branch in branches]
    for row in results["attacks"]:
        if row["branch"] in branches:
            rows.append((row["branch"], attack_name(row), row))
    lines = [
        f"| {in_markdown(branch)} | {in_markdown(attack)} | {row['accuracy']:.1%} | "
        f"{row['ci95'][0]:.1%} to {row['ci95'][1]:.1%} |"
        for branch, attack, row in rows
    ]
    head = f"| branch | attack | accuracy on {results['examples']} images | 95% interval |"
    return "\n".join([head, "|---|---|---|---|", *lines])
