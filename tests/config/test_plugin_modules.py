"""Plugins: three ways in, each strict."""

import re
import signal

import pytest
from shared.plugin_texts import norm_plugin

from tfadv import config
from tfadv.config import plugin_modules
from tfadv.errors import UserError
from tfadv.planning.plan import build_plan
from tfadv.registry import ATTACKS, NORMS, STRATEGIES, configurables
from tfadv.runs.run_directory import RunDirectory

pytestmark = pytest.mark.usefixtures("forget_plugins")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Returns a function that installs a package with entry points, as pip would."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(package, text, entry="plugin"):
        (tmp_path / f"{package}.py").write_text(text)
        info = tmp_path / f"{package}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[tfadv.plugins]\n{entry} = {package}\n")

    return install


def test_plugins_come_from_a_folder_and_from_a_module(tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "in_folder.py").write_text(norm_plugin("in_folder"))
    (tmp_path / "a_module.py").write_text(norm_plugin("a_module"))
    recipe = tmp_path / "mine.gin"
    recipe.write_text(
        "import plugins.in_folder\ninclude 'gin/gn.gin'\nExperiment.norm = 'in_folder'\n"
        "InFolder.gamma_initializer = 'zeros'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    read = config.read([str(recipe)], plugins=["a_module"], plugin_dirs=[str(folder)])
    assert {"in_folder", "a_module"} <= set(NORMS.names())
    assert build_plan().experiment.norm == "in_folder"
    assert re.match(r"import a_module # source \w+\nimport plugins.in_folder # source", read.text())


def test_an_installed_plugin_is_known_by_name_and_recorded_where_it_is_used(site):
    site("good_package", norm_plugin("installed_norm"))
    read = config.read(["gin/gn.gin"], ["Experiment.norm = 'installed_norm'"])
    assert build_plan().experiment.norm == "installed_norm"
    assert read.text().startswith("import good_package # source ")
    unused = config.read(["gin/gn.gin"])
    assert "good_package" not in unused.text()
    bound = config.read(["gin/gn.gin"], ["InstalledNorm.gamma_initializer = 'zeros'"])
    assert bound.plugins == ["good_package"]


def test_a_failing_installed_plugin_is_named_and_the_others_still_load(site):
    half = norm_plugin("half_done") + "\nraise RuntimeError('no good')\n"
    site("bad_package", half, entry="bad")
    site("good_package", norm_plugin("installed_norm"))
    read = config.read(["gin/gn.gin"])
    (failure,) = read.failures.values()
    assert "'bad' (bad_package of bad_package 1.2)" in failure
    assert "RuntimeError: no good (its line 12)" in failure
    assert "installed_norm" in NORMS.names()
    assert "half_done" not in NORMS.names() and "HalfDone" not in configurables()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise RuntimeError('no good')", "RuntimeError: no good .its line 1."),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt .its line 1."),
        ("raise GeneratorExit('odd')", "GeneratorExit: odd .its line 1."),
        ("class Odd(BaseException): pass\nraise Odd('own')", "Odd: own .its line 2."),
        (norm_plugin("", "Mine"), "norm '' can't be registered"),
        (norm_plugin("a/b", "Mine"), "norm 'a/b' can't be registered"),
        ("import not_there", "No module named 'not_there'"),
        ("def f(:", "SyntaxError"),
        ("x = 1", "registers nothing"),
        (norm_plugin("group_norm", "Mine"), "'group_norm' is registered twice"),
        (norm_plugin("mine", "GroupNorm"), "the name 'GroupNorm'.*is taken"),
    ],
)
def test_a_failing_plugin_is_named_with_its_cause(tmp_path, monkeypatch, text, message):
    (tmp_path / "broken_plugin.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=f"--plugin: plugin 'broken_plugin'.*{message}"):
        config.read(["gin/gn.gin"], plugins=["broken_plugin"])
    (tmp_path / "broken_plugin.py").write_text(norm_plugin("mended") + "\n#")
    config.read(["gin/gn.gin"], plugins=["broken_plugin"])
    assert "mended" in NORMS.names()


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("plugins.not_there", "--plugin_dir=FOLDER makes the files of a folder plugins"),
        ("some/folder/mine.py", "--plugin_dir=FOLDER --plugin=plugins.mine"),
    ],
)
def test_a_missing_plugin_is_refused_with_the_way_in(module, message):
    with pytest.raises(UserError, match=message):
        config.read(["gin/gn.gin"], plugins=[module])
    with pytest.raises(UserError, match="--plugin_dir: no folder"):
        config.read(["gin/gn.gin"], plugin_dirs=["/nowhere/at/all"])


def test_an_edited_plugin_is_another_configuration(tmp_path):
    source = tmp_path / "edited.py"
    for line in ("", "# another idea\n"):
        source.write_text(norm_plugin("edited") + line)
        read = config.read(["gin/gn.gin"], plugins=["plugins.edited"], plugin_dirs=[str(tmp_path)])
        directory = RunDirectory(tmp_path / "run")
        if not line:
            directory.claim(read, [], 0)
            directory.check(read)
    with pytest.raises(UserError, match="another config .import plugins.edited: source"):
        directory.check(read)


def test_a_forgotten_import_is_named(tmp_path):
    part = "\n\ndef a_function(rate):\n    pass\n\n\nclass Alone:\n    pass\n"
    (tmp_path / "forgotten.py").write_text(norm_plugin("forgotten") + part)
    for name in ("Forgotten", "a_function", "Alone"):
        with pytest.raises(UserError, match="'plugins.forgotten' defines it: import plugins.forg"):
            config.read(["gin/gn.gin"], [f"{name}.name = 'x'"], plugin_dirs=[str(tmp_path)])
    with pytest.raises(UserError, match="Did you mean 'plugins.forgotten'"):
        config.read(["gin/gn.gin"], plugins=["forgoten"], plugin_dirs=[str(tmp_path)])


def test_a_plugin_can_be_defined_again_in_a_notebook():
    cell = norm_plugin("in_a_cell")
    for _ in range(2):
        exec(compile(cell, "cell", "exec"), {"__name__": "__main__"})
    assert "in_a_cell" in NORMS.names()
    with pytest.raises(UserError, match="registered twice"):
        exec(compile(cell, "cell", "exec"), {"__name__": "elsewhere"})


@pytest.mark.usefixtures("worked_plugins")
def test_parts_know_their_papers():
    assert all(kind.papers[name] for kind in (NORMS, ATTACKS) for name in kind.names())
    assert STRATEGIES.papers["trades"] == "Zhang et al., 2019"
    assert plugin_modules.parts_of("plugins.trades") == [(STRATEGIES, "trades")]


def test_an_interrupt_from_outside_ends_the_import(tmp_path, monkeypatch):
    (tmp_path / "slow_parts.py").write_text(
        "import signal\nsignal.raise_signal(signal.SIGINT)\n"  # before the next line
    )
    monkeypatch.syspath_prepend(tmp_path)
    before = signal.default_int_handler
    outside = signal.signal(signal.SIGINT, before)  # a shell's background jobs ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            config.read([], plugins=["slow_parts"])
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGINT, outside)
