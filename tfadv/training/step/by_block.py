"""What a step does with each variable, done for a block at a time by the trace of one alike."""

import functools
import math
from collections.abc import Callable, Iterator, Sequence

import keras
import tensorflow as tf

from tfadv.devices.custom_gradients import all_reduce
from tfadv.devices.tracing import as_traced
from tfadv.losses import l2_penalty
from tfadv.models.alike import traces_in_use, traces_of
from tfadv.norms.base import Collected, Updates, norms_in, updates_of

# Takes the variables of a group, then of each list and of the shared tensors what is theirs, and
# returns a structure of tensors for each variable.
ForVariables = Callable[..., Sequence]


class Blocks:
    """The blocks of a model, each with its variables and what is kept for them elsewhere.

    Args:
        blocks: layers; those that are alike are dealt with by one trace, where traces are in use.
        beside: for a variable of theirs, by its id, others that belong to it.
    """

    def __init__(
        self,
        blocks: Sequence[keras.layers.Layer] = (),
        beside: dict[int, Sequence[keras.Variable]] | None = None,
    ):
        self._groups = []
        for block in blocks:
            own = list(block.variables)
            more = [other for one in own for other in (beside or {}).get(id(one), ())]
            self._groups.append((block, [*own, *more]))

    def for_each(
        self,
        name: str,
        variables: Sequence[keras.Variable],
        function: ForVariables,
        *lists: Sequence,
        shared: Sequence[tf.Tensor] = (),
    ) -> list:
        """Calls a function for all variables, once for each block and for those of none.

        Args:
            name: of the function.
            variables: any.
            function: what to do.
            *lists: a tensor for each variable.
            shared: tensors that the function takes as they are.

        Returns:
            What the function returns for each variable.
        """
        found: list = [None] * len(variables)
        for block, places in self._grouped(variables):
            group = [variables[place] for place in places]
            parts = [[one[place] for place in places] for one in lists]
            if block is None:
                results = function(group, *parts, *shared)
            else:
                results = _by_trace(name, block, group, function, parts, shared)
            for place, result in zip(places, results, strict=True):
                found[place] = result
        return found

    def l2_penalty(
        self, variables: Sequence[keras.Variable], weights: Sequence[tf.Tensor]
    ) -> tf.Tensor:
        """Returns ½ · Σ ‖W‖₂² over the weights W of some variables, float32 []."""
        parts = [
            _call("l2 penalty", block, l2_penalty, [weights[place] for place in places])
            for block, places in self._grouped(variables)
        ]
        return tf.add_n(parts)

    def over_replicas(
        self,
        operation: tf.distribute.ReduceOp,
        variables: Sequence[keras.Variable],
        tensors: Sequence[tf.Tensor],
    ) -> list[tf.Tensor]:
        """Returns sums or means over the replicas; in replica context.

        All goes as one vector: what the replicas exchange is the same few operations at any depth.

        Args:
            operation: which of them.
            variables: any.
            tensors: for each variable one of its shape, float32.
        """
        replica = tf.distribute.get_replica_context()
        if replica.num_replicas_in_sync == 1 or not variables:
            return list(tensors)
        groups = list(self._grouped(variables))
        parts = [[tensors[place] for place in places] for _, places in groups]
        vectors = [
            _call("join", block, _joined, part)
            for (block, _), part in zip(groups, parts, strict=True)
        ]
        reduced = all_reduce(operation, tf.concat(vectors, 0))
        found: list = [None] * len(tensors)
        whole = tf.split(reduced, [vector.shape[0] for vector in vectors])
        for (block, places), part, vector in zip(groups, parts, whole, strict=True):
            shapes = tuple(tuple(tensor.shape) for tensor in part)
            split = functools.partial(_split, shapes)
            tensors = _call(("split", shapes), block, split, vector)
            for place, tensor in zip(places, tensors, strict=True):
                found[place] = tensor
        return found

    def updates(self, norms: dict, collected: Collected) -> Updates:
        """Returns the running variables and their new values, as `updates_of` does."""
        left, updates = dict(collected), []
        for block in (block for block, _ in self._groups if traces_of(block)):
            measured = [left.pop(path, []) for path in norms_in(block)]
            if any(measured):
                updates += _updates_by_trace(block, measured)
        return updates + updates_of(norms, left)

    def _grouped(
        self, variables: Sequence[keras.Variable]
    ) -> Iterator[tuple[object | None, list[int]]]:
        """Yields blocks, and what stands for the rest, with the places of their variables."""
        places = {id(variable): place for place, variable in enumerate(variables)}
        for block, own in self._groups:
            shared = own if traces_of(block) else ()
            inside = [places.pop(id(one)) for one in shared if id(one) in places]
            if inside:
                yield block, inside
        if places:
            yield self._rest, list(places.values())

    @property
    def _rest(self) -> object | None:
        """What stands for all that is in no block that shares a trace, and None if none is used.

        Replicas share a trace of it, where others are in use: it is the same on each.
        """
        traces = traces_in_use()
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        return self if traces and traces.any and replicas > 1 else None


def _call(key, block, function, tensors):
    """Calls a function of tensors, by the trace of a block where they are of one."""
    if block is None:
        return function(tensors)
    return _traced(key, block, lambda _, tensors: function(tensors), tensors)


def _traced(key, block, function, *tensors):
    """Calls a function by a block's trace, as it was traced: there is little to optimize in it."""
    with as_traced():
        return traces_in_use()(key, block, function, *tensors, reads=False)


def _joined(tensors: Sequence[tf.Tensor]) -> tf.Tensor:
    every = tf.constant([-1])
    return tf.concat([tf.reshape(tensor, every) for tensor in tensors], 0)


def _split(shapes: Sequence[tuple[int, ...]], vector: tf.Tensor) -> list[tf.Tensor]:
    parts = tf.split(vector, [math.prod(shape) for shape in shapes])
    return [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]


def _by_trace(name, block, group, function, parts, shared) -> Sequence:
    shapes = tuple((tuple(variable.shape), variable.dtype) for variable in group)

    def of_block(_, parts, shared):
        return function(group, *parts, *shared)

    key = ("for each", name, shapes)
    return _traced(key, block, of_block, parts, list(shared))


def _updates_by_trace(block, measured) -> Updates:
    key, traces = ("updates", tuple(map(len, measured))), traces_of(block)

    def updates(block, measured):
        pairs = [
            pair
            for norm, statistics in zip(norms_in(block).values(), measured, strict=True)
            for pair in updates_of({norm.path: norm}, {norm.path: statistics} if statistics else {})
        ]
        number = {id(variable): place for place, variable in enumerate(block.variables)}
        traces.note(key, block, [number[id(variable)] for variable, _ in pairs])
        return [value for _, value in pairs]

    with as_traced():
        values = traces(key, block, updates, measured)
    variables = block.variables
    return [(variables[n], v) for n, v in zip(traces.noted(key, block), values, strict=True)]
