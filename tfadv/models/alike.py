"""Layers that are alike: traced once, called many times.

A deep network repeats a few kinds of blocks. Within `Traces.in_use` such a block is a function of
its input and its variables' values, traced for the first block of a kind and called for the
others, on every replica: what TensorFlow does with each node of a graph is done once for them
all.
"""

import contextlib
import copy
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

# So many layers have to be alike: a function's whole backward holds what it takes, and calls cost
# a little, while few traces more cost little.
ENOUGH = 4

_using = threading.local()
# What tells no two layers apart that compute alike.
_OWN = {*vars(keras.layers.Layer(name="any"))}


class Traces:
    """The traces of a model's blocks, in one trace of what calls them.

    Args:
        layers: those that may share a trace.
        trained: the variables that gradients are taken by. Others get none: it would be
            computed, whether anybody wants it or not.
        enough: so many layers share a trace if they are alike; fewer are called as they are.
    """

    def __init__(
        self,
        layers: Iterable[keras.layers.Layer],
        trained: Iterable[keras.Variable] = (),
        enough: int = ENOUGH,
    ):
        self._trained = {id(variable) for variable in trained}
        self._kinds: list[dict] = []
        self._kind_of: dict[int, int] = {}
        self._traced: dict[Hashable, tuple | None] = {}
        self._notes: dict[Hashable, object] = {}
        kinds = {id(layer): self._kind(layer) for layer in layers}
        many = {kind for kind, count in Counter(kinds.values()).items() if count >= enough}
        self._shared = {name for name, kind in kinds.items() if kind in many}

    def anew(self, trained: Iterable[keras.Variable]) -> "Traces":
        """Returns traces of the same layers, none made yet, for gradients by other variables."""
        found = copy.copy(self)
        found._trained = {id(variable) for variable in trained}
        found._traced, found._notes = {}, {}
        return found

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Has the blocks that are called inside, in this thread, be called as functions."""
        before, _using.traces = traces_in_use(), self
        try:
            yield
        finally:
            _using.traces = before

    def __call__(
        self,
        key: Hashable,
        layer: keras.layers.Layer,
        function: Callable,
        *tensors,
        reads: bool = True,
        differentiates: bool = True,
    ):
        """Returns ``function(layer, *tensors)``, by the trace of a layer that is alike.

        Args:
            key: names the function; two functions with the same key do the same.
            layer: whose variables the function reads.
            function: returns tensors, in the same structure for all layers that are alike. It
                is called as it is where it writes variables.
            *tensors: nested structures of tensors, of known shapes.
            reads: whether the function reads variables of the layer at all.
            differentiates: whether gradients by variables are wanted.
        """
        variables = layer.variables if reads else []
        trained = self._trained if differentiates else ()
        kept = tuple(id(variable) not in trained for variable in variables)
        specs = tf.nest.map_structure(lambda t: tf.TensorSpec(t.shape, t.dtype), tensors)
        flat = tuple(tf.nest.flatten(specs))
        key = (key, self._kind(layer), kept, flat)
        if key not in self._traced:
            self._traced[key] = _trace(layer, function, variables, kept, specs)
        if self._traced[key] is None:
            return function(layer, *tensors)
        traced, structure = self._traced[key]
        values = [tf.convert_to_tensor(variable.value) for variable in variables]
        found = traced(*values, *tf.nest.flatten(tensors))
        return tf.nest.pack_sequence_as(structure, tf.nest.flatten(found))

    @property
    def any(self) -> bool:
        """Whether any layers share a trace."""
        return bool(self._shared)

    def has(self, layer: keras.layers.Layer) -> bool:
        """Returns whether a layer shares a trace with others."""
        return id(layer) in self._shared

    def note(self, key: Hashable, layer: keras.layers.Layer, what: object) -> None:
        """Keeps what is the same for all layers that are alike, beside a function's tensors."""
        self._notes[key, self._kind(layer)] = what

    def noted(self, key: Hashable, layer: keras.layers.Layer) -> object:
        """Returns what was noted of a layer that is alike."""
        return self._notes[key, self._kind(layer)]

    def _kind(self, layer: keras.layers.Layer) -> int:
        """Returns the number of the layer's kind; layers of a kind compute alike."""
        if id(layer) not in self._kind_of:
            described = _described(layer)
            known = (n for n, other in enumerate(self._kinds) if _equal(described, other))
            number = next(known, len(self._kinds))
            if number == len(self._kinds):
                self._kinds.append(described)
            self._kind_of[id(layer)] = number
        return self._kind_of[id(layer)]


def traces_in_use() -> Traces | None:
    """Returns the traces by which layers are called in this thread, if there are any."""
    return getattr(_using, "traces", None)


def traces_of(layer: keras.layers.Layer) -> Traces | None:
    """Returns the traces by which a layer is called here; None has it called as it is."""
    traces = traces_in_use()
    return traces if traces and traces.has(layer) else None


def _trace(
    layer: keras.layers.Layer,
    function: Callable,
    variables: Sequence[keras.Variable],
    kept: Sequence[bool],
    specs: Sequence,
) -> tuple[Callable, object] | None:
    """Returns a function of the variables' values and the flat tensors, and what it returns.

    None stands for a function that writes variables.
    """
    structure, written = [], []

    def traced(*flat):
        values, tensors = flat[: len(variables)], flat[len(variables) :]
        values = [
            tf.stop_gradient(value) if still else value
            for value, still in zip(values, kept, strict=True)
        ]
        scope = keras.StatelessScope(zip(variables, values, strict=True))
        before = dict(scope.state_mapping)
        # Wherever it is called, on whatever device.
        with tf.device(None), scope:
            found = function(layer, *tf.nest.pack_sequence_as(specs, tensors))
        now = scope.state_mapping
        written.extend(name for name in now if now[name] is not before.get(name))
        structure.append(found)
        return tf.nest.flatten(found)

    of_values = [tf.TensorSpec(variable.shape, variable.dtype) for variable in variables]
    with tf.device(None), tf.init_scope():
        concrete = tf.function(
            traced, autograph=False, experimental_attributes={"_noinline": True}
        ).get_concrete_function(*of_values, *tf.nest.flatten(specs))
    return None if written else (concrete, structure[0])


def _described(part: object) -> object:
    """Returns what a layer computes by: its class, and all that its instance was given."""
    if isinstance(part, keras.Variable):
        return (keras.Variable, tuple(part.shape), str(part.dtype), part.trainable)
    if isinstance(part, keras.layers.Layer):
        own = {name: value for name, value in vars(part).items() if _is_its_own(name)}
        own["dtype_policy"] = part.dtype_policy.name
        layers = {layer.name: _described(layer) for layer in part._layers}
        variables = [_described(variable) for variable in part._trainable_variables]
        variables += [_described(variable) for variable in part._non_trainable_variables]
        described = {name: _described(value) for name, value in own.items()}
        return (type(part), described, layers, variables)
    if isinstance(part, list | tuple):
        return (type(part), [_described(one) for one in part])
    if isinstance(part, dict):
        return (dict, {name: _described(one) for name, one in part.items()})
    return part


def _is_its_own(name: str) -> bool:
    return name not in _OWN and not name.startswith("_self_")  # TensorFlow's own book-keeping


def _equal(one: object, other: object) -> bool:
    """Returns whether two descriptions are the same, beyond doubt."""
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[name], other[name]) for name in one)
    if one is other:
        return True
    if type(one) is not type(other) or isinstance(one, np.ndarray) or tf.is_tensor(one):
        return False
    try:
        return bool(one == other)
    except (TypeError, ValueError):
        return False
