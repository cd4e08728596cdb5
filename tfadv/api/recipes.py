"""Everything that a run is configured by, in Python's hands: what a gin file is to a command."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfadv import config
from tfadv.api import gin_text
from tfadv.config.isolated import isolated
from tfadv.data.given import NAME as GIVEN
from tfadv.data.given import giving
from tfadv.data.source import Splits
from tfadv.errors import UserError
from tfadv.files import write_text

DEFAULTS = str(Path(__file__).with_name("defaults.gin"))


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a run is made of: gin files, values that win over theirs, and images in memory.

    Attributes:
        files: gin files, in any order: a scale, a recipe, overlays.
        values: by ``Name.parameter`` or ``scope/Name.parameter``.
        images: those that ``Experiment.dataset = 'given'`` stands for, if it does.
        plugins: modules that register parts.
        plugin_dirs: folders whose modules are importable as ``plugins.*``.
        bindings: ``Name.parameter = value`` texts, over which `values` win.
    """

    files: tuple[str, ...]
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    images: Splits | None = None
    plugins: tuple[str, ...] = ()
    plugin_dirs: tuple[str, ...] = ()
    bindings: tuple[str, ...] = ()

    @contextlib.contextmanager
    def read(self) -> Iterator[config.Config]:
        """Reads the configuration; inside, plans can be made of it. The caller's gin is untouched.

        Yields:
            The configuration.

        Raises:
            UserError: a file, parameter, macro or plugin is unknown or wrong.
        """
        bindings = [*self.bindings, *gin_text.bindings(self.values)]
        with isolated(), giving(self.images):
            yield config.read(
                self.files, bindings, self.plugins, self.plugin_dirs, given_by="settings"
            )

    def with_values(self, values: Mapping[str, Any]) -> "Recipe":
        """Returns the recipe in which some values are others."""
        return dataclasses.replace(self, values={**self.values, **values})

    def to_gin(self, path: str | Path | None = None) -> str:
        """Returns the whole configuration as a gin file, which a command can read.

        Images that were given in Python are not in it: `Experiment.dataset` is ``'given'``.

        Args:
            path: where to write it as well; nothing may be there.

        Raises:
            UserError: there is a file already, or the configuration is wrong.
        """
        with self.read() as read:
            text = read.text()
        if path is not None:
            if Path(path).exists():
                raise UserError(f"to_gin: there is a '{path}' already: choose another")
            write_text(Path(path), text)
        return text


def several(given: str | Sequence[str]) -> tuple[str, ...]:
    """Returns one name or several as several."""
    return (given,) if isinstance(given, str) else tuple(given)


def from_gin(
    *files: str,
    bindings: Sequence[str] = (),
    plugins: Sequence[str] = (),
    plugin_dirs: Sequence[str] = (),
    images: Splits | None = None,
) -> Recipe:
    """Returns the recipe that gin files describe, for `fit`.

    Args:
        *files: a recipe, a scale and overlays, in any order, as ``--gin_file`` takes them.
        bindings: ``Name.parameter = value`` texts, as ``--gin_bindings`` takes them.
        plugins: modules that register parts.
        plugin_dirs: folders whose modules are importable as ``plugins.*``.
        images: in place of those that the files name.

    Raises:
        UserError: a file, parameter or plugin is unknown or wrong.
    """
    values = {} if images is None else {"Experiment.dataset": GIVEN}
    given = map(several, (plugins, plugin_dirs, bindings))
    found = Recipe(tuple(files), values, images, *given)
    with found.read():
        return found
