"""What the layers of a network return, noted while a function calls them."""

import contextlib
import threading
from collections.abc import Iterator

import keras
import tensorflow as tf

from tfadv.models.functional.folding import LinearUnit
from tfadv.models.functional.graph import Graph
from tfadv.norms.base import Norm

# Each replica is traced in a thread of its own.
_noting = threading.local()


@contextlib.contextmanager
def watched_layers() -> Iterator[None]:
    """Lets layers note what they return, wherever `noted_outputs` asks for it inside."""
    call, run, product = keras.layers.Layer.__call__, Graph.run, LinearUnit.product

    def noting_call(layer, *arguments, **options):
        mode, outside = options.get("mode"), getattr(_noting, "within", None)
        branch = f" (branch '{mode.branch}')" if mode and mode.branch else ""
        if mode:
            _noting.within = branch
        try:
            returned = call(layer, *arguments, **options)
        finally:
            _noting.within = outside
        # A norm measures statistics beside; the layers around it only pass them on.
        y, collected = returned if isinstance(returned, tuple) else (returned, {})
        of = f"{layer.path or layer.name}{branch}"
        _note(f"what {of} returns", y)
        for measured in tf.nest.flatten(collected.get(layer.path, [])):
            _note(f"statistics of {of}", measured)
        return returned

    # The layers of a network that was made of a Keras model are not called as such.
    def noting_run(graph, images, apply):
        def noting_apply(call, arguments, named):
            y = apply(call, arguments, named)
            if not isinstance(call.operation, Norm | LinearUnit):
                _note_inside(call.operation, y)
            return y

        return run(graph, images, noting_apply)

    def noting_product(unit, *arguments):
        y = product(unit, *arguments)
        _note_inside(unit.layer, y)
        return y

    keras.layers.Layer.__call__, Graph.run, LinearUnit.product = (
        noting_call,
        noting_run,
        noting_product,
    )
    try:
        yield
    finally:
        keras.layers.Layer.__call__, Graph.run, LinearUnit.product = call, run, product


@contextlib.contextmanager
def noted_outputs() -> Iterator[list[tuple[str, tf.Tensor]]]:
    """Yields a list that takes the names and outputs of the layers called inside, in order.

    Those of a graph within this one, such as an attack's loop, are left out.
    """
    outputs: list[tuple[str, tf.Tensor]] = []
    _noting.outputs, _noting.graph = outputs, _graph()
    try:
        yield outputs
    finally:
        _noting.outputs = None


def _note(name: str, tensor: object) -> None:
    noted = getattr(_noting, "outputs", None)
    if noted is not None and _is_here(tensor):
        noted.append((name, tensor))


def _note_inside(operation: object, returned: object) -> None:
    """Notes what a part of a network returns, in the branch in which that is called."""
    within = getattr(_noting, "within", None)
    if within is not None:  # an attack calls none
        of = getattr(operation, "path", None) or operation.name
        for tensor in tf.nest.flatten(returned):
            _note(f"what {of}{within} returns", tensor)


def _is_here(tensor: object) -> bool:
    return tf.is_tensor(tensor) and tensor.dtype.is_floating and _graph() is _noting.graph


def _graph():
    return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
