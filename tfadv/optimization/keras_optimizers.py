"""Keras' own optimizers by the names of their classes, such as ``AdamW``.

Left out are those that hold other optimizers, begin elsewhere than at the initial weights
(`Ftrl`), or train other weights than they evaluate (`ScheduleFreeAdamW`). A weight decay of
theirs is decoupled from the gradient (Loshchilov & Hutter, 2019): ``w ← w - lr·weight_decay·w``
of kernels alone, unless `exclude_from_weight_decay` says more.
"""

import inspect
import re
from collections.abc import Callable

import keras

from tfadv.errors import UserError, check
from tfadv.registry import OPTIMIZERS

PAPERS = {
    "Adadelta": "Zeiler, 2012",
    "Adafactor": "Shazeer & Stern, 2018",
    "Adagrad": "Duchi et al., 2011",
    "Adam": "Kingma & Ba, 2015",
    "AdamW": "Loshchilov & Hutter, 2019",
    "Adamax": "Kingma & Ba, 2015",
    "Lamb": "You et al., 2020",
    "Lion": "Chen et al., 2023",
    "Muon": "Jordan et al., 2024",
    "Nadam": "Dozat, 2016",
    "RMSprop": "Tieleman & Hinton, 2012",
    "SGD": "Sutskever et al., 2013",
}
# What a run has its own way for: clipping, averages, micro-batches, and names of layers.
_OURS = ("learning_rate", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum")
_OURS += ("ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps", "name")
_OURS += ("adam_weight_decay", "exclude_layers")
# Of the old mean of something.
_SHARES = ("beta_1", "beta_2", "rho", "momentum", "adam_beta_1", "adam_beta_2")
# A variable's name in Keras, or TensorFlow's, which ends in a number.
_NO_KERNEL = r"^(?!(?:.*/)?kernel(?::\d+)?$)"
_COUNTED = re.compile(r"(?<=variable)_\d+$")


def register(name: str) -> Callable[..., keras.optimizers.Optimizer]:
    """Registers one of Keras' classes, with those of its parameters that a run leaves to it."""
    kind = type(name, (_Named, getattr(keras.optimizers, name)), {})
    offered = [
        parameter.replace(
            kind=parameter.KEYWORD_ONLY, annotation=_annotation(key, parameter.default)
        )
        for key, parameter in inspect.signature(getattr(keras.optimizers, name)).parameters.items()
        if key not in _OURS and parameter.kind is not parameter.VAR_KEYWORD
    ]
    defaults = {parameter.name: parameter.default for parameter in offered}

    def make(learning_rate, **arguments):
        return _built(kind, learning_rate, defaults | arguments)

    rate = inspect.Parameter("learning_rate", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    make.__signature__ = inspect.Signature([rate, *offered])
    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"Returns ``keras.optimizers.{name}``; see Keras for its parameters."
    make.gives_way = True  # to a plugin's of the same name
    return OPTIMIZERS.register(name, paper=PAPERS[name])(make)


class _Named:
    """Gives what an optimizer keeps paths by which a checkpoint finds it again."""

    def build(self, variables):
        """Makes the variables; Keras leaves some without a name, and others with the same."""
        super().build(variables)
        taken: dict[str, int] = {}
        for variable in self.variables:
            path = _COUNTED.sub("", variable.path)
            number = taken[path] = taken.get(path, -1) + 1
            variable._path = f"{path}_{number}" if number else path  # Keras has no way to set it


def _built(kind: type, learning_rate, arguments: dict) -> keras.optimizers.Optimizer:
    name, decay = kind.__name__, arguments.get("weight_decay")
    for key in sorted(arguments.keys() & set(_SHARES)):
        check(0 <= arguments[key] < 1, f"{name}.{key}", "be in 0..1", arguments[key])
    check((decay or 0) >= 0, f"{name}.weight_decay", "be >= 0", decay)
    if name == "AdamW":  # which refuses None
        arguments["weight_decay"] = decay or 0.0
    if name == "Muon":  # one for its matrices, one for the rest
        arguments["adam_weight_decay"] = decay
    try:
        optimizer = kind(learning_rate, **arguments, name=name)
    except (TypeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"keras.optimizers.{name} refuses: {reason:.200}") from None
    optimizer.exclude_from_weight_decay(var_names=[_NO_KERNEL])
    return optimizer


def _annotation(key: str, default: object) -> object:
    """Returns the type of a parameter that Keras doesn't annotate."""
    if default is None or key in ("weight_decay", "rms_rate"):
        return float | None
    return type(default)


for _name in PAPERS:
    register(_name)
