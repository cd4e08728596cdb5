"""What a part was built with, so that one made in Python can be written as gin bindings."""

import inspect
from typing import Any


class Remembered:
    """A part that remembers the arguments of its constructor.

    Attributes:
        arguments: by their names, defaults among them, as the constructor got them.
    """

    __slots__ = ("arguments",)  # beside what `vars` tells of a part

    def __new__(cls, *arguments: Any, **named: Any):
        made = super().__new__(cls)
        signature = inspect.signature(cls.__init__)
        try:
            bound = signature.bind(made, *arguments, **named)
        except TypeError:  # a copy is made without any; a wrong call is `__init__`'s to refuse
            made.arguments = {}
            return made
        bound.apply_defaults()
        _, *names = signature.parameters
        made.arguments = {name: bound.arguments[name] for name in names}
        return made
