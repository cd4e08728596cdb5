"""What a replica's variables are worth during a step: read once, computed with, written at last."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence

import keras
import tensorflow as tf


class StepValues:
    """Makes a step a function of its variables' values, made and used within its trace.

    Inside `in_place` whoever reads a variable gets its value in the step, and whoever assigns
    one changes that value alone. Nothing is written before `write_unless`: a step that must
    not count has then changed nothing.

    Args:
        variables: what the step may change.
        direct: those of them that are read and written at once, such as statistics that an
            attack writes within its loop. They are put back if the step must not count.
    """

    def __init__(self, variables: Iterable[keras.Variable], direct: Iterable[keras.Variable] = ()):
        at_once = {id(variable) for variable in direct}
        kept = [variable for variable in variables if not _first_alone(variable)]
        self._variables = [variable for variable in variables if id(variable) not in at_once]
        self._direct = [
            (variable, tf.identity(variable.value)) for variable in kept if id(variable) in at_once
        ]
        self._scope = keras.StatelessScope(
            [(variable, tf.convert_to_tensor(variable.value)) for variable in self._variables]
        )
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

        def write() -> tf.Tensor:
            for variable in rest:
                variable.assign(now[id(variable)])
            return tf.constant(True)

        def put_back() -> tf.Tensor:
            for variable, value in self._direct:
                variable.assign(value)
            return tf.constant(False)

        tf.cond(broken, put_back, write)
        for variable in always:
            variable.assign(now[id(variable)])


@contextlib.contextmanager
def with_values(
    variables: Sequence[keras.Variable], values: Sequence[tf.Tensor]
) -> Iterator[keras.StatelessScope]:
    """Gives some variables other values; around it the others keep what they have there."""
    scope = keras.StatelessScope(zip(variables, values, strict=True))
    around = keras.src.backend.common.stateless_scope.get_stateless_scope()
    if around is not None:
        scope.state_mapping = {**around.state_mapping, **scope.state_mapping}
    with scope:
        yield scope


def _first_alone(variable: keras.Variable) -> bool:
    return variable.aggregation == "only_first_replica"
