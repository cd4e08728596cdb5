"""Keras' optimizers as functions of values, which on TensorFlow they refuse to be."""

import contextlib
from collections.abc import Iterator

import keras

# Keras' class that knows of TensorFlow's variables, and the one that knows of none.
_ON_TENSORFLOW, *_, _ANYWHERE = (
    kind for kind in keras.optimizers.Optimizer.__mro__ if "_backend_update_step" in vars(kind)
)
_METHODS = ("assign", "assign_add", "assign_sub", "_apply_weight_decay", "_backend_update_step")


@contextlib.contextmanager
def computing_values() -> Iterator[None]:
    """Lets an optimizer's ``apply`` compute new values within a ``keras.StatelessScope``.

    It takes gradients that are summed over the replicas already, and nothing inside may wait
    for another replica, which is traced in a thread of its own.
    """
    key = _ON_TENSORFLOW._var_key

    def key_of(optimizer, variable):
        # Of the variable itself, whatever its value in the scope.
        return key(optimizer, getattr(variable, "_value", variable))

    before = {name: getattr(_ON_TENSORFLOW, name) for name in _METHODS} | {"_var_key": key}
    replaced = {name: getattr(_ANYWHERE, name) for name in _METHODS} | {"_var_key": key_of}
    for name, method in replaced.items():
        setattr(_ON_TENSORFLOW, name, method)
    try:
        yield
    finally:
        for name, method in before.items():
            setattr(_ON_TENSORFLOW, name, method)
