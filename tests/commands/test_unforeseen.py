"""What nobody foresaw, and mistakes that commands refuse, each in one line."""

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from shared.commands import last_error, run_command
from shared.project import ROOT

from tfadv.config import command_line
from tfadv.errors import UserError

RECIPE = ["--gin_file=gin/mbn_alp.gin", "--gin_file=gin/scale/smoke.gin", "--dry_run"]
# A plugin whose data set fails in a way that nobody foresees.
BROKEN = """
from tfadv.registry import DATASETS
@DATASETS.register("broken")
def broken():
    raise LookupError("nobody knows\\nwhat happened")
"""


@pytest.fixture(autouse=True)
def parsed_flags():
    if not flags.FLAGS.is_parsed():
        flags.FLAGS(["tests"])


def ended_by(error, capsys):
    """Returns the exit code and what is printed where an error ends a command."""
    with pytest.raises(SystemExit) as end, command_line.mistakes_in_one_line():
        raise error
    return end.value.code, capsys.readouterr().err


@pytest.mark.parametrize("shown", [False, True])
def test_what_nobody_foresaw_is_a_line_and_a_private_file(tmp_path, monkeypatch, shown):
    (tmp_path / "odd.py").write_text(BROKEN)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    if shown:
        monkeypatch.setenv("TFADV_TRACEBACK", "1")
    bound = ["Experiment.dataset = 'broken'"]
    flags_given = {"plugin_dir": tmp_path, "plugin": "plugins.odd"}
    done = run_command("train", *RECIPE, bindings=bound, cwd=tmp_path, **flags_given)
    assert done.returncode == 1
    assert ("Traceback" in done.stderr) == shown
    if shown:
        return
    assert done.stderr.count("\n") == 1
    found = re.search(r"bug in tfadv: LookupError: nobody knows.*\(details in (.*)\)", done.stderr)
    file = Path(found[1])
    assert file.parent == tmp_path and stat.S_IMODE(file.stat().st_mode) == 0o600
    details = file.read_text()
    for text in ("Traceback", "what happened", "tensorflow ", "--plugin=plugins.odd"):
        assert text in details, text


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device", "run/x"), "error: No space left.*: 'run/x' .*"),
        (MemoryError("256 GiB"), "error: not enough memory: 256 GiB .*"),
        (OSError("of its own"), "error: this is a bug in tfadv: OSError: of its own .*"),
        (RuntimeError(), "error: this is a bug in tfadv: RuntimeError: .*"),
    ],
)
def test_what_the_system_refuses_is_no_bug(tmp_path, monkeypatch, capsys, error, line):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, printed = ended_by(error, capsys)
    assert code == 1 and re.fullmatch(line + "\n", printed), printed


def test_without_a_place_for_the_details_there_is_still_a_line(monkeypatch, capsys):
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    _, printed = ended_by(RuntimeError("odd"), capsys)
    expected = "error: this is a bug in tfadv: RuntimeError: odd (TFADV_TRACEBACK=1 shows"
    assert printed.startswith(expected)


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_on_purpose_passes(ending):
    with pytest.raises(ending), command_line.mistakes_in_one_line():
        raise ending


def test_a_message_is_one_line_and_steers_no_terminal(capsys):
    code, printed = ended_by(UserError("no 'a\nb\r\n c\x1b[31m'"), capsys)
    assert (code, printed) == (2, "error: no 'a b c\\x1b[31m'\n")


def test_brackets_in_a_path_are_no_markup(capsys):
    command_line.terminal().print("m[/b]x[red]")
    assert capsys.readouterr().out == "m[/b]x[red]\n"


def test_a_flag_that_does_not_apply_is_refused():
    command_line.define_plugin_flags()
    flag = "plugin_dir"
    command_line.refuse_flags([flag], "is not asked for")
    with (
        flagsaver.flagsaver(**{flag: ["here"]}),
        pytest.raises(UserError, match=f"--{flag} is not asked for"),
    ):
        command_line.refuse_flags([flag], "is not asked for")


@pytest.mark.parametrize(
    ("command", "given", "message"),
    [
        ("evaluate", {"model_dir": ".", "endpoint": "x"}, "--endpoint goes with --saved_model"),
        ("evaluate", {"model_dir": ".", "pixel_range": "0,1"}, "--pixel_range goes with"),
        ("evaluate", {"saved_model": "x.npz", "endpoint": "x"}, "--endpoint is for SavedModels"),
        ("data", {"npz": "x.npy"}, "'x.npy' is one array: name an .npz file"),
        ("data", {"npz": "x.npz", "pack_quality": 5}, "--pack_quality goes with --pack"),
        ("plugins", {"new": "norm", "check": "x"}, "--check comes after --new"),
        ("evaluate", {"modle_dir": "."}, "no flag --modle_dir. Did you mean 'model_dir'?"),
        ("evaluate", {"weights": "best"}, "flag --weights=best: value should be one of"),
        ("evaluate", {"model_dir": ".", "color": "BGR"}, "--color goes with --saved_model"),
        ("plugins", {"plugin_dir": ""}, "--plugin_dir: name a folder"),
        ("export", {"model_dir": ".", "output_dir": "/proc/x"}, "'/proc' takes no file"),
    ],
)
def test_mistakes_on_the_command_line_are_one_line(tmp_path, command, given, message):
    for name in ("x.npy", "x.npz"):
        with open(tmp_path / name, "wb") as file:
            np.save(file, np.zeros(3))
    done = run_command(command, cwd=tmp_path, **given)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert message in last_error(done)


def test_a_program_ends_without_a_word_with_its_reader():
    program = "from tfadv.config import command_line; command_line.run(lambda _: print('unread'))"
    reading, writing = os.pipe()
    os.close(reading)
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, check=False, cwd=ROOT)
    os.close(writing)
    assert done.returncode == 128 + signal.SIGPIPE
    assert b"Traceback" not in done.stderr and b"BrokenPipe" not in done.stderr
