"""Weights of Keras' own files for a network: ``.keras``, ``.h5`` and ``.weights.h5``."""

import itertools
import tempfile
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import h5py
import keras
import numpy as np
from keras import layers

from tfadv.errors import UserError
from tfadv.interop.keras_form import form_and_parts
from tfadv.interop.source_weights import NEW_HEAD, PARAMETER, SourceWeights
from tfadv.models.classifier import Trainable
from tfadv.models.conv_norm import ConvNorm
from tfadv.models.functional.graph import walk
from tfadv.norms.base import Norm

_OF_NORMS = ("gamma", "beta", "moving_mean", "moving_variance")


def read_model(network: Trainable, source: str) -> SourceWeights:
    """Returns what a model in a ``.keras`` or ``.h5`` file holds for a network.

    The layers with weights of both are taken in the order in which they are called.

    Raises:
        UserError: it can't be loaded safely, or is of another architecture.
    """
    try:
        model = keras.saving.load_model(source, compile=False, safe_mode=True)
    except Exception as error:  # whatever a class of somebody else's raises
        raise _refused(source, "can't be loaded", error) from None
    return _matched(network, model, source)


def read_weights(network: Trainable, source: str, new_head: bool) -> SourceWeights:
    """Returns what a ``.weights.h5`` file of ``save_weights`` holds for a network.

    It is of the network itself, or of a Keras model of its layers.

    Args:
        network: the network.
        source: the file.
        new_head: whether the last layer is not to be taken.

    Raises:
        UserError: it is damaged, or of another architecture.
    """
    stored = _arrays(source)
    form, parts = form_and_parts(network)
    heads = [layer.name for layer in form.layers if parts.get(id(layer)) is network.head]
    wanted, own = _saved(form), _saved(network)
    if stored.shapes.keys() == own.shapes.keys() != wanted.shapes.keys():
        _check_shapes(source, stored, own, new_head, [network.head.name])
        return _of_the_network(network, source)
    _check_names(source, stored, wanted)
    _check_shapes(source, stored, wanted, new_head, heads)
    _fill(form, source)
    return _matched(network, form, source, (form, parts))


class _Arrays(NamedTuple):
    """The arrays of a ``.weights.h5``: their shapes, and the layers that they are of, by name."""

    shapes: dict[str, tuple[int, ...]]
    layers: dict[str, str]


def _arrays(source: str) -> _Arrays:
    found = _Arrays({}, {})

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            found.shapes[name] = item.shape
            found.layers[name] = str(item.parent.attrs.get("name", item.parent.name))

    try:
        with h5py.File(source) as file:
            file.visititems(note)
    except (OSError, RuntimeError) as error:
        raise _refused(source, "can't be read", error) from None
    return found


def _saved(model: keras.Model) -> _Arrays:
    """Returns what ``save_weights`` makes of a model."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "own.weights.h5")
        model.save_weights(path)
        return _arrays(path)


def _check_names(source: str, stored: _Arrays, wanted: _Arrays) -> None:
    for these, others, said in (
        (wanted.shapes, stored.shapes, "lacks {}, which this network has"),
        (stored.shapes, wanted.shapes, "has {}, which this network lacks"),
    ):
        name = next((name for name in these if name not in others), None)
        if name is not None:
            raise UserError(
                f"{PARAMETER}: '{source}' {said.format(name)}: it is of another architecture, or "
                "of nested models, which a .keras file of the whole model is for",
                PARAMETER,
            )


def _check_shapes(
    source: str, stored: _Arrays, wanted: _Arrays, new_head: bool, heads: list[str]
) -> None:
    for name, shape in wanted.shapes.items():
        of_head = wanted.layers[name] in heads
        if stored.shapes[name] == shape or (new_head and of_head):
            continue
        raise UserError(
            f"{PARAMETER}: {name} of '{source}' ({stored.layers[name]}) has shape "
            f"{stored.shapes[name]}, this network's {shape}{NEW_HEAD if of_head else ''}",
            PARAMETER,
        )


def _of_the_network(network: Trainable, source: str) -> SourceWeights:
    """Reads what `network.save_weights` itself has written, and leaves the network as it was."""
    before = [np.array(variable) for variable in network.variables]
    try:
        _fill(network, source)
        found = {variable.path: np.array(variable) for variable in network.variables}
    finally:
        for variable, value in zip(network.variables, before, strict=True):
            variable.assign(value)
    return SourceWeights(found)


def _fill(model: keras.Model, source: str) -> None:
    """Loads weights, all of which have been checked but for those of a head that is left out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            model.load_weights(source, skip_mismatch=True)
    except (ValueError, KeyError, OSError) as error:
        raise _refused(source, "is not of this network's layers", error) from None


