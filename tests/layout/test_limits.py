"""The limits that the layout keeps: few loose files, few floors, no circle, nothing long."""

import pytest
from shared.project import PACKAGE, ROOT

from benchmarks.layout import Layout, circles, longest_chain, report

LAYOUT = Layout(PACKAGE)


def test_few_files_lie_loose():
    assert len(LAYOUT.loose) <= 16


def test_rooms_stand_on_few_floors():
    assert len(longest_chain(LAYOUT.room_imports)) <= 10


def test_nothing_imports_itself_in_a_circle():
    assert circles(LAYOUT.room_imports) == circles(LAYOUT.file_imports) == []


@pytest.mark.parametrize("folder", ["tfadv", "plugins", "benchmarks", "tests"])
def test_no_file_and_no_function_is_long(folder):
    layout = Layout(ROOT / folder)
    assert max(layout.sizes()).lines <= 300
    assert max(layout.function_sizes()).lines <= 50


@pytest.fixture
def house(tmp_path):
    """Returns a package with a circle of rooms, two floors above another."""
    package = tmp_path / "house"
    for name, text in {
        "__init__.py": "",
        "roof.py": "from house.hall import door",
        "hall/__init__.py": "",
        "hall/door.py": "import house.kitchen.stove",
        "hall/__main__.py": "import house.cellar",
        "kitchen/__init__.py": "",
        "kitchen/stove.py": "def cook():\n    import house.hall.door\n    import house.cellar",
        "cellar.py": "import os",
    }.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    return Layout(package)


def test_circles_and_chains_are_found(house):
    assert house.loose == ["cellar", "roof"]
    assert house.room_imports == {
        "cellar": set(),
        "hall": {"kitchen"},
        "hall/__main__": {"cellar"},
        "kitchen": {"hall", "cellar"},
        "roof": {"hall"},
    }
    assert circles(house.room_imports) == [["hall", "kitchen"]]
    assert longest_chain(house.room_imports) == ["roof", "hall ⇄ kitchen", "cellar"]
    assert circles(house.file_imports) == [["hall/door", "kitchen/stove"]]


def test_the_report_has_every_figure(house):
    assert list(report(house)) == [
        "files loose in house/: 2",
        "rooms: 5, 5 arrows",
        "floors of rooms: 3 (roof → hall ⇄ kitchen → cellar)",
        "longest chain of files: 3 (roof → hall/door ⇄ kitchen/stove → cellar)",
        "circles of rooms: {hall, kitchen}",
        "circles of files: {hall/door, kitchen/stove}",
        "largest file: 3 lines (kitchen/stove)",
        "largest function: 3 lines (kitchen/stove.cook)",
    ]
