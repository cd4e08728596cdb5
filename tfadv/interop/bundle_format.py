"""The files of a bundle: their names, whether they are whole, and how its metadata is read."""

from collections.abc import Mapping
from pathlib import Path

from tfadv import digests
from tfadv.errors import UserError
from tfadv.files import read_record
from tfadv.runs.identity import Made

METADATA, REFERENCE, CARD = "metadata.json", "reference.npz", "model_card.md"
CONFIG, MANIFEST = "config.gin", "manifest.json"
# Of a hub folder: where its bundle is, and what tells Keras' own metadata from a bundle's.
BUNDLE, KERAS_CONFIG = "bundle", "config.json"
REMEDY = "take another copy of the bundle, or export the run once more"

_SHAPE = {
    "input_shape": list,
    "pixel_range": list,
    "layout": str,
    "classes": int,
    "branch": str,
    "endpoints": dict,
    "training": dict,
}


def read_metadata(folder: Path) -> dict:
    """Returns a bundle's metadata.

    Raises:
        UserError: there is none, it is damaged, or it was changed since it was written.
    """
    path = folder / METADATA
    if not is_bundle(folder):
        inside = bundle_in(folder)
        what = f"it holds no {METADATA}" if inside == folder else f"it holds one, '{inside}'"
        raise UserError(f"'{folder}' is no bundle of tfadv.export: {what}")
    metadata = read_record(path, REMEDY, _SHAPE)
    shape, pixel_range = metadata["input_shape"], metadata["pixel_range"]
    for what, is_right in (
        ("input_shape", len(shape) == 3 and all(isinstance(size, int) for size in shape)),
        ("pixel_range", len(pixel_range) == 2 and all(map(_is_number, pixel_range))),
        ("layout", metadata["layout"] == "NHWC"),  # there is no bundle of another
        ("branch", metadata["branch"] in metadata["endpoints"]),
    ):
        if not is_right:
            raise UserError(f"'{path}': {what} is {metadata[what]!r}, and can't be: {REMEDY}")
    return metadata


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def check_files(folder: Path, metadata: Mapping) -> None:
    """Raises `UserError` unless a bundle's files are those that were written.

    The card is everybody's to edit. Bundles of before have no list of their files.
    """
    if "manifest" not in metadata:
        return
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(f"'{path}' is missing: {REMEDY}")
    flaw = digests.flaw(folder, read_record(path, REMEDY, {"files": dict})["files"])
    if flaw:
        raise UserError(f"'{folder}' is not as it was written: {flaw}: {REMEDY}")


def is_bundle(path: Path) -> bool:
    """Returns whether ``python -m tfadv.export`` wrote a folder, as a bundle."""
    return (path / METADATA).is_file() and not (path / KERAS_CONFIG).is_file()


def bundle_in(path: Path) -> Path:
    """Returns the bundle in a hub folder; any other path as it is."""
    inside = path / BUNDLE
    return inside if (path / KERAS_CONFIG).is_file() and is_bundle(inside) else path


def made_by(path: Path) -> Made:
    """Returns what is known of the run that a bundle was exported from."""
    data = read_metadata(path)["training"].get("data", {})
    return Made(str(path), data.get("test"), path / CONFIG)


def origin_of(path: Path) -> dict[str, object]:
    """Returns where a record says that a bundle comes from."""
    return {"bundle": str(path), "trained_commit": read_metadata(path)["training"].get("commit")}
