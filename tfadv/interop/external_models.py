"""Models that others made, as the evaluation sees them: pixels in, logits out."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf

from tfadv.errors import UserError
from tfadv.interop import endpoints, reference, saved_model
from tfadv.interop.bundle_format import REMEDY, check_files, is_bundle, read_metadata
from tfadv.models.external import ExternalModel
from tfadv.models.image_form import ImageForm
from tfadv.norms.mode import MAIN
from tfadv.pixels import PixelRange


class Stated(NamedTuple):
    """What its user says of a model that says nothing of itself.

    Attributes:
        pixel_range: of the images that it takes; None for a bundle, which says.
        layout: of those images, likewise.
        color: ``RGB`` or ``BGR``.
        mean: subtracted from images in that range; see `ImageForm`.
        std: divides them.
        outputs: one of `models.external.OUTPUTS`.
        endpoint: of a SavedModel that is no bundle: one of its signatures or functions;
            None takes its only one.
        output_name: which of several outputs.
    """

    pixel_range: PixelRange | None = None
    layout: str | None = None
    color: str = "RGB"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    outputs: str = "logits"
    endpoint: str | None = None
    output_name: str | None = None


NOTHING = Stated()


def load(
    path: Path, image_shape: Sequence[int], classes: int, stated: Stated = NOTHING
) -> ExternalModel:
    """Loads a bundle, another SavedModel, or a Keras file.

    Args:
        path: a folder, or a ``.keras`` or ``.h5`` file.
        image_shape: (height, width, channels) of the images that it is to classify.
        classes: how many classes these have.
        stated: what its user says of it.

    Raises:
        UserError: it can't be loaded, takes other images, range or layout is not stated, or a
            bundle is not as it was written, or doesn't say of its reference images what the
            original model said.
    """
    if not path.exists():
        raise UserError(f"--saved_model: there is no '{path}'")
    if is_bundle(path):
        return _bundle(path, image_shape, classes, stated)
    if stated.pixel_range is None or stated.layout is None:
        raise UserError(
            f"--saved_model: '{path}' doesn't say what images it takes: state "
            "--pixel_range=LOW,HIGH and --layout=NHWC or NCHW"
        )
    form = ImageForm(
        stated.pixel_range, stated.layout, stated.color, tuple(stated.mean), tuple(stated.std)
    )
    form.check_channels(image_shape[-1])
    of_file = path.is_file()
    found = (
        endpoints.of_keras_file(path)
        if of_file
        else endpoints.of_saved_model(path, stated.endpoint)
    )
    functions = {MAIN: found.returning(path, stated.output_name)}
    form = _taken(path, found.takes, image_shape, form)
    known = {"endpoint": found.name, "output_name": stated.output_name}
    made = {name: value for name, value in known.items() if value}
    return ExternalModel(str(path), functions, image_shape, classes, form, stated.outputs, made)


def _bundle(path, image_shape, classes, stated: Stated) -> ExternalModel:
    metadata = read_metadata(path)
    pixel_range, layout = tuple(metadata["pixel_range"]), metadata["layout"]
    for flag, said, recorded in (
        ("pixel_range", stated.pixel_range, pixel_range),
        ("layout", stated.layout, layout),
    ):
        if said is not None and said != recorded:
            raise UserError(f"--{flag}: '{path}' takes {recorded}, not {said}: leave the flag out")
    check_files(path, metadata)
    module = saved_model.load(path, REMEDY)
    functions = saved_model.functions(module, metadata["endpoints"], path, REMEDY)
    reference.check(path, metadata, functions)
    form, made = ImageForm(pixel_range, layout), metadata.get("model")
    return ExternalModel(str(path), functions, image_shape, classes, form, made=made)


def _taken(path, takes: tf.TensorSpec | None, image_shape, form: ImageForm) -> ImageForm:
    """Returns the form with the type and the batch size of the images that a function takes.

    Raises:
        UserError: it takes images of other sizes or channels.
    """
    if takes is None:
        return form
    height, width, channels = image_shape
    if takes.shape.rank is not None:
        _check_taken(path, takes.shape.as_list(), (height, width, channels), form.layout)
    batch = takes.shape[0] if takes.shape.rank else None
    return dataclasses.replace(form, dtype=tf.as_dtype(takes.dtype), batch=batch)


def _check_taken(path, taken: list[int | None], image_shape, layout: str) -> None:
    height, width, channels = image_shape
    of_layout = {"NHWC": (height, width, channels), "NCHW": (channels, height, width)}
    fits = {
        name: len(taken) == 4
        and all(size in (None, wanted) for size, wanted in zip(taken[1:], shape, strict=True))
        for name, shape in of_layout.items()
    }
    if fits[layout]:
        return
    (other,) = fits.keys() - {layout}
    said = f"'{path}' takes {['N', *taken[1:]]}, and the images are {[*image_shape]} as {layout}"
    said = said.replace("'N'", "N").replace("None", "any")
    if fits[other]:
        raise UserError(f"--layout: {said}: state {other}")
    channels_taken = taken[{"NHWC": 3, "NCHW": 1}[layout]] if len(taken) == 4 else None
    if channels_taken not in (None, channels):
        raise UserError(
            f"--saved_model: {said}: bind Experiment.channels = {channels_taken} for images of "
            "as many channels"
        )
    raise UserError(f"--saved_model: {said}: choose images of its size by gin")
