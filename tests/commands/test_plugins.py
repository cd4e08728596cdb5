"""The command that lists, checks and starts plugins."""

import io
import re

import pytest
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver
from rich.console import Console
from shared.commands import run_command
from shared.plugin_texts import norm_plugin

from tfadv import config, plugins, testing
from tfadv.errors import UserError
from tfadv.planning.plan import build_plan
from tfadv.testing import templates

pytestmark = pytest.mark.usefixtures("forget_plugins")


@pytest.fixture(autouse=True)
def parsed_flags():
    if not flags.FLAGS.is_parsed():
        flags.FLAGS(["tests"])


def test_the_command_lists_everything_and_what_fails(tmp_path):
    (tmp_path / "good.py").write_text(norm_plugin("good_norm"))
    (tmp_path / "bad.py").write_text("raise RuntimeError('no good')")
    listed = run_command("plugins", plugin_dir=tmp_path, cwd=tmp_path)
    assert listed.returncode == 1
    assert "'plugins.bad' can't be loaded: RuntimeError: no good" in listed.stderr
    known = ("good_norm", "Somebody, 2026", "mixture_batch_norm", "trades", "MIFGSM.decay = 1.0")
    for text in known:
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
    files = ("--gin_file=my_norm.gin", "--gin_file=gin/scale/smoke.gin")
    of_run = {"plugin_dir": tmp_path, "model_dir": "run", "cwd": tmp_path}
    trained = run_command("train", *files, **of_run)
    assert trained.returncode == 0, trained.stderr
    exported = run_command("export", output_dir="bundle", **of_run)
    assert exported.returncode == 0, exported.stderr
    assert "import plugins.my_norm" in (tmp_path / "run/config.gin").read_text()
    bundle = tf.saved_model.load(str(tmp_path / "bundle"))
    assert bundle.serve(tf.zeros((3, 8, 8, 3))).shape == (3, 4)


def test_nothing_is_overwritten_and_wrong_names_are_refused(tmp_path, monkeypatch):
    new_plugin("norm", tmp_path, monkeypatch)
    with pytest.raises(UserError, match="'my_norm' is taken"):
        new_plugin("norm", tmp_path, monkeypatch)
    (tmp_path / "free.gin").write_text("mine")
    with pytest.raises(UserError, match="free.gin' is there already"):
        templates.write("norm", "free", tmp_path)
    assert not (tmp_path / "free.py").exists()
    for name, message in (
        ("My-Norm", "snake_case"),
        ("pgd", "'pgd' is taken"),
        ("norm", "'norm' is taken"),
        ("class", "'class' is a word of Python's own"),
        ("match", "'match' is a word of Python's own"),
        ("print", "'print' is a word of Python's own"),
        ("a" * 300, "be <= 100 letters"),
    ):
        with pytest.raises(UserError, match=message):
            templates.write("norm", name, tmp_path)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("tfadv.errors", "registers nothing"),
        ("tfadv.data.digits", "registers no norm, attack, strategy"),
    ],
)
def test_what_has_no_checks_is_refused(module, message):
    with pytest.raises(UserError, match=message):
        plugins.check_modules(config.with_plugins(), [module], Console(file=io.StringIO()))


def test_a_check_that_fails_is_printed_and_ends_with_1(tmp_path):
    (tmp_path / "leaky.py").write_text(norm_plugin("leaky").replace("return x", "return x - x[:1]"))
    flags = {"plugin_dir": tmp_path, "check": "plugins.leaky"}
    failed = run_command("plugins", **flags, cwd=tmp_path)
    assert failed.returncode == 1
    assert "18 of 21 hold" in failed.stdout
    assert "FAIL  keeps images apart" in failed.stdout
    assert "leaks across the batch" in failed.stdout
