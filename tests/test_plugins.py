"""Plugins: three ways in, each strict, and the command that lists, checks and starts them."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver
from rich.console import Console

from tfadv import config, plugins, testing
from tfadv.attacks.pgd import PGD
from tfadv.config import plugin_modules
from tfadv.errors import UserError
from tfadv.planning.plan import build_plan
from tfadv.registry import ATTACKS, NORMS, STRATEGIES, configurables
from tfadv.runs.run_directory import RunDirectory
from tfadv.testing import templates

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = '''
from tfadv.norms.base import Norm
from tfadv.registry import NORMS

@NORMS.register("{name}", paper="Somebody, 2026")
class {cls}(Norm):
    """Leaves its input as it is."""

    def normalize(self, x, mode):
        return x
'''
pytestmark = pytest.mark.usefixtures("forget_plugins")


@pytest.fixture(autouse=True)
def parsed_flags():
    if not flags.FLAGS.is_parsed():
        flags.FLAGS(["tests"])


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
    (folder / "in_folder.py").write_text(PLUGIN.format(name="in_folder", cls="InFolder"))
    (tmp_path / "a_module.py").write_text(PLUGIN.format(name="a_module", cls="AModule"))
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


def test_an_installed_plugin_is_there_by_name_and_noted_where_it_is_used(site):
    site("good_package", PLUGIN.format(name="installed_norm", cls="InstalledNorm"))
    read = config.read(["gin/gn.gin"], ["Experiment.norm = 'installed_norm'"])
    assert build_plan().experiment.norm == "installed_norm"
    assert read.text().startswith("import good_package # source ")
    unused = config.read(["gin/gn.gin"])
    assert "good_package" not in unused.text()
    bound = config.read(["gin/gn.gin"], ["InstalledNorm.gamma_initializer = 'zeros'"])
    assert bound.plugins == ["good_package"]


def test_a_failing_installed_plugin_is_named_and_takes_no_other_down(site):
    half = PLUGIN.format(name="half_done", cls="HalfDone") + "\nraise RuntimeError('no good')\n"
    site("bad_package", half, entry="bad")
    site("good_package", PLUGIN.format(name="installed_norm", cls="InstalledNorm"))
    read = config.read(["gin/gn.gin"])
    (failure,) = read.failures.values()
    assert "'bad' (bad_package of bad_package 1.2)" in failure
    assert "RuntimeError: no good (its line 12)" in failure
    assert "installed_norm" in NORMS.names()
    assert "half_done" not in NORMS.names() and "HalfDone" not in configurables()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("raise RuntimeError('no good')", "RuntimeError: no good .its line 1."),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("import not_there", "No module named 'not_there'"),
        ("def f(:", "SyntaxError"),
        ("x = 1", "registers nothing"),
        (PLUGIN.format(name="group_norm", cls="Mine"), "'group_norm' is registered twice"),
        (PLUGIN.format(name="mine", cls="GroupNorm"), "the name 'GroupNorm'.*is taken"),
    ],
)
def test_a_failing_plugin_is_named_with_its_cause(tmp_path, monkeypatch, text, told):
    (tmp_path / "broken_plugin.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=f"--plugin: plugin 'broken_plugin'.*{told}"):
        config.read(["gin/gn.gin"], plugins=["broken_plugin"])
    (tmp_path / "broken_plugin.py").write_text(PLUGIN.format(name="mended", cls="Mended") + "\n#")
    config.read(["gin/gn.gin"], plugins=["broken_plugin"])
    assert "mended" in NORMS.names()


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("plugins.not_there", "--plugin_dir=FOLDER makes the files of a folder plugins"),
        ("some/folder/mine.py", "--plugin_dir=FOLDER --plugin=plugins.mine"),
    ],
)
def test_a_missing_plugin_is_told_with_the_way_in(module, told):
    with pytest.raises(UserError, match=told):
        config.read(["gin/gn.gin"], plugins=[module])
    with pytest.raises(UserError, match="--plugin_dir: no folder"):
        config.read(["gin/gn.gin"], plugin_dirs=["/nowhere/at/all"])


def test_an_edited_plugin_is_another_configuration(tmp_path):
    source = tmp_path / "edited.py"
    for line in ("", "# another idea\n"):
        source.write_text(PLUGIN.format(name="edited", cls="Edited") + line)
        read = config.read(["gin/gn.gin"], plugins=["plugins.edited"], plugin_dirs=[str(tmp_path)])
        directory = RunDirectory(tmp_path / "run")
        if not line:
            directory.claim(read, [], 0)
            directory.check(read)
    with pytest.raises(UserError, match="another config .import plugins.edited: source"):
        directory.check(read)


def test_a_forgotten_import_is_told(tmp_path):
    (tmp_path / "forgotten.py").write_text(PLUGIN.format(name="forgotten", cls="Forgotten"))
    with pytest.raises(UserError, match="'plugins.forgotten' defines it: import plugins.forgott"):
        config.read(["gin/gn.gin"], ["Forgotten.name = 'x'"], plugin_dirs=[str(tmp_path)])
    with pytest.raises(UserError, match="Did you mean 'plugins.forgotten'"):
        config.read(["gin/gn.gin"], plugins=["forgoten"], plugin_dirs=[str(tmp_path)])


def test_a_part_takes_the_bindings_of_its_base_classes():
    config.read(
        ["gin/gn.gin"],
        ["eval/pgd10/MIFGSM.decay = 0.5", "MIFGSM.targeted = False"],
        plugins=["plugins.mi_fgsm"],
    )
    attack = ATTACKS.build("eval/pgd10/mi_fgsm")
    assert (attack.epsilon, attack.steps, attack.decay) == (64.0, 10, 0.5)
    assert ATTACKS.build("eval/pgd100/mi_fgsm").steps == 100
    assert not attack.targeted  # its own binding, before PGD.targeted = True of the protocol
    assert ATTACKS.build("mi_fgsm", epsilon=2.0).epsilon == 2.0


def test_a_base_class_that_is_not_pgd_lends_nothing():
    class Wide(PGD):
        """Between PGD and the attack that is built."""

        def __init__(self, epsilon: float, steps: int = 1):
            super().__init__(epsilon, steps)

    class Wider(Wide):
        """The attack that is built."""

    ATTACKS.register("wide")(Wide)
    ATTACKS.register("wider")(Wider)
    config.read(["gin/gn.gin"], ["Wide.epsilon = 3.0"])
    narrow, wide = ATTACKS.build("wide"), ATTACKS.build("wider")
    assert (narrow.epsilon, wide.epsilon, wide.steps) == (3.0, 64.0, 10)
    assert ATTACKS.build("wide", steps=2).steps == 2


def run(*flags, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "tfadv.plugins", *flags], capture_output=True, text=True, cwd=cwd
    )


def test_the_command_lists_everything_and_what_fails(tmp_path):
    (tmp_path / "good.py").write_text(PLUGIN.format(name="good_norm", cls="GoodNorm"))
    (tmp_path / "bad.py").write_text("raise RuntimeError('no good')")
    listed = run(f"--plugin_dir={tmp_path}", cwd=tmp_path)
    assert listed.returncode == 1
    assert "'plugins.bad' can't be loaded: RuntimeError: no good" in listed.stderr
    for text in (
        "good_norm",
        "Somebody, 2026",
        "mixture_batch_norm",
        "trades",
        "MIFGSM.decay = 1.0",
    ):
        assert text in listed.stdout, text


def new_plugin(kind, folder, monkeypatch):
    """Returns what ``--new KIND my_KIND`` prints."""
    printed = io.StringIO()
    monkeypatch.chdir(folder)
    with flagsaver.flagsaver(new=kind, plugin_dir=[str(folder)]):
        plugins.start_plugin([f"my_{kind}"], Console(file=printed, soft_wrap=True))
    return printed.getvalue()


@pytest.mark.parametrize("kind", ["norm", "attack", "strategy"])
def test_a_new_plugin_conforms_and_its_recipe_chooses_it(tmp_path, monkeypatch, kind):
    printed = new_plugin(kind, tmp_path, monkeypatch)
    assert f"--check=plugins.my_{kind} --plugin_dir={tmp_path}" in printed
    files = re.findall(r"--gin_file=(\S+)", printed)
    config.read([*files, "gin/scale/smoke.gin"], plugin_dirs=[str(tmp_path)])
    plan = build_plan()
    chosen = (plan.experiment.norm, plan.experiment.strategy, *plan.evaluation_attacks)
    assert any(f"my_{kind}" in name for name in chosen)
    for check in testing.checks(kind, f"my_{kind}"):
        check()


def test_a_norm_from_outside_the_repository_trains_and_exports(tmp_path, monkeypatch):
    """One file of at most 30 lines, by name from gin; `config.gin` then names it by itself."""
    new_plugin("norm", tmp_path, monkeypatch)
    assert len((tmp_path / "my_norm.py").read_text().splitlines()) <= 30
    option = f"--plugin_dir={tmp_path}"
    for command in (
        ["train", "--gin_file=my_norm.gin", "--gin_file=gin/scale/smoke.gin", "--model_dir=run"],
        ["export", "--model_dir=run", "--output_dir=bundle"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", f"tfadv.{command[0]}", option, *command[1:]],
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
    assert "import plugins.my_norm" in (tmp_path / "run/config.gin").read_text()
    bundle = tf.saved_model.load(str(tmp_path / "bundle"))
    assert bundle.serve(tf.zeros((3, 8, 8, 3))).shape == (3, 4)


def test_nothing_is_overwritten_and_wrong_names_are_told(tmp_path, monkeypatch):
    new_plugin("norm", tmp_path, monkeypatch)
    with pytest.raises(UserError, match="'my_norm' is taken"):
        new_plugin("norm", tmp_path, monkeypatch)
    (tmp_path / "free.gin").write_text("mine")
    with pytest.raises(UserError, match="free.gin' is there already"):
        templates.write("norm", "free", tmp_path)
    assert not (tmp_path / "free.py").exists()
    for name, told in (("My-Norm", "snake_case"), ("pgd", "'pgd' is taken")):
        with pytest.raises(UserError, match=told):
            templates.write("norm", name, tmp_path)


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("tfadv.errors", "registers nothing"),
        ("tfadv.data.digits", "registers no norm, attack, strategy"),
    ],
)
def test_what_can_not_be_checked_is_told(module, told):
    with pytest.raises(UserError, match=told):
        plugins.check_modules(config.with_plugins(), [module], Console(file=io.StringIO()))


def test_a_check_that_fails_is_printed_and_ends_with_1(tmp_path):
    (tmp_path / "leaky.py").write_text(
        PLUGIN.format(name="leaky", cls="Leaky").replace("return x", "return x - x[:1]")
    )
    failed = run(f"--plugin_dir={tmp_path}", "--check=plugins.leaky", cwd=tmp_path)
    assert failed.returncode == 1
    assert "17 of 20 hold" in failed.stdout
    assert "FAIL  keeps images apart" in failed.stdout
    assert "leaks across the batch" in failed.stdout


def test_a_plugin_can_be_defined_again_in_a_notebook():
    cell = PLUGIN.format(name="in_a_cell", cls="InACell")
    for _ in range(2):
        exec(compile(cell, "cell", "exec"), {"__name__": "__main__"})
    assert "in_a_cell" in NORMS.names()
    with pytest.raises(UserError, match="registered twice"):
        exec(compile(cell, "cell", "exec"), {"__name__": "elsewhere"})


def test_parts_know_their_papers():
    config.with_plugins([f"plugins.{path.stem}" for path in (ROOT / "plugins").glob("*.py")])
    assert all(kind.papers[name] for kind in (NORMS, ATTACKS) for name in kind.names())
    assert STRATEGIES.papers["trades"] == "Zhang et al., 2019"
    assert plugin_modules.parts_of("plugins.trades") == [(STRATEGIES, "trades")]
