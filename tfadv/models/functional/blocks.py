"""The blocks of a walked network, told by the names of its layers."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfadv.models.functional.folding import LinearUnit
from tfadv.models.functional.graph import Apply, Call, Graph, follow
from tfadv.models.norm_place import block_of
from tfadv.models.recompute import recomputed
from tfadv.norms.base import Collected, merged

# Makes what applies calls, and adds what norms measured to a list.
Applying = Callable[[list[Collected]], Apply]


@dataclasses.dataclass(frozen=True)
class Part:
    """Calls that follow one another.

    Attributes:
        calls: in their order.
        inputs: the tensors that they take of calls before them.
        outputs: those of theirs that are taken after them.
        is_block: whether they are a block of the network.
    """

    calls: tuple[Call, ...]
    inputs: tuple[keras.KerasTensor, ...]
    outputs: tuple[keras.KerasTensor, ...]
    is_block: bool

    @property
    def variables(self) -> list[keras.Variable]:
        """All that its layers read."""
        layers = [layer for call in self.calls for layer in _layers(call.operation)]
        return list({id(weight): weight for layer in layers for weight in layer.weights}.values())

    def run(self, values: dict[int, Any], applying: Applying) -> Collected:
        """Adds the outputs to the values of tensors by their ``id``; see `recomputed`."""

        def block(tensors: Sequence[tf.Tensor]) -> tuple[list[tf.Tensor], Collected]:
            collections: list[Collected] = []
            inside = dict(zip(map(id, self.inputs), tensors, strict=True))
            follow(self.calls, inside, applying(collections))
            return [inside[id(output)] for output in self.outputs], merged(collections)

        taken = [values[id(tensor)] for tensor in self.inputs]
        made, collected = (
            recomputed(block, taken, self.variables) if self.is_block else block(taken)
        )
        values.update(zip(map(id, self.outputs), made, strict=True))
        return collected


def _layers(operation: object) -> list[keras.layers.Layer]:
    parts = [operation]
    if isinstance(operation, LinearUnit):
        parts = [operation.layer, operation.norm]
    return [part for part in parts if isinstance(part, keras.layers.Layer)]


def parts_of(graph: Graph) -> list[Part]:
    """Returns a network in parts: its blocks, what is before them, and what is after.

    A block ends where, after the last layer of its name, the fewest tensors go on.
    """
    cuts = _cuts(graph)
    ends = [0, *cuts, len(graph.calls)]
    found = [
        _part(graph, first, end, is_block=0 < place < len(cuts))
        for place, (first, end) in enumerate(itertools.pairwise(ends))
    ]
    return [part for part in found if part.calls]


def _cuts(graph: Graph) -> list[int]:
    """Returns where blocks begin, and where the last one ends, as numbers of calls."""
    names = [
        block_of(_layers(call.operation)[0].name) if _layers(call.operation) else None
        for call in graph.calls
    ]
    named = [place for place, name in enumerate(names) if name]
    if not named:
        return []
    cuts = [named[0]]
    for last, following in itertools.pairwise([*named, len(names)]):
        if following == len(names) or names[last] != names[following]:
            cuts.append(
                min(range(last + 1, following + 1), key=lambda at: len(_going_on(graph, at)))
            )
    return cuts


def _going_on(graph: Graph, place: int) -> dict[int, keras.KerasTensor]:
    """Returns the tensors by their ``id`` that are made before a call and taken from it on."""
    made = {id(x) for x in [graph.images, *_outputs(graph.calls[:place])]}
    taken = [graph.logits, *(x for call in graph.calls[place:] for x in call.inputs)]
    return {id(tensor): tensor for tensor in taken if id(tensor) in made}


def _outputs(calls: Sequence[Call]) -> list[keras.KerasTensor]:
    return [output for call in calls for output in call.outputs]


def _part(graph: Graph, first: int, end: int, is_block: bool) -> Part:
    calls = graph.calls[first:end]
    before, after = _going_on(graph, first), _going_on(graph, end)
    taken = {id(x): x for call in calls for x in call.inputs if id(x) in before}
    made = [output for output in _outputs(calls) if id(output) in after]
    return Part(calls, tuple(taken.values()), tuple(made), is_block)
