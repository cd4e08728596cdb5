"""A walked model of layers of its own: copies, and the run's norms in place of its norms."""

from collections.abc import Callable

import keras
import tensorflow as tf

from tfadv.errors import UserError
from tfadv.models.functional.graph import Call, Graph, head_of
from tfadv.models.functional.names import name_variables, uncounted, unique
from tfadv.norms.base import Norm

ReplacedLayers = tuple[type[keras.layers.Layer], ...]
# What a norm with statistics takes over of a batch normalization.
_KEPT = ("momentum", "epsilon")


def is_relu(operation: object) -> bool:
    """Returns whether an operation is a plain ReLU."""
    if isinstance(operation, keras.layers.ReLU):
        unbounded = operation.max_value is None
        return unbounded and not operation.negative_slope and not operation.threshold
    activation = isinstance(operation, keras.layers.Activation)
    return activation and operation.activation is keras.activations.relu


def with_norms(
    graph: Graph,
    make_norm: Callable[..., Norm],
    replaced: ReplacedLayers,
    new_classes: int | None = None,
) -> Graph:
    """Returns a network of copies of the layers, with their weights, that ends in logits.

    A layer that is called twice has one copy, so what was shared stays shared. A last
    softmax is left out.

    Args:
        graph: of the original.
        make_norm: builds a norm layer.
        replaced: the layers that norms take the place of; each branch starts from their γ, β
            and statistics.
        new_classes: how many logits a last layer is to make that starts anew; None keeps it.

    Raises:
        UserError: a norm isn't over the last axis, a layer can't be copied, or the last one is
            to start anew and isn't dense.
    """
    return _Copies(graph, make_norm, replaced, new_classes).graph()


class _Copies:
    def __init__(self, graph, make_norm, replaced, new_classes):
        self._original = graph
        self._new_classes = new_classes
        self._new_head = None if new_classes is None else _head_of(graph)
        self._make_norm = make_norm
        self._replaced = replaced
        self._consumers = graph.consumers()
        self._copies: dict[int, tuple[keras.layers.Layer, keras.layers.Layer]] = {}
        self._names: set[str] = set()
        self._calls: list[Call] = []
        self._activated: set[int] = set()  # outputs of norms that bring the ReLU themselves

    def graph(self) -> Graph:
        images = keras.Input(batch_shape=self._original.images.shape, dtype="float32")
        logits = self._original.run(images, self._apply)
        for operation in dict.fromkeys(call.operation for call in self._calls):
            if not isinstance(operation, keras.layers.Layer):  # numbered by Keras, as layers were
                operation.name = unique(operation.name, self._names)
        for layer, copy in self._copies.values():
            name_variables(copy)
            if layer is not self._new_head:
                _take_weights(layer, copy)
        return Graph(images, tuple(self._calls), logits)

    def _apply(self, call: Call, arguments: tuple, named: dict):
        operation = call.operation
        if id(call.inputs[0]) in self._activated:
            return arguments[0]
        if isinstance(operation, self._replaced):
            operation, named = self._norm(call), {}
        elif call.output is self._original.logits and _is_softmax(operation):
            if not operation.weights:
                return arguments[0]
            operation = self._copy(operation, activation=None)
        elif isinstance(operation, keras.layers.Layer):
            operation = self._copy(operation)
        output = operation(*arguments, **named)
        self._calls.append(Call(operation, (arguments, named), output))
        return output

    def _norm(self, call: Call) -> Norm:
        layer = call.operation
        takers = self._consumers[id(call.output)]
        activated = all(taker is not None and is_relu(taker.operation) for taker in takers)
        if id(layer) not in self._copies:
            _check_axis(layer, call.inputs[0])
            name = unique(uncounted(layer), self._names)
            norm = self._make_norm(name=name)
            if norm.keeps_statistics:
                known = norm.get_config()
                kept = {
                    key: getattr(layer, key)
                    for key in _KEPT
                    if key in known and hasattr(layer, key)
                }
                norm = self._make_norm(name=name, **kept)
            norm.activated = activated
            self._copies[id(layer)] = layer, norm
        norm = self._copies[id(layer)][1]
        if activated and norm.activates:
            self._activated.add(id(call.output))
        return norm

    def _copy(self, layer: keras.layers.Layer, **changed) -> keras.layers.Layer:
        if id(layer) not in self._copies:
            if getattr(layer, "data_format", "channels_last") == "channels_first":
                raise UserError(f"'{layer.name}' takes channels first: build the model of NHWC")
            if layer is self._new_head:
                changed["units"] = self._new_classes
            try:
                name = unique(uncounted(layer), self._names)
                config = {**layer.get_config(), "dtype": "float32", "name": name, **changed}
                copy = type(layer).from_config(config)
            except (TypeError, ValueError, NotImplementedError) as error:
                reason = str(error).splitlines()[0]
                raise UserError(f"'{layer.name}' can't be made anew: {reason}") from None
            self._copies[id(layer)] = layer, copy
        return self._copies[id(layer)][1]


def _head_of(graph: Graph) -> keras.layers.Dense:
    head = head_of(graph)
    if head is None:
        raise UserError(
            "Experiment.new_head = True makes a last dense layer anew, and this model's last layer "
            "with weights is another",
            "Experiment.new_head",
        )
    return head


def _is_softmax(operation: object) -> bool:
    softmax = getattr(operation, "activation", None) is keras.activations.softmax
    return softmax or isinstance(operation, keras.layers.Softmax)


def _check_axis(layer: keras.layers.Layer, x: keras.KerasTensor) -> None:
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    if axes not in ([-1], [len(x.shape) - 1]):
        raise UserError(f"'{layer.name}' normalizes over the axes {axes}, not over channels alone")


def _take_weights(layer: keras.layers.Layer, copy: keras.layers.Layer) -> None:
    if not isinstance(copy, Norm):
        copy.set_weights(layer.get_weights())
        return
    mean, variance = (getattr(layer, f"moving_{name}", None) for name in ("mean", "variance"))
    moments = None if mean is None else (mean.value, variance.value)
    copy.start_from(*(_value(layer, name) for name in ("gamma", "beta")), moments)


def _value(layer: keras.layers.Layer, name: str) -> tf.Tensor | None:
    variable = getattr(layer, name, None)
    return None if variable is None else tf.convert_to_tensor(variable)
