"""Keras' optimizers as functions of values, which on TensorFlow they refuse to be."""

import contextlib
from collections.abc import Callable, Iterator

import keras

from tfadv.optimization.optimizers import RateInUpdateSGD

# Keras' class that knows of TensorFlow's variables, and the one that knows of none.
_ON_TENSORFLOW, *_, _ANYWHERE = (
    kind for kind in keras.optimizers.Optimizer.__mro__ if "_backend_update_step" in vars(kind)
)
_METHODS = ("assign", "assign_add", "assign_sub", "_apply_weight_decay", "_backend_update_step")


# What moves a weight by its gradient and its own slots alone, by the formula of these classes.
_BY_WEIGHT = tuple(
    getattr(keras.optimizers, name).update_step
    for name in ("SGD", "Adam", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Lion")
) + (RateInUpdateSGD.update_step,)


def slots(optimizer: keras.optimizers.Optimizer) -> list[list[keras.Variable]] | None:
    """Returns what an optimizer keeps for its weights, a list for each of them.

    Returns:
        None unless it is known that each weight moves by these, its gradient, the rate and the
        number of steps alone.
    """
    patched = "update_step" in vars(optimizer)
    if patched or type(optimizer).update_step not in _BY_WEIGHT:
        return None
    weights, known = optimizer._trainable_variables, {id(one) for one in optimizer.variables}
    lists = [
        kept
        for name, kept in vars(optimizer).items()
        if isinstance(kept, list) and len(kept) == len(weights)
        if name != "_variables" and all(id(one) in known for one in kept)
    ]
    # Beside these there are the number of steps and the rate.
    complete = len(known) <= 2 + len(lists) * len(weights)
    return [list(own) for own in zip(*lists, strict=True)] if lists and complete else None


@contextlib.contextmanager
def computing_values(update: Callable | None = None) -> Iterator[None]:
    """Lets an optimizer's ``apply`` compute new values within a ``keras.StatelessScope``.

    It takes gradients that are summed over the replicas already, and nothing inside may wait
    for another replica, which is traced in a thread of its own.

    Args:
        update: takes the gradients, the weights and the rate in place of moving one weight
            after the other.
    """
    key = _ON_TENSORFLOW._var_key

    def key_of(optimizer, variable):
        # Of the variable itself, whatever its value in the scope.
        return key(optimizer, getattr(variable, "_value", variable))

    before = {name: getattr(_ON_TENSORFLOW, name) for name in _METHODS} | {"_var_key": key}
    replaced = {name: getattr(_ANYWHERE, name) for name in _METHODS} | {"_var_key": key_of}
    if update:
        replaced["_backend_update_step"] = lambda _, *arguments: update(*arguments)
    for name, method in replaced.items():
        setattr(_ON_TENSORFLOW, name, method)
    try:
        yield
    finally:
        for name, method in before.items():
            setattr(_ON_TENSORFLOW, name, method)
