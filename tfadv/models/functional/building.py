"""A registered model, built: what a plain function returns becomes a network of the run."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import keras

from tfadv.errors import UserError
from tfadv.models.classifier import Trainable
from tfadv.models.functional.from_keras import check_classes, check_images
from tfadv.models.functional.graph import walk
from tfadv.models.functional.network import KerasNetwork
from tfadv.models.functional.preparation import Preparation, found_in
from tfadv.models.functional.replaced import with_norms
from tfadv.norms.base import Norm
from tfadv.registry import MODELS

_REPLACED = (keras.layers.BatchNormalization,)


def build_network(
    spec: str,
    parameter: str = "Experiment.model",
    *,
    image_shape: Sequence[int],
    classes: int,
    make_norm: Callable[..., Norm],
    new_head: bool = False,
    **arguments: Any,
) -> Trainable:
    """Builds a registered model as a network whose norms are those of the run.

    A class or function returns a network itself, of norms that it makes with `make_norm`; or a
    Functional or Sequential Keras model, in which the run's norm takes the place of each
    `BatchNormalization`, and which begins with `Rescaling` or `Normalization`: it gets pixels.

    Args:
        spec: its registered name, or ``scope/name``.
        parameter: the gin parameter that chose it, for errors.
        image_shape: (height, width, channels) of the images.
        classes: number of logits.
        make_norm: builds a norm layer.
        new_head: whether the last layer of a model that brings weights starts anew.
        **arguments: more of its arguments, which take precedence over gin's bindings.

    Raises:
        UserError: there is no such model, it can't be built for such images, or what it
            returns is no network.
    """
    name = spec.rpartition("/")[2]
    taken = inspect.signature(MODELS.get(name, parameter)).parameters
    given = {"image_shape": image_shape, "classes": classes, "make_norm": make_norm}
    given = {k: v for k, v in (given | {"new_head": new_head}).items() if k in taken}
    try:
        model = MODELS.build(spec, parameter, **given, **arguments)
    except UserError:
        raise
    except ValueError as error:  # of Keras, such as maps without any pixel left
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"{parameter} = {name!r} can't be built for images of "
            f"{tuple(image_shape)}: {reason:.200}",
            parameter,
        ) from error
    if hasattr(model, "logits_fn"):
        return model
    return _network(name, model, image_shape, classes, make_norm)


def _network(name: str, model: object, image_shape, classes, make_norm) -> KerasNetwork:
    named = f"the model '{name}'"
    if not isinstance(model, keras.Model):
        kind = type(model).__name__
        raise UserError(f"{named}: a {kind} is neither a network nor a Functional Keras model")
    graph = walk(model)
    check_images(named, graph, image_shape)
    check_classes(named, graph, classes, "it is given their number as 'classes'")
    if not found_in(graph):
        raise UserError(
            f"{named} doesn't begin with keras.layers.Rescaling or Normalization: it gets pixels "
            "0..255, of which Rescaling(1 / 127.5, -1) makes -1..1"
        )
    return KerasNetwork(with_norms(graph, make_norm, _REPLACED), Preparation(), image_shape, name)
