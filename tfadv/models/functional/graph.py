"""A Functional or Sequential Keras model as a list of calls, nested models laid open."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfadv.errors import UserError

# Returns what a call makes of its arguments, positional and named.
Apply = Callable[["Call", tuple, dict], Any]

# What holds parts that no walk can see, and what does not say what it computes.
_WAY_OUT = "build the network of Keras' layers in a Functional or Sequential model"


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """One operation's call.

    Attributes:
        operation: a layer, or one of Keras' operations.
        arguments: positional and named, in which `keras.KerasTensor`s stand for what other
            calls return.
        output: what it returns: one `keras.KerasTensor` or a structure of them.
    """

    operation: Any
    arguments: tuple[tuple, dict[str, Any]]
    output: Any

    @property
    def inputs(self) -> list[keras.KerasTensor]:
        """The tensors among the arguments."""
        return [x for x in keras.tree.flatten(self.arguments) if isinstance(x, keras.KerasTensor)]

    @property
    def outputs(self) -> list[keras.KerasTensor]:
        """The tensors that it returns."""
        return keras.tree.flatten(self.output)

    def filled(self, values: Mapping[int, Any]) -> tuple[tuple, dict[str, Any]]:
        """Returns the arguments with values in place of the tensors.

        Args:
            values: by the tensors' ``id``.
        """
        return keras.tree.map_structure(
            lambda x: values[id(x)] if isinstance(x, keras.KerasTensor) else x, self.arguments
        )


@dataclasses.dataclass(frozen=True)
class Graph:
    """The calls of a network from images to logits, each after those that it needs.

    Attributes:
        images: what stands for the images.
        calls: in their order.
        logits: what stands for the output.
    """

    images: keras.KerasTensor
    calls: tuple[Call, ...]
    logits: keras.KerasTensor

    def run(self, images: Any, apply: Apply) -> Any:
        """Returns what comes out.

        Args:
            images: what goes in.
            apply: returns what a call makes of its arguments.
        """
        values = {id(self.images): images}
        follow(self.calls, values, apply)
        return values[id(self.logits)]

    def consumers(self) -> dict[int, list[Call | None]]:
        """Returns the calls that take a tensor, by its ``id``; None stands for the output."""
        found: dict[int, list[Call | None]] = {id(self.logits): [None]}
        for call in self.calls:
            for tensor in call.inputs:
                found.setdefault(id(tensor), []).append(call)
        return found


def follow(calls: Sequence[Call], values: dict[int, Any], apply: Apply) -> None:
    """Adds what calls return to the values of tensors, by their ``id``."""
    for call in calls:
        found = keras.tree.flatten(apply(call, *call.filled(values)))
        values.update(zip(map(id, call.outputs), found, strict=True))


def head_of(graph: Graph) -> keras.layers.Dense | None:
    """Returns the last layer with weights of a network, if it is a dense one."""
    operations = (call.operation for call in reversed(graph.calls))
    last = next((one for one in operations if getattr(one, "weights", ())), None)
    return last if type(last) is keras.layers.Dense else None


def walk(model: keras.Model, image_shape: Sequence[int] | None = None) -> Graph:
    """Returns the calls of a model, in which nested models are laid open.

    Args:
        model: a Functional or Sequential one.
        image_shape: of the images that it is to take, in place of those it was built for.

    Raises:
        UserError: it can't be walked: it or what is nested in it is subclassed, or it has
            Lambda layers, or several inputs or outputs; or a layer can't take such images.
    """
    plain = _plain(model)
    if len(plain.inputs) != 1 or len(plain.outputs) != 1:
        raise UserError(
            f"the Keras model '{model.name}' has {len(plain.inputs)} inputs and "
            f"{len(plain.outputs)} outputs: a network takes one and returns one"
        )
    calls: list[Call] = []

    def note(operation, *arguments, **named):
        if isinstance(operation, keras.Model):
            nested = walk(operation)
            return nested.run(arguments[0], lambda call, a, n: note(call.operation, *a, **n))
        _check_layer(operation, model)
        output = _called(operation, arguments, named, image_shape or plain.inputs[0].shape[1:])
        calls.append(Call(operation, (arguments, named), output))
        return output

    followed = keras.models.clone_model(
        plain,
        input_tensors=None if image_shape is None else [keras.Input(tuple(image_shape))],
        clone_function=lambda layer: layer,
        call_function=note,
    )
    return Graph(followed.inputs[0], tuple(calls), followed.outputs[0])


def _called(operation: Any, arguments: tuple, named: dict, image_shape) -> Any:
    """Returns what an operation makes of tensors that stand for others."""
    try:
        return operation(*arguments, **named)
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise UserError(
            f"the layer '{operation.name}' can't take what images of {tuple(image_shape)} become"
        ) from error


def _plain(model: keras.Model) -> keras.Model:
    """Returns a model of the same inputs and outputs and no more: a Sequential one can't be
    followed, and a compiled one would be compiled anew."""
    try:
        plain = keras.Model(model.inputs, model.outputs)
        known = type(model).call in (type(plain).call, keras.Sequential.call)
    except (AttributeError, ValueError):  # it has none before it is called
        known = False
    if not known:
        raise UserError(
            f"'{model.name}' is a subclassed Keras model ({type(model).__name__}) or has no "
            f"keras.Input, so that its parts can't be seen: {_WAY_OUT}"
        )
    return plain


def _check_layer(operation: Any, model: keras.Model) -> None:
    if isinstance(operation, keras.layers.Lambda):
        raise UserError(
            f"'{operation.name}' in '{model.name}' is a Lambda layer, which is code that no file "
            "holds safely: use keras.ops, or a layer class of your own"
        )
    if not isinstance(operation, keras.layers.Layer):
        return
    inside = [part for part in operation._flatten_layers() if part is not operation]
    norm = next((p for p in inside if isinstance(p, keras.layers.BatchNormalization)), None)
    if norm is not None:
        raise UserError(
            f"'{norm.name}' is inside '{operation.name}' ({type(operation).__name__}), where it "
            f"can't be replaced: {_WAY_OUT}"
        )
