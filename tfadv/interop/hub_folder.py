"""A folder for the Hugging Face hub: a Keras model, its card, and the bundle.

``keras.saving.load_model("hf://USER/MODEL")`` reads ``config.json`` and ``model.weights.h5`` of
the repository's files (Keras 3.15, ``saving_lib._load_model_from_dir``). Keras writes a
``metadata.json`` beside them, so that the bundle, which has one too, is in a folder of its own.
"""

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path

import keras

from tfadv.errors import UserError
from tfadv.files import new_folder, write_text
from tfadv.interop.bundle_format import BUNDLE, read_metadata
from tfadv.interop.bundle_writer import check_new, write_bundle
from tfadv.interop.hub_header import header
from tfadv.interop.keras_form import keras_form
from tfadv.interop.model_card import model_card
from tfadv.pixels import PixelRange
from tfadv.runs.trained_run import TrainedRun

CARD = "README.md"
_ASSETS = "assets"


def check_repo(repo: str | None) -> None:
    """Raises `UserError` unless ``--repo`` can be a repository's name on the hub."""
    name = r"\w[\w.-]*"
    if repo is not None and not re.fullmatch(f"{name}/{name}", repo, re.ASCII):
        raise UserError(f"--repo must be USER/MODEL, got '{repo}'")


def write_hub_folder(
    run: TrainedRun,
    folder: Path,
    branches: Sequence[str],
    pixel_range: PixelRange,
    license_name: str,
    *,
    fold: bool = False,
    formats: Sequence[str] = (),
    evaluations: Sequence[dict] = (),
    repo: str | None = None,
) -> list[str]:
    """Writes the folder of a run.

    Args:
        run: what to share.
        folder: where to; it must not exist, or be empty.
        branches: which branches; Keras loads the first.
        pixel_range: of the images that it will take.
        license_name: the weights' licence.
        fold: see `write_bundle`.
        formats: see `write_bundle`.
        evaluations: see `write_bundle`.
        repo: USER/MODEL on the hub, for the card.

    Returns:
        Lines that say what could not be written, and why.

    Raises:
        UserError: there is something in the folder, the branch can't be a Keras model, or a
            format can't be written.
    """
    check_new(folder)
    try:
        stock = keras_form(run.model, branches[0], pixel_range)
    except UserError as error:
        raise UserError(f"--to=hub_folder: {error.message}: --to=bundle needs none") from None
    with new_folder(folder) as partial:
        bundle = partial / BUNDLE
        notes = write_bundle(
            run, bundle, branches, pixel_range, license_name, fold, formats, evaluations
        )
        keras.saving.save_model(stock, partial.absolute(), zipped=False)
        with contextlib.suppress(OSError):  # which Keras makes, with or without anything in it
            (partial / _ASSETS).rmdir()
        metadata = read_metadata(bundle)
        found = header(run.path.name, run.plan.splits.train.name, metadata, repo)
        write_text(partial / CARD, model_card(run, metadata, found))
    return notes
