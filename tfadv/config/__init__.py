"""What the user said: gin files, bindings, plugins and flags, read and checked.

Whatever turns text into settings may enter; what is built from them may not.
"""

from tfadv.config.configuration import (
    DEFAULT_SCALE,
    PROTOCOL,
    Config,
    chooses_scale,
    operative_text,
    read,
    values_of,
    with_plugins,
)

__all__ = [
    "DEFAULT_SCALE",
    "PROTOCOL",
    "Config",
    "chooses_scale",
    "operative_text",
    "read",
    "values_of",
    "with_plugins",
]
