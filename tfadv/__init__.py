"""Adversarial training at scale in TensorFlow and Keras.

A reimplementation of *Intriguing properties of adversarial training at scale*
(Xie & Yuille, ICLR 2020) whose normalizations, attacks and training
strategies are plugins. Start with ``python -m tfadv.train --help``, or in Python with
`tfadv.fit`, `tfadv.evaluate` and `tfadv.export`.
"""

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfadv.api import *  # noqa: F403

__version__ = "0.1.0"

# What `tfadv.api` and packages offer here, imported when it is asked for: it takes seconds.
_FUNCTIONS = ("evaluate", "export", "fit", "from_gin", "load", "network", "open_run", "part")
_FUNCTIONS += ("recipe", "robust")
_CLASSES = ("APGD", "AutoAttack", "Bundle", "FGSM", "Network", "PGD", "Part", "Recipe", "Result")
_CLASSES += ("RobustModel", "Run", "Schedule", "Square", "UserError")
_PACKAGES = ("attacks", "data", "models", "norms", "plots", "registry", "strategies")


def __getattr__(name: str) -> Any:
    if name in _FUNCTIONS or name in _CLASSES:
        from tfadv import api

        return getattr(api, name)
    if name in _PACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'tfadv' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_FUNCTIONS, *_CLASSES, *_PACKAGES})


class _Package(types.ModuleType):
    """This package: `tfadv.evaluate` and `tfadv.export` are functions, whatever is imported.

    The commands of these names are modules, which Python would put in their place.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _FUNCTIONS and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package

if sys.argv[0] == "-m":  # as long as `python -m tfadv.X` looks for the command
    from tfadv import interruption

    interruption.listen()
