"""What a replica's variables are worth during a step: read once, computed with, written at last."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence

import keras
import tensorflow as tf

from tfadv.training.step.by_block import Blocks


class StepValues:
    """Makes a step a function of its variables' values, made and used within its trace.

    Inside `in_place` whoever reads a variable gets its value in the step, and whoever assigns
    one changes that value alone. Nothing is written before `write_unless`: a step that must
    not count has then changed nothing.

    Args:
        variables: what the step may change.
        blocks: of the model, by which they are read and written.
        direct: those of them that are read and written at once, such as statistics that an
            attack writes within its loop. They are put back if the step must not count.
    """

    def __init__(
        self,
        variables: Iterable[keras.Variable],
        blocks: Blocks,
        direct: Iterable[keras.Variable] = (),
    ):
        at_once = {id(variable) for variable in direct}
        kept = [variable for variable in variables if not _first_alone(variable)]
        self._variables = [variable for variable in variables if id(variable) not in at_once]
        self._direct = [
            (variable, tf.identity(variable.value)) for variable in kept if id(variable) in at_once
        ]
        self._blocks = blocks
        self._scope = _Values(zip(self._variables, _read(blocks, self._variables), strict=True))
        self._before = dict(self._scope.state_mapping)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Puts the values in the variables' place."""
        with self._scope:
            yield

    def write_unless(self, broken: tf.Tensor) -> None:
        """Writes what has changed, or nothing if `broken`, a bool scalar alike on all replicas.

        What the first replica alone decides, an optimizer's number of steps, is always written.
        """
        before, now = self._before, self._scope.state_mapping
        changed = [one for one in self._variables if now[id(one)] is not before[id(one)]]
        always = [variable for variable in changed if _first_alone(variable)]
        rest = [variable for variable in changed if not _first_alone(variable)]

        _write(self._blocks, rest, [now[id(variable)] for variable in rest], ~broken)
        if self._direct:
            variables, values = zip(*self._direct, strict=True)
            _write(self._blocks, variables, values, broken)
        for variable in always:
            variable.assign(now[id(variable)])


def _read(blocks: Blocks, variables: Sequence[keras.Variable]) -> list[tf.Tensor]:
    def read(variables, handles):
        found = []
        for variable, handle in zip(variables, handles, strict=True):
            value = tf.raw_ops.ReadVariableOp(resource=handle, dtype=variable.dtype)
            value.set_shape(variable.shape)
            found.append(value)
        return found

    handles = [variable.value.handle for variable in variables]
    return blocks.for_each("read", variables, read, handles)


def _write(
    blocks: Blocks,
    variables: Sequence[keras.Variable],
    values: Sequence[tf.Tensor],
    where: tf.Tensor,
) -> None:
    """Writes values, where the bool scalar says so."""

    def write(_, handles, values, where):
        def written() -> tf.Tensor:
            for handle, value in zip(handles, values, strict=True):
                tf.raw_ops.AssignVariableOp(resource=handle, value=value)
            return tf.constant(True)

        return [tf.cond(where, written, lambda: tf.constant(False))] * len(handles)

    handles = [variable.value.handle for variable in variables]
    blocks.for_each("write", variables, write, handles, values, shared=[where])


@contextlib.contextmanager
def with_values(variables: Sequence[keras.Variable], values: Sequence[tf.Tensor]) -> Iterator[None]:
    """Gives some variables other values inside; the others are what they are around it."""
    with _Values(zip(variables, values, strict=True)):
        yield


class _Values(keras.StatelessScope):
    """A scope of the variables in its mapping: the others are what they are around it."""

    original_scope: keras.StatelessScope | None = None  # which Keras sets when it is entered

    def get_current_value(self, variable: keras.Variable) -> tf.Tensor | None:
        around, found = self.original_scope, super().get_current_value(variable)
        return around.get_current_value(variable) if found is None and around else found

    def add_update(self, update: tuple[keras.Variable, tf.Tensor]) -> None:
        variable, value = update
        if id(variable) in self.state_mapping:
            super().add_update(update)
        elif self.original_scope:
            self.original_scope.add_update(update)
        else:
            variable._direct_assign(value)


def _first_alone(variable: keras.Variable) -> bool:
    return variable.aggregation == "only_first_replica"
