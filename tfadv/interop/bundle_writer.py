"""What an export holds: the SavedModel, Keras files, metadata, a card and a reference."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfadv import digests
from tfadv.attacks.gradients import label_gradient
from tfadv.attacks.threat_model import record_of
from tfadv.data.pipeline import some_examples
from tfadv.errors import UserError
from tfadv.files import check_place, new_folder, write_record, write_text
from tfadv.interop.bundle_format import CARD, CONFIG, MANIFEST, METADATA, REFERENCE
from tfadv.interop.converted import write_converted
from tfadv.interop.keras_form import keras_form
from tfadv.interop.model_card import model_card
from tfadv.interop.saved_model import DEFAULT_ENDPOINT, Endpoints, endpoint
from tfadv.norms import NormMode
from tfadv.pixels import PixelRange, from_pixels, units_per_pixel
from tfadv.runs.trained_run import TrainedRun

# The reference is small: this many images at most, and so many numbers in all.
_REFERENCE_IMAGES, _REFERENCE_NUMBERS = 32, 2_000_000


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
    evaluations: Sequence[dict] = (),
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
        evaluations: records beside the run's results, of the same weights; see
            `runs.measured.check_weights`.

    Returns:
        Lines that say what could not be written, and why.

    Raises:
        UserError: there is something in the folder, or a format can't be written.
    """
    check_new(folder)
    with new_folder(folder) as partial:
        notes, record = _write_model(run, partial, branches, pixel_range, fold, formats)
        record |= {"license": license_name, "evaluations": list(evaluations)}
        write_text(partial / CONFIG, run.config_text)
        write_record(partial / METADATA, record)
        write_text(partial / CARD, model_card(run, record))
        write_record(partial / MANIFEST, {"files": digests.manifest(partial, without=[CARD])})
    return notes


def _write_model(run, folder, branches, pixel_range, fold, formats) -> tuple[list[str], dict]:
    """Writes the model in all its forms; returns notes, and what the metadata say."""
    endpoints, names = Endpoints(run.model, branches, pixel_range), _endpoints(run, branches)
    endpoints.save(folder)
    keras_files, notes = _write_keras_files(run, folder, branches, pixel_range, fold)
    reference = _reference(run, branches, pixel_range)
    np.savez_compressed(folder / REFERENCE, **reference)
    return notes, _metadata(run, branches, pixel_range) | {
        "endpoints": names,
        "keras": keras_files,
        "formats": write_converted(endpoints, folder, names, formats, reference),
    }


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


def _metadata(run, branches, pixel_range) -> dict:
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
        "model": run.describe(),
        "training": {"config": CONFIG, "commit": run.commit, "data": run.data},
        "weights": digests.of_model(run.model),
        "manifest": MANIFEST,
        "accuracy": run.results,
    }
