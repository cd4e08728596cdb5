"""A tracker whose package is missing is refused before any work, in a line that says what to do."""

import sys

import pytest

from tfadv.errors import UserError
from tfadv.registry import TRACKERS


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_missing_package_is_named_with_its_extra(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    said = f"'{name}' needs the package {name}, which is not installed: .*'tfadv\\[{name}\\]'"
    with pytest.raises(UserError, match=said):
        TRACKERS.build(name, "Experiment.trackers")