def _matched(network, model: keras.Model, source: str, form=None) -> SourceWeights:
    """Pairs the layers of a model with the parts of a network."""
    theirs = _with_weights(model)
    form, parts = form or form_and_parts(network)
    ours = [layer for layer in _with_weights(form) if id(layer) in parts]
    values, called, unsaid = {}, {}, []
    for layer, own in itertools.zip_longest(theirs, ours):
        if layer is None:
            break  # what is missing is named by its path
        part = own and parts[id(own)]
        if type(layer) is not type(own):
            here = f"this network's {part.path} is {type(own).__name__}" if own else "no more here"
            raise UserError(
                f"{PARAMETER}: '{layer.name}' of '{source}' is {type(layer).__name__}, and {here}: "
                "it is of another architecture",
                PARAMETER,
            )
        for path, name, value in _values(part, layer, source):
            values[path], called[path] = value, f"{layer.name}/{name}"
        if isinstance(part, Norm) and layer.epsilon != part.epsilon:
            unsaid.append((layer.epsilon, type(part).__name__, part.epsilon))
    return SourceWeights(values, called, tuple(_left(model)), tuple(_of_epsilons(unsaid)))


def _with_weights(model: keras.Model) -> list[layers.Layer]:
    """Returns a model's layers with weights, each once, in the order of their calls."""
    operations = {id(call.operation): call.operation for call in walk(model).calls}.values()
    return [x for x in operations if isinstance(x, layers.Layer) and x.weights]


def _values(part: object, layer: layers.Layer, source: str) -> Iterable[tuple[str, str, object]]:
    """Yields paths of a part's variables, with a layer's names and values of them."""
    if isinstance(part, Norm):
        size = layer.weights[0].shape
        starts: dict[str, Callable] = {"gamma": np.ones, "beta": np.zeros}
        for name in _OF_NORMS:
            value = getattr(layer, name, None)
            if value is not None:
                yield f"{part.path}/{name}", name, np.array(value)
            elif name in starts:  # what a layer lacks is what it doesn't change
                yield f"{part.path}/{name}", name, starts[name](size, np.float32)
        return
    ours = [part.kernel] if isinstance(part, ConvNorm) else part.weights
    if len(ours) != len(layer.weights):
        names = ", ".join(weight.name for weight in layer.weights)
        raise UserError(
            f"{PARAMETER}: '{layer.name}' of '{source}' has {names}, and this network's "
            f"{part.path} {', '.join(weight.name for weight in ours)}: it is of another "
            "architecture",
            PARAMETER,
        )
    for variable, weight in zip(ours, layer.weights, strict=True):
        yield variable.path, weight.name, np.array(weight)


def _left(model: keras.Model) -> Iterable[str]:
    """Yields lines about layers that say what is made of pixels, which the network says itself."""
    for call in walk(model).calls:
        if isinstance(call.operation, layers.Rescaling):
            scale, offset = call.operation.scale, call.operation.offset
            yield f"its layer '{call.operation.name}' (times {scale}, plus {offset})"


def _of_epsilons(found: list[tuple[float, str, float]]) -> Iterable[str]:
    for theirs, norm, ours in dict.fromkeys(found):
        yield f"norms of the file have ε = {theirs:g}, this network's {ours:g}: see {norm}.epsilon"


def _refused(source: str, what: str, error: Exception) -> UserError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return UserError(f"{PARAMETER}: '{source}' {what} ({reason:.200})", PARAMETER)
