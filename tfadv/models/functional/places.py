"""The norms of a walked network, and the layers around each."""

from collections.abc import Sequence

import keras
from keras import layers

from tfadv.models.functional.graph import Call, Graph
from tfadv.models.functional.replaced import is_relu
from tfadv.models.norm_place import NormPlace, block_of
from tfadv.norms.base import Norm

_KINDS = {
    layers.Dense: "dense layer",
    layers.Conv2D: "convolution",
    layers.DepthwiseConv2D: "depthwise convolution",
    layers.Conv2DTranspose: "transposed convolution",
}
NEXT = "next layer"


def norm_places(graph: Graph) -> list[NormPlace]:
    """Returns a network's norms in order of depth, each at its first call."""
    consumers = graph.consumers()
    made = {id(output): call.operation for call in graph.calls for output in call.outputs}
    found: dict[int, NormPlace] = {}
    for call in graph.calls:
        norm = call.operation
        if isinstance(norm, Norm) and id(norm) not in found:
            before = made.get(id(call.inputs[0]))
            after = _after(consumers[id(call.output)])
            part = block_of(norm.name) or norm.name
            found[id(norm)] = NormPlace(norm, norm.name, part, _in_words(before), after)
    return list(found.values())


def _in_words(operation: object | None) -> str:
    if operation is None:
        return "preprocessing"
    kind = _KINDS.get(type(operation))
    if kind is None:
        return operation.name
    size = getattr(operation, "kernel_size", ())
    return " ".join(filter(None, ("×".join(map(str, size)), kind)))


def _after(takers: Sequence[Call | None]) -> str:
    found = {_activation(taker.operation) if taker else NEXT for taker in takers}
    return found.pop() if len(found) == 1 else NEXT


def _activation(operation: object) -> str:
    if is_relu(operation):
        return "ReLU"
    is_one = isinstance(operation, keras.layers.Activation)
    return operation.activation.__name__ if is_one else NEXT
