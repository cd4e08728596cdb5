"""What the layers of a network return, noted while a function calls them."""

import contextlib
import threading
from collections.abc import Iterator

import keras
import tensorflow as tf

# Each replica is traced in a thread of its own.
_noting = threading.local()


@contextlib.contextmanager
def watched_layers() -> Iterator[None]:
    """Lets layers note what they return, wherever `noted_outputs` asks for it inside."""
    call = keras.layers.Layer.__call__

    def noting(layer, *arguments, **options):
        returned = call(layer, *arguments, **options)
        noted = getattr(_noting, "outputs", None)
        if noted is not None:
            mode = options.get("mode")
            branch = f" (branch '{mode.branch}')" if mode and mode.branch else ""
            # A norm measures statistics beside; the layers around it only pass them on.
            y, collected = returned if isinstance(returned, tuple) else (returned, {})
            measured = tf.nest.flatten(collected.get(layer.path, []))
            of = f"{layer.path or layer.name}{branch}"
            named = [(f"what {of} returns", y), *((f"statistics of {of}", v) for v in measured)]
            noted += [(name, tensor) for name, tensor in named if _is_here(tensor)]
        return returned

    keras.layers.Layer.__call__ = noting
    try:
        yield
    finally:
        keras.layers.Layer.__call__ = call


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


def _is_here(tensor: object) -> bool:
    return tf.is_tensor(tensor) and tensor.dtype.is_floating and _graph() is _noting.graph


def _graph():
    return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
