"""The command that lists, checks and starts plugins."""

import io
import json
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
from tfadv.files import write_record
from tfadv.kept import FOLDER
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


def test_the_list_is_kept_until_a_source_changes(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path / "kept"))
    folder = tmp_path / "ideas"
    folder.mkdir()
    (folder / "mine.py").write_text(norm_plugin("first_norm"))
    first = run_command("plugins", plugin_dir=folder)
    (kept,) = (tmp_path / "kept").iterdir()
    record = json.loads(kept.read_text().replace("first_norm", "kept_norm"))
    write_record(kept, {name: record[name] for name in ("about", "found")})
    assert run_command("plugins", plugin_dir=folder).stdout == first.stdout.replace(
        "first_norm", "kept_norm"
    )
    (folder / "mine.py").write_text(norm_plugin("second_norm"))
    assert "second_norm" in run_command("plugins", plugin_dir=folder).stdout


def new_plugin(kind, folder, monkeypatch):
    """Returns what ``--new KIND my_KIND`` prints."""
    printed = io.StringIO()
    monkeypatch.chdir(folder)
    with flagsaver.flagsaver(new=kind, plugin_dir=[str(folder)]):
        plugins.start_plugin([f"my_{kind}"], Console(file=printed, soft_wrap=True))
    return printed.getvalue()


# Those of a model take half a minute.
KINDS = [
    pytest.param(kind, marks=pytest.mark.slow if kind == "model" else ()) for kind in testing.KINDS
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_conforms_and_its_gin_file_chooses_it(tmp_path, monkeypatch, kind):
    printed = new_plugin(kind, tmp_path, monkeypatch)
    assert f"--check=plugins.my_{kind} --plugin_dir={tmp_path}" in printed
    files = re.findall(r"--gin_file=(\S+)", printed)
    read = config.read([*files, "gin/scale/smoke.gin"], plugin_dirs=[str(tmp_path)])
    plan = build_plan()
    evaluated = {spec.rpartition("/")[2] for spec in plan.evaluation_attacks}
    chosen = {getattr(plan.experiment, kind, None), *plan.experiment.trackers}
    assert f"my_{kind}" in evaluated | chosen
    assert f"plugins.my_{kind}" in read.plugins
    for check in testing.checks(kind, f"my_{kind}"):
        check()


def test_a_new_plugin_may_be_the_first_of_its_folder(tmp_path):
    printed = run_command("plugins", "--new", "norm", "mine", plugin_dir="ideas", cwd=tmp_path)
    assert printed.returncode == 0, printed.stderr
    assert (tmp_path / "ideas" / "mine.py").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("kind", testing.KINDS)
def test_the_commands_that_a_new_plugin_prints_run(tmp_path, kind):
    """At the smoke scale, in place of the digits."""
    printed = run_command("plugins", "--new", kind, f"my_{kind}", plugin_dir="mine", cwd=tmp_path)
    assert printed.returncode == 0, printed.stderr
    check, train = (line.split()[3:] for line in printed.stdout.splitlines()[2:])
    checked = run_command("plugins", *check, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
    trained = run_command("train", *train, "--gin_file=gin/scale/smoke.gin", cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    (model_dir,) = (tmp_path / "runs").iterdir()
    assert f"import plugins.my_{kind}" in (model_dir / "config.gin").read_text()


def test_a_function_that_returns_a_keras_model_is_a_network(tmp_path, monkeypatch):
    """Its batch norms are the run's; the run's own arguments can't be bound."""
    new_plugin("model", tmp_path, monkeypatch)
    files = ["gin/mbn_alp.gin", "my_model.gin", "gin/scale/smoke.gin"]
    config.read(files, ["my_model.widths = (4, 8)"], plugin_dirs=[str(tmp_path)])
    model = build_plan().build_model()
    assert (model.name, model.branches) == ("my_model", ("clean", "adv"))
    assert {path.split("/")[0] for path in model.norms} == {"norm0", "norm1"}
    images = tf.random.stateless_uniform((5, 8, 8, 3), (0, 1), 0, 255)
    assert model(images).shape == (5, 4)
    for binding in ("my_model.classes = 7", "momentum_sgd.learning_rate = 0.1"):
        with pytest.raises(UserError, match=r"has no parameter '(classes|learning_rate)'"):
            config.read(files, [binding], plugin_dirs=[str(tmp_path)])


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
    (tmp_path / "spare.gin").write_text("mine")
    with pytest.raises(UserError, match="spare.gin' is there already"):
        templates.write("norm", "spare", tmp_path)
    assert not (tmp_path / "spare.py").exists()
    for name, message in (
        ("My-Norm", "snake_case"),
        ("pgd", "'pgd' is taken"),
        ("norm", "'norm' is taken"),
        ("norm_mode", "'norm_mode' is a name that a plugin imports"),
        ("class", "'class' is a word of Python's own"),
        ("match", "'match' is a word of Python's own"),
        ("print", "'print' is a word of Python's own"),
        ("a" * 300, "be <= 100 letters"),
    ):
        with pytest.raises(UserError, match=message):
            templates.write("norm", name, tmp_path)


def test_what_registers_nothing_is_refused():
    with pytest.raises(UserError, match="registers nothing"):
        plugins.check_modules(config.with_plugins(), ["tfadv.errors"], Console(file=io.StringIO()))


def test_parts_are_checked_as_they_are_bound():
    module, read = ["tfadv.data.augmentation"], config.with_plugins()
    printed = io.StringIO()
    console = Console(file=printed, soft_wrap=True)
    assert not plugins.check_modules(read, module, console)
    assert "CropAndFlip.padding is not set" in printed.getvalue()
    read.read_bindings(["CropAndFlip.padding = 0", "CropAndFlip.flip = False"])
    assert plugins.check_modules(read, module, console)
    assert "skip  draws by the whole seed: as it is bound it changes nothing" in printed.getvalue()


def test_a_check_that_fails_is_printed_and_ends_with_1(tmp_path):
    (tmp_path / "leaky.py").write_text(norm_plugin("leaky").replace("return x", "return x - x[:1]"))
    flags = {"plugin_dir": tmp_path, "check": "plugins.leaky"}
    failed = run_command("plugins", **flags, cwd=tmp_path)
    assert failed.returncode == 1
    assert "18 of 21 hold" in failed.stdout
    assert "FAIL  keeps images apart" in failed.stdout
    assert "leaks across the batch" in failed.stdout
