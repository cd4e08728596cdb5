"""Files that a new plugin starts from: each works, and passes the conformance kit, as it is.

A module for each kind holds two texts: the plugin and the gin file that uses it.
"""

import builtins
import keyword
import re
from pathlib import Path

from tfadv import registry
from tfadv.errors import UserError, check
from tfadv.testing.templates import (
    attack,
    augmentation,
    dataset,
    decay,
    model,
    norm,
    optimizer,
    strategy,
    tracker,
)

_LONGEST_NAME = 100  # file systems take 255 bytes
_TEMPLATES = {
    "norm": norm,
    "attack": attack,
    "strategy": strategy,
    "model": model,
    "dataset": dataset,
    "augmentation": augmentation,
    "optimizer": optimizer,
    "decay": decay,
    "tracker": tracker,
}


def is_overlay(kind: str) -> bool:
    """Returns whether a kind's gin file goes with a recipe, and is none itself."""
    return "include" not in _TEMPLATES[kind].GIN


def write(kind: str, name: str, folder: Path) -> list[Path]:
    """Writes a plugin and the recipe or overlay that uses it.

    Args:
        kind: of a registry, such as ``norm``.
        name: in snake_case: of the part, the module and the gin file.
        folder: where to.

    Returns:
        The files: ``NAME.py`` and ``NAME.gin``.

    Raises:
        UserError: the name is none or in use, or a file is there.
    """
    snake_case = re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) is not None
    check(snake_case, "--new: the name", "be in snake_case, such as my_norm", name)
    check(len(name) <= _LONGEST_NAME, "--new: the name", f"be <= {_LONGEST_NAME} letters", name)
    part = "".join(word.capitalize() for word in name.split("_"))
    if keyword.iskeyword(name) or name in (*keyword.softkwlist, *dir(builtins)):
        raise UserError(f"--new: '{name}' is a word of Python's own: choose another name")
    taken = {known for kind in registry.REGISTRIES for known in kind.names()}
    if name in taken or name == kind or {name, part} & registry.configurables().keys():
        raise UserError(f"--new: the name '{name}' is taken; see python -m tfadv.plugins")
    texts = _TEMPLATES[kind]
    if re.search(rf"^(from .*)?import .*\b({name}|{part})\b", texts.PLUGIN, re.MULTILINE):
        raise UserError(f"--new: '{name}' is a name that a plugin imports: choose another one")
    files = [folder / f"{name}.py", folder / f"{name}.gin"]
    for path in files:
        if path.exists():
            raise UserError(f"--new: '{path}' is there already, and nothing is overwritten")
    for path, template in zip(files, (texts.PLUGIN, texts.GIN), strict=True):
        path.write_text(template.format(name=name, part=part), encoding="utf-8")
    return files
