"""Where a run may start from: a run, a bundle, or a file of weights, Keras' or PyTorch's."""

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfadv import digests
from tfadv.config.settings import LAST
from tfadv.errors import UserError
from tfadv.interop import keras_weights, norm_branches, released_weights, torch_weights
from tfadv.interop.bundle_format import (
    REMEDY,
    bundle_in,
    check_files,
    is_bundle,
    read_metadata,
)
from tfadv.interop.source_weights import NEW_HEAD, PARAMETER, SourceWeights
from tfadv.models import given_weights
from tfadv.models.classifier import Trainable
from tfadv.optimization.weight_average import WEIGHTS
from tfadv.runs.checkpoints import read_model
from tfadv.runs.chosen_step import usual_weights
from tfadv.runs.run_directory import RunDirectory

_KINDS = (
    "the folder of a run with checkpoints, a bundle of tfadv.export, or a .keras, .h5, "
    ".weights.h5, .safetensors or .npz file"
)
_PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".tar")
_OF_BUNDLE, _VALUE = "weights/", "/.ATTRIBUTES/VARIABLE_VALUE"


def load(
    model: Trainable,
    source: str,
    weights: str | None = None,
    new_head: bool = False,
    norm_branch: str | None = None,
    checkpoint: str = LAST,
) -> tuple[str, ...]:
    """Sets every weight and running statistic of a model.

    Args:
        model: the model.
        source: a run, a bundle, or a file: see docs/network.md.
        weights: of a run's, of `WEIGHTS`; None takes `chosen_step.usual_weights`.
        new_head: whether the last layer stays as it was made.
        norm_branch: where one of the two has norm branches and the other none; see
            `norm_branches.converted`.
        checkpoint: of a run's, which: as `chosen_step.chosen` takes it, by default the newest
            whole one.

    Returns:
        Lines about what is not taken over, and about what the source doesn't say.

    Raises:
        UserError: the source can't be read, or a weight is missing, has another shape or is
            not finite; nothing is set.
    """
    found = _read(model, source, weights, new_head, checkpoint)
    fitting = norm_branches.converted(model, found.values, norm_branch, source)
    values, kept, left = dict(fitting.values), set(fitting.kept), [*found.left, *fitting.left]
    if new_head:
        _check_head(model)
        head = [variable.path for variable in model.head.variables]
        kept.update(head)
        dropped = [
            found.called.get(path, path) for path in head if values.pop(path, None) is not None
        ]
        left += [f"its head, {', '.join(dropped)}"] if dropped else []
    _check_unused(model, values, source)
    given_weights.assign(
        model,
        values,
        source,
        PARAMETER,
        kept=kept,
        called=found.called,
        remedy=lambda variable: _remedy(model, variable),
    )
    lines = [f"not taken over of '{source}': {'; '.join(left)}"] if left else []
    return (*lines, *(f"'{source}': {line}" for line in found.unsaid))


def _read(
    model: Trainable, source: str, weights: str | None, new_head: bool, checkpoint: str
) -> SourceWeights:
    path, run = Path(source), RunDirectory(Path(source))
    if run.has_checkpoint:
        weights = weights or usual_weights(run.checkpoints_path, checkpoint)
        values = read_model(run.checkpoints_path, weights, run.bound_to(), checkpoint)
        return SourceWeights(values)
    for parameter, value, usual in (
        ("Experiment.initial_weights_kind", weights or WEIGHTS[0], WEIGHTS[0]),
        ("Experiment.initial_checkpoint", checkpoint, LAST),
    ):
        if value != usual:
            raise UserError(
                f"{parameter} = {value!r} is of a run, and '{source}' is none", parameter
            )
    if is_bundle(path):
        return _of_bundle(model, path)
    readers = {
        ".npz": lambda: released_weights.read(model, source),
        ".safetensors": lambda: torch_weights.read(model, source),
        ".weights.h5": lambda: keras_weights.read_weights(model, source, new_head),
        ".keras": lambda: keras_weights.read_model(model, source),
        ".h5": lambda: keras_weights.read_model(model, source),
    }
    reader = next((read for end, read in readers.items() if source.endswith(end)), None)
    if reader and path.is_file():
        return reader()
    raise UserError(f"{PARAMETER}: {_no_source(path)}", PARAMETER)


def _no_source(path: Path) -> str:
    if path.suffix in _PICKLES:
        return (
            f"'{path}' may be a pickle, which runs what is in it: where PyTorch is, "
            "safetensors.torch.save_file(model.state_dict(), 'weights.safetensors') writes what "
            "is read here"
        )
    if bundle_in(path) != path:
        return f"'{path}' is a folder for the hub, and its bundle is '{bundle_in(path)}'"
    if (path / "saved_model.pb").is_file():
        return (
            f"'{path}' is a SavedModel that tfadv.export has not written, and no names tell what "
            "its variables are: save the model as .keras"
        )
    return f"'{path}' is neither {_KINDS}"


def _of_bundle(model: Trainable, folder: Path) -> SourceWeights:
    """Returns the weights of a bundle, whatever branches it was exported with."""
    metadata = read_metadata(folder)
    check_files(folder, metadata)
    try:
        reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
        stored = {
            key.removeprefix(_OF_BUNDLE).removesuffix(_VALUE).replace(".S", "/"): key
            for key in reader.get_variable_to_shape_map()
            if key.startswith(_OF_BUNDLE) and key.endswith(_VALUE)
        }
        values = {path: reader.get_tensor(key) for path, key in stored.items()}
    except (tf.errors.OpError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{PARAMETER}: '{folder}' can't be read ({reason:.200}): {REMEDY}"
        ) from None
    if not all(path.isdigit() for path in values):
        return SourceWeights(values)
    # Bundles of before have their weights in the model's order, without names.
    paths = [variable.path for variable in model.variables]
    in_order = [values[number] for number in sorted(values, key=int)]
    named = dict(zip(paths, in_order, strict=False))
    if len(paths) != len(values) or metadata.get("weights") not in (None, digests.of_arrays(named)):
        raise UserError(
            f"{PARAMETER}: '{folder}' was exported before bundles had names of their weights, and "
            "fits the network alone that it was exported of: export its run once more",
            PARAMETER,
        )
    return SourceWeights(named)


def _check_unused(model: Trainable, values: Mapping[str, np.ndarray], source: str) -> None:
    ours = {variable.path for variable in model.variables}
    unused = sorted(values.keys() - ours)
    if unused:
        statistics = unused[0].rpartition("/")[2].startswith("moving_")
        remedy = ": bind Experiment.norm = 'batch_norm'" if statistics else ""
        raise UserError(
            f"{PARAMETER}: '{source}' has {unused[0]}, which this network lacks{remedy}", PARAMETER
        )


def _check_head(model: Trainable) -> None:
    if getattr(model, "head", None) is None:
        raise UserError(
            f"Experiment.new_head = True: {type(model).__name__} names no last dense layer as "
            "its `head`",
            "Experiment.new_head",
        )


def _remedy(model: Trainable, variable: keras.Variable) -> str:
    head = getattr(model, "head", None)
    of_head = head is not None and any(variable is one for one in head.variables)
    return NEW_HEAD if of_head else ""
