"""The command that lists, checks and starts plugins."""

import io
import re
import subprocess
import sys

import pytest
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver
from rich.console import Console

from tfadv import config, plugins, testing
from tfadv.errors import UserError
from tfadv.planning.plan import build_plan
from tfadv.testing import templates

pytestmark = pytest.mark.usefixtures("forget_plugins")


@pytest.fixture(autouse=True)
def parsed_flags():
    if not flags.FLAGS.is_parsed():
        flags.FLAGS(["tests"])


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
    for name, message in (("My-Norm", "snake_case"), ("pgd", "'pgd' is taken")):
        with pytest.raises(UserError, match=message):
            templates.write("norm", name, tmp_path)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("tfadv.errors", "registers nothing"),
        ("tfadv.data.digits", "registers no norm, attack, strategy"),
    ],
)
def test_what_can_not_be_checked_is_told(module, message):
    with pytest.raises(UserError, match=message):
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
