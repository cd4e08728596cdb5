"""A plugin's source is all that it imports from beside it."""

import sys

import pytest
from shared.plugin_texts import attack_plugin

from tfadv import config
from tfadv.config import plugin_modules, plugin_sources


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def digest_of(folder, module):
    config.with_plugins([module], [str(folder)])
    return plugin_modules.digest(module)


HELPED = {
    "absolute": ("from plugins.step import half", "step.py"),
    "module": ("import plugins.step", "step.py"),
    "from the package": ("from plugins import step", "step.py"),
    "relative": ("from . import step", "step.py"),
    "of a name": ("from .step import half", "step.py"),
    "through another": ("from plugins.middle import half", "step.py"),
    "a package's start": ("from plugins.inner.deep import half", "inner/__init__.py"),
    "inside a package": ("from plugins.inner.deep import half", "inner/deep.py"),
}


@pytest.mark.parametrize("way", HELPED)
def test_an_edited_helper_changes_the_digest(tmp_path, forget_plugins, way):
    imports, edited = HELPED[way]
    name = f"helped_{list(HELPED).index(way)}"
    write(
        tmp_path,
        {
            f"{name}.py": attack_plugin(name, imports=imports),
            "step.py": "half = 0.5\n",
            "middle.py": "from .step import half\n",
            "inner/__init__.py": "",
            "inner/deep.py": "half = 0.5\n",
            "stranger.py": "import plugins.step\n",
        },
    )
    before = digest_of(tmp_path, f"plugins.{name}")
    (tmp_path / "stranger.py").write_text("half = 0.25\n")  # nobody imports it
    assert plugin_modules.digest(f"plugins.{name}") == before
    (tmp_path / edited).write_text("half = 0.25\n")
    assert plugin_modules.digest(f"plugins.{name}") != before


def test_the_package_of_a_plugin_counts(tmp_path, forget_plugins):
    text = attack_plugin("packed")
    write(tmp_path, {"pack/__init__.py": "half = 0.5\n", "pack/packed.py": text})
    before = digest_of(tmp_path, "plugins.pack.packed")
    (tmp_path / "pack" / "__init__.py").write_text("half = 0.25\n")
    assert plugin_modules.digest("plugins.pack.packed") != before


def test_an_import_within_a_function_counts_before_it_is_run(tmp_path, forget_plugins):
    late = "def start(self):\n    from plugins.late_step import half\n    return half"
    text = attack_plugin("late_one", body=late)
    write(tmp_path, {"late_one.py": text, "late_step.py": "half = 0.5\n"})
    before = digest_of(tmp_path, "plugins.late_one")
    assert "plugins.late_step" not in sys.modules
    (tmp_path / "late_step.py").write_text("half = 0.25\n")
    assert plugin_modules.digest("plugins.late_one") != before


def test_a_lone_module_counts_its_folder_and_neither_the_package_nor_the_installed(
    tmp_path, monkeypatch
):
    lone = "import lone_step, numpy, tfadv.attacks, json\n"
    write(tmp_path, {"lone_one.py": lone, "lone_step.py": "", "tfadv/__init__.py": ""})
    monkeypatch.syspath_prepend(tmp_path)
    files = {"lone_one": tmp_path / "lone_one.py"}
    assert sorted(plugin_sources.with_imports(files)) == ["lone_one", "lone_step"]
    (tmp_path / "lone_one-1.0.dist-info").mkdir()  # now it is one of many installed ones
    assert sorted(plugin_sources.with_imports(files)) == ["lone_one"]
