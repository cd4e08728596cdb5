"""What a command answers before it imports TensorFlow, and how it looks."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from shared.documents import COMMAND_FILES, examples, name_of
from shared.project import ROOT

from tfadv import __version__
from tfadv.data import packing
from tfadv.models.external import OUTPUTS
from tfadv.optimization.weight_average import WEIGHTS

HEAVY = ("tensorflow", "keras", "sklearn", "scipy", "matplotlib", "pandas", "tensorflow_datasets")
RECIPE = "--gin_file=gin/mbn.gin"
# What readers write, or documents have them write.
THEIRS = ("ideas/my_norm.gin", "photos.gin")


@pytest.fixture
def at_once(tmp_path):
    """Returns a function that runs a command which can't import what takes long."""
    for name in HEAVY:
        (tmp_path / f"{name}.py").write_text(f"raise ImportError('{name} is imported')")

    def run(*words):
        environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
        command = [sys.executable, "-m", f"tfadv.{words[0]}", *words[1:]]
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)

    return run


@pytest.mark.parametrize("file", COMMAND_FILES, ids=name_of)
def test_help_fits_a_screen_and_its_examples_name_what_there_is(at_once, file):
    done = at_once(name_of(file), "--help")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) <= 40 and max(map(len, lines)) <= 100
    flags = set(re.findall(r"^  --(\w+)", done.stdout, re.MULTILINE))
    assert "logtostderr" not in flags  # absl's
    joined, shown = re.sub(r" \\\n +", " ", done.stdout), examples(file)
    assert len(shown) == 3
    for command in shown:
        assert command.text in joined
        assert command.words[:3] == ("python", "-m", f"tfadv.{name_of(file)}")
        given = {word[2:].partition("=")[0] for word in command.words if word.startswith("--")}
        assert given <= flags, command
        for name in (*command.values("gin_file"), *command.values("recipe")):
            assert (ROOT / name).is_file() or name in THEIRS, command


def test_values_that_flags_offer_are_those_that_parts_take(at_once):
    weights = at_once("export", "--help").stdout
    assert f"--weights={'|'.join(WEIGHTS)} " in weights
    formats = at_once("data", "--help").stdout
    assert f"--pack_format={packing.JPEG}|{packing.PNG} " in formats
    outputs = at_once("evaluate", "--help").stdout
    assert all(re.search(rf"--outputs.*\b{name}\b", outputs) for name in OUTPUTS)


def test_the_version_is_the_packages_and_names_a_checkouts_commit(at_once):
    done = at_once("train", "--version")
    commit = re.fullmatch(rf"tfadv {__version__}( \(commit [0-9a-f]{{40}}.*\))?\n", done.stdout)
    assert done.returncode == 0 and commit
    assert bool(commit[1]) == (ROOT / ".git").exists()


def test_absls_own_flags_are_on_a_page_of_their_own(at_once):
    done = at_once("train", "--helpfull")
    assert done.returncode == 0
    assert "--[no]logtostderr" in done.stdout and "--gin_file" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train"], "name a recipe, such as"),
        (["train", "gin/mbn.gin"], "'gin/mbn.gin' is no flag"),
        (["train", "--gin_fil=gin/mbn.gin"], "no flag --gin_fil. Did you mean 'gin_file'?"),
        (["train", "--gin_file=gin/mbm.gin"], "'gin/mbm.gin'. Did you mean 'gin/mbn.gin'?"),
        (["train", RECIPE, "--gin_bindings=PGD.step = 3"], "parameter 'step'; it has epsilon"),
        (["train", "--replay=x", "--dry_run"], "--dry_run does not go with --replay"),
        (["train", "--resume_as=x"], "--resume_as goes with --model_dir"),
        (["evaluate"], "name one of --model_dir and --saved_model"),
        (["evaluate", "--model_dir=x", "--layout=NHWC"], "--layout goes with --saved_model"),
        (["evaluate", "--saved_model=x", "--weights=average"], "--weights chooses between a run"),
        (["export", "--model_dir=x"], "--to=bundle needs --output_dir"),
        (["data"], "name one of --gin_file, --folder and --npz"),
        (["data", "--folder=x", "--pack_quality=3"], "--pack_quality goes with --pack"),
        (["data", "--pack=x"], "--pack goes with --gin_file"),
        (["reproduce"], "name an experiment"),
        (["compare", "--output_dir=x", "--recipe=gin/mbm.gin"], "Did you mean 'gin/mbn.gin'?"),
        (["plugins", "--new=norm", "--check=x"], "--check comes after --new"),
    ],
)
def test_a_mistake_is_refused_before_what_takes_long(at_once, words, message):
    done = at_once(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch("error: .*\n", done.stderr) and message in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["train", RECIPE, "--model_dir=x"],
        ["compare", "--model_dir=x", "--model_dir=y"],
        ["plugins"],
    ],
)
def test_what_is_right_goes_on_to_the_import(at_once, words):
    assert at_once(*words).stderr.endswith("ImportError: tensorflow is imported\n")


def test_repeated_flags_are_read_once(tmp_path):
    (tmp_path / "tensorflow.py").write_text("from absl import flags\nprint(flags.FLAGS.gin_file)")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    words = [sys.executable, "-m", "tfadv.train", RECIPE, "--gin_file=gin/scale/smoke.gin"]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=ROOT)
    assert done.stdout.splitlines()[0] == "['gin/mbn.gin', 'gin/scale/smoke.gin']"


def test_a_signal_ends_the_import_at_once(tmp_path):
    waits = "import ctypes\nprint('importing', flush=True)\nctypes.CDLL(None).sleep(60)"
    (tmp_path / "tensorflow.py").write_text(waits)
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    words = [sys.executable, "-m", "tfadv.train", RECIPE]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(words, env=environment, cwd=ROOT, **pipes)
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, printed = process.communicate(timeout=60)
    assert time.monotonic() - began < 5
    assert process.returncode == 128 + signal.SIGINT
    again = f"-m tfadv.train {RECIPE}\n"
    assert printed.startswith("stopped by SIGINT before the work began; to go on: ")
    assert printed.endswith(again) and printed.count("\n") == 1
