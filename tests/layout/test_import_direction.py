"""Imports point one way: from the commands down to what knows nothing of the others."""

import pytest
from shared.project import PACKAGE

from benchmarks.layout import Layout, imports

COMMANDS = ("adapters", "compare", "evaluate", "export", "plugins", "reproduce", "train")
COMMANDS += ("data/__main__", "status/__main__")  # python -m tfadv.data
# The files of a room may import their own room and the rooms above it in this list.
ROOMS = (
    "interruption",
    "errors",
    "files",
    "digests",
    "kept",
    "pixels",
    "progress",
    "quiet_start",
    "registry",
    "randomness",
    "devices",
    "losses",
    "norms",
    "optimization",
    "trackers",
    "data/image_files",
    "data",
    "data/corruptions",
    "models",
    "models/functional",
    "attacks",
    "strategies",
    "paper",
    "config",
    "plots",
    "reports",
    "planning",
    "profiling",
    "training/step",
    "inspection",
    "runs",
    "interop",
    "evaluation/trajectory",
    "evaluation",
    "evaluation/gradient_masking",
    "comparison",
    "training",
    "status",
    "reproduction",
    "reproduction/report",
    "testing",
    "testing/templates",
    "api",
    *COMMANDS,
)
# What a model offers. Attacks and evaluation know of models no more than that.
INTERFACES = {"models/classifier", "models/external"}
ALLOWED_OF_MODELS = {
    "attacks": INTERFACES,
    "evaluation": INTERFACES,
    "evaluation/gradient_masking": INTERFACES,
    "evaluation/trajectory": INTERFACES,
    "plots": INTERFACES,
    "reports": set(),
}
KNOW_GIN = {"registry", "config"}
LAYOUT = Layout(PACKAGE)


def test_every_room_is_listed():
    assert sorted(ROOMS) == sorted(LAYOUT.room_imports)


@pytest.mark.parametrize("file", LAYOUT.files)
def test_a_file_imports_its_own_room_and_rooms_below(file):
    own = ROOMS.index(LAYOUT.room(file))
    above = {other for other in LAYOUT.file_imports[file] if ROOMS.index(LAYOUT.room(other)) > own}
    assert not above


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_import_none_of_each_other(command):
    assert not LAYOUT.room_imports[command] & set(COMMANDS)


@pytest.mark.parametrize("room", ALLOWED_OF_MODELS)
def test_attacks_evaluation_and_reports_import_no_model(room):
    for file, imported in LAYOUT.file_imports.items():
        if LAYOUT.room(file) == room:
            models = {other for other in imported if LAYOUT.room(other) == "models"}
            assert models <= ALLOWED_OF_MODELS[room], file


def test_registry_and_config_alone_import_gin():
    knowing = {
        LAYOUT.room(file)
        for file, path in LAYOUT.files.items()
        if any(module.partition(".")[0] == "gin" for module, _ in imports(path))
    }
    assert knowing == KNOW_GIN
