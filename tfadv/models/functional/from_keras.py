"""``Experiment.model = 'keras'``: the user's own network, from a file or from a function."""

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras

from tfadv.errors import UserError, check, nearest
from tfadv.models.functional.graph import Graph, walk
from tfadv.models.functional.network import KerasNetwork
from tfadv.models.functional.preparation import Preparation, found_in, found_of_module
from tfadv.models.functional.replaced import with_norms
from tfadv.norms.base import Norm
from tfadv.registry import MODELS

_APPLICATIONS = "keras.applications"
_NORMS = ("BatchNormalization", "LayerNormalization", "GroupNormalization")


@MODELS.register("keras")
def Keras(  # noqa: N802  (as gin files call it)
    image_shape: Sequence[int],
    classes: int,
    make_norm: Callable[..., Norm],
    path: str = "",
    build: str = "",
    arguments: Mapping[str, object] | None = None,
    replace: Sequence[str] = ("BatchNormalization",),
    pixel_mean: float | Sequence[float] | None = None,
    pixel_std: float | Sequence[float] | None = None,
    color: str | None = None,
    new_head: bool = False,
    other_size: bool = False,
) -> KerasNetwork:
    """Makes a network of a Functional or Sequential Keras model, its norms those of the run.

    Every layer that `replace` names becomes a norm of the run, each branch started from its γ,
    β and statistics; a batch norm keeps ε and momentum. Layers are copied: what was shared
    stays shared. Dropout and its kin act in training alone, with the run's seeds.

    Args:
        image_shape: (height, width, channels) of the images.
        classes: number of logits.
        make_norm: builds a norm layer.
        path: a ``.keras`` file.
        build: a function that returns the model, as ``keras.applications.EfficientNetB0``; it
            gets ``input_shape``, ``classes`` and ``weights = None`` if it takes them.
        arguments: more of them, which take precedence.
        replace: Keras' layers that the run's norm takes the place of.
        pixel_mean: subtracted from pixels 0..255 before the first layer. None finds it: what
            begins with `Rescaling` or `Normalization` takes pixels as they are, and one of
            keras.applications what its ``preprocess_input`` makes of them.
        pixel_std: divides the pixels; found alike.
        color: ``RGB`` or ``BGR``; found alike.
        new_head: whether its last dense layer starts anew, with `classes` outputs.
        other_size: whether images may be of another size than it was built for.

    Raises:
        UserError: there is no such file or function, or the model can't be walked or used.
    """
    model = _model(path, build, image_shape, classes, arguments or {})
    named = f"the Keras model '{path or build}'"
    graph = walk(model, image_shape if other_size else None)
    check_images(named, graph, image_shape, "Keras.other_size = True lets it take them")
    stated = Preparation.of(pixel_mean, pixel_std, color)
    preparation = stated or _found_preparation(named, graph, build)
    new_classes = classes if new_head else None
    graph = with_norms(graph, make_norm, tuple(map(_layer, replace)), new_classes)
    check_classes(named, graph, classes, "Experiment.new_head = True makes its last layer anew")
    return KerasNetwork(graph, preparation, image_shape, name=model.name)


def _model(path: str, build: str, image_shape, classes: int, arguments: Mapping) -> keras.Model:
    check(bool(path) != bool(build), "Keras.path", "be set, or Keras.build, not both", path)
    return _loaded(path) if path else _built(build, image_shape, classes, arguments)


def _found_preparation(named: str, graph: Graph, build: str) -> Preparation:
    found = found_in(graph) or found_of_module(build)
    if found is None:
        raise UserError(
            f"{named} doesn't tell which pixels it takes: set Keras.pixel_mean and "
            "Keras.pixel_std, such as 0 and 255 for 0..1, or 127.5 and 127.5 for -1..1",
            "Keras.pixel_mean",
        )
    return found


def check_images(named: str, graph: Graph, image_shape: Sequence[int], remedy: str = "") -> None:
    """Raises `UserError`, which ends in a remedy, unless a walked model is of such images."""
    wanted, found = tuple(image_shape), tuple(graph.images.shape[1:])
    if any(side not in (None, asked) for side, asked in zip(found, wanted, strict=True)):
        helps = remedy and wanted[-1] == found[-1]
        raise UserError(
            f"{named} takes images of {found}, and these are of {wanted}"
            + (f": {remedy}" if helps else "")
        )


def check_classes(named: str, graph: Graph, classes: int, remedy: str) -> None:
    """Raises `UserError`, which ends in the remedy, unless a walked model makes so many logits."""
    if tuple(graph.logits.shape[1:]) != (classes,):
        raise UserError(
            f"{named} returns {tuple(graph.logits.shape[1:])} values an image, and the images "
            f"are of {classes} classes: {remedy}"
        )


def _loaded(path: str) -> keras.Model:
    if not Path(path).is_file():
        raise UserError(f"Keras.path: there is no file '{path}'", "Keras.path")
    if not path.endswith(".keras"):
        raise UserError(f"Keras.path: '{path}' is no .keras file: model.save writes one")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # whatever a class of somebody else's raises
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"Keras.path: '{path}' can't be loaded ({reason:.200}): a plugin that defines its "
            "own layers lets it",
            "Keras.path",
        ) from error


def _built(build: str, image_shape, classes: int, arguments: Mapping) -> keras.Model:
    function = _imported(build)
    taken = inspect.signature(function).parameters
    ours = {"input_shape": tuple(image_shape), "classes": classes, "weights": None}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in taken.values())
    unknown = next((name for name in arguments if name not in taken), None)
    if unknown and not takes_any:
        raise UserError(
            f"Keras.arguments: {build} takes no {unknown!r}, but {', '.join(taken)}."
            + nearest(unknown, taken),
            "Keras.arguments",
        )
    given = {name: value for name, value in ours.items() if name in taken} | dict(arguments)
    try:
        model = function(**given)
    except (TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"Keras.build: {build} refuses: {reason:.200}", "Keras.build") from error
    if not isinstance(model, keras.Model):
        raise UserError(f"Keras.build: {build} returns a {type(model).__name__}, not a Keras model")
    return model


def _imported(build: str) -> Callable:
    module, _, name = build.rpartition(".")
    try:
        found = importlib.import_module(module) if module else sys.modules["builtins"]
        return getattr(found, name)
    except (ImportError, AttributeError):
        known = [n for n in dir(keras.applications) if n[0].isupper() and module == _APPLICATIONS]
        raise UserError(
            f"Keras.build: there is no {build!r} to import." + nearest(name, known), "Keras.build"
        ) from None


def _layer(name: str) -> type[keras.layers.Layer]:
    if name not in _NORMS:
        raise UserError(
            f"Keras.replace: {name!r} is none of {', '.join(_NORMS)}." + nearest(name, _NORMS),
            "Keras.replace",
        )
    return getattr(keras.layers, name)
