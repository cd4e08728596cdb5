"""Models that others made, as the evaluation sees them: pixels in, logits out."""

from collections.abc import Sequence
from pathlib import Path

import keras

from tfadv.errors import UserError, nearest
from tfadv.interop import reference, saved_model
from tfadv.interop.bundle_format import REMEDY, check_files, is_bundle, read_metadata
from tfadv.models.external import ExternalModel
from tfadv.norms.mode import MAIN
from tfadv.pixels import PixelRange


def load(
    path: Path,
    image_shape: Sequence[int],
    classes: int,
    pixel_range: PixelRange | None = None,
    layout: str | None = None,
    outputs: str = "logits",
    endpoint: str | None = None,
) -> ExternalModel:
    """Loads a bundle, another SavedModel, or a Keras file.

    Args:
        path: a folder, or a ``.keras`` or ``.h5`` file.
        image_shape: (height, width, channels) of the images that it is to classify.
        classes: how many classes these have.
        pixel_range: of the images that it takes; None for a bundle, which says.
        layout: of those images, likewise.
        outputs: ``logits`` or ``probabilities``.
        endpoint: of a SavedModel that is no bundle: one of its signatures or
            functions; None takes its only one.

    Raises:
        UserError: it can't be loaded, range or layout is not stated, or a bundle is not as it
            was written, or doesn't say of its reference images what the original model said.
    """
    if not path.exists():
        raise UserError(f"--saved_model: there is no '{path}'")
    if is_bundle(path):
        return _bundle(path, image_shape, classes, pixel_range, layout)
    if pixel_range is None or layout is None:
        raise UserError(
            f"--saved_model: '{path}' doesn't say what images it takes: state "
            "--pixel_range=LOW,HIGH and --layout=NHWC or NCHW"
        )
    function = _keras_file(path) if path.is_file() else _saved_model(path, endpoint)
    functions = {MAIN: function}
    return ExternalModel(str(path), functions, image_shape, classes, pixel_range, layout, outputs)


def _bundle(path, image_shape, classes, pixel_range, layout) -> ExternalModel:
    metadata = read_metadata(path)
    for flag, stated, recorded in (
        ("pixel_range", pixel_range, tuple(metadata["pixel_range"])),
        ("layout", layout, metadata["layout"]),
    ):
        if stated is not None and stated != recorded:
            raise UserError(
                f"--{flag}: '{path}' takes {recorded}, not {stated}: leave the flag out"
            )
    check_files(path, metadata)
    module = saved_model.load(path, REMEDY)
    functions = saved_model.functions(module, metadata["endpoints"], path, REMEDY)
    reference.check(path, metadata, functions)
    return ExternalModel(
        str(path),
        functions,
        image_shape,
        classes,
        tuple(metadata["pixel_range"]),
        made=metadata.get("model"),
    )


def _keras_file(path):
    try:
        model = keras.saving.load_model(path, compile=False)
    except (ValueError, OSError, TypeError) as error:
        raise UserError(f"--saved_model: '{path}': {str(error).splitlines()[0]}") from None
    return lambda x: model(x, training=False)


def _saved_model(path, endpoint):
    try:
        module = saved_model.load(path)
    except UserError as error:
        raise UserError(f"--saved_model: {error.message}") from None
    name = _chosen_signature(path, list(module.signatures), endpoint)
    signature = module.signatures[name]
    (argument,) = _only(path, name, "inputs", signature.structured_input_signature[1])
    (result,) = _only(path, name, "outputs", signature.structured_outputs)
    return lambda x: module.signatures[name](**{argument: x})[result]


def _chosen_signature(path, names: Sequence[str], endpoint: str | None) -> str:
    if endpoint is None:
        for name in ("serving_default", *names):
            if name in names:
                return name
    if endpoint not in names:
        raise UserError(
            f"--endpoint: '{path}' has no signature '{endpoint}'; it has "
            f"{', '.join(names) or 'none'}." + nearest(str(endpoint), names)
        )
    return endpoint


def _only(path, name, what, found) -> tuple[str, ...]:
    if len(found) != 1:
        raise UserError(
            f"--endpoint: '{name}' of '{path}' has {len(found)} {what} ({', '.join(found)}), "
            "and a classifier has one: choose another"
        )
    return tuple(found)
