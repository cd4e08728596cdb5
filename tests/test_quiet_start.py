"""Commands print no start-up lines of TensorFlow's, and whatever else there is to say."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from shared.documents import COMMAND_FILES, name_of
from shared.project import ROOT

from tfadv.kept import FOLDER

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
RECIPE = "--gin_file=gin/mbn_alp.gin"
# What takes their imports, and prints something or is refused in a line.
COMMANDS = {
    "compare": ["--recipe=gin/mbn.gin", "--seeds=x", "--output_dir=runs/none"],
    "data": ["--folder=gin/nowhere"],
    "evaluate": ["--model_dir=gin/nowhere"],
    "export": ["--model_dir=gin/nowhere", "--output_dir=runs/none"],
    "plugins": [],
    "reproduce": ["--list"],
    "status": ["gin/nowhere"],
    "train": [RECIPE, "--dry_run"],
}
# As TensorFlow 2.21 prints them where there is no GPU.
START_UP = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795829528.525805    8552 port.cc:153] oneDNN custom operations are on.
I0000 00:00:1795829528.526132    8552 cudart_stub.cc:31] Could not find cuda drivers.
E0000 00:00:1795829532.266240    8552 cuda_platform.cc:52] failed call to cuInit: INTERNAL: (303)
"""
OUT_OF_THE_ORDINARY = """\
E0000 00:00:1795829532.266240    8552 cuda_platform.cc:52] failed call to cuInit: INTERNAL: (999)
W0000 00:00:1795829532.266240    8552 gpu_device.cc:1] Cannot dlopen some GPU libraries.
 I0000 is how this line of no log begins
"""
STAND_IN = f"""
import os, sys, types, warnings
os.write(2, {(START_UP + OUT_OF_THE_ORDINARY).encode()!r})
print("from Python", file=sys.stderr)
warnings.warn("an old NumPy")
config = types.SimpleNamespace(list_physical_devices=lambda: os.write(2, b"devices\\n"))
"""
PARTS_OF_KERAS = """
import gc, inspect, sys
from tfadv.quiet_start import import_tensorflow
import_tensorflow()
import keras
import tfadv.training.trainer
inspect.getmodule(sys._getframe())  # which asks all modules for their files
print(sorted({"sklearn", "matplotlib"} & {*sys.modules}), gc.isenabled())
print(keras.wrappers.SKLearnClassifier.__name__, keras.visualization.plot_image_gallery.__name__)
"""
OTHERS = [*OUT_OF_THE_ORDINARY.splitlines(), "from Python"]


def run(*arguments: str, path: Path = ROOT, level: str | None = None):
    """Runs Python, its log level that of a user who has set none, or `level`."""
    environment = {name: value for name, value in os.environ.items() if name != LEVEL}
    environment |= {"PYTHONPATH": f"{path}:{ROOT}"} | ({LEVEL: level} if level else {})
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Returns a function that puts a module in TensorFlow's place, and its folder."""
    monkeypatch.setenv(FOLDER, str(tmp_path / "kept"))  # nothing is answered without it

    def write(ending: str = "") -> Path:
        (tmp_path / "tensorflow.py").write_text(STAND_IN + ending)
        return tmp_path

    return write


def test_every_command_is_tried():
    assert set(map(name_of, COMMAND_FILES)) == set(COMMANDS)


# Their start is that of the others.
SLOW = {"compare", "data", "evaluate", "export"}


@pytest.mark.parametrize(
    "command",
    [pytest.param(c, marks=pytest.mark.slow if c in SLOW else ()) for c in COMMANDS],
)
def test_a_command_prints_nothing_but_its_output(command):
    done = run("-m", f"tfadv.{command}", *COMMANDS[command])
    if done.returncode:
        assert done.stdout == "" and re.fullmatch("error: .*\n", done.stderr)
    else:
        assert done.stdout and done.stderr == ""


def test_only_start_up_lines_are_left_out(stand_in):
    done = run("-m", "tfadv.plugins", path=stand_in())
    lines = done.stderr.splitlines()
    assert lines[: len(OTHERS)] == OTHERS
    assert "an old NumPy" in lines[len(OTHERS)]
    assert lines.index("devices") < lines.index("Traceback (most recent call last):")
    # Raised once the start is over: this is no TensorFlow.
    assert lines[-1].startswith(("AttributeError: ", "ModuleNotFoundError: "))


def test_an_error_of_the_import_is_shown(stand_in):
    broken = stand_in("raise ImportError('libcudart.so')")
    done = run("-m", "tfadv.train", RECIPE, path=broken)
    assert done.returncode == 1
    assert done.stderr.splitlines()[: len(OTHERS)] == OTHERS
    assert done.stderr.endswith("ImportError: libcudart.so\n")


def test_the_last_words_of_a_crash_are_shown(stand_in):
    crash = stand_in("os.write(2, b'F0000 no AVX')\nos.abort()")
    done = run("-m", "tfadv.train", RECIPE, path=crash)
    assert done.returncode < 0
    assert done.stderr.endswith("F0000 no AVX")


@pytest.mark.parametrize("level", ["1", "3"])
def test_a_log_level_of_the_user_s_stays(stand_in, level):
    text = f"raise ImportError(os.environ['{LEVEL}'])"
    done = run("-m", "tfadv.train", RECIPE, path=stand_in(text), level=level)
    assert done.stderr.endswith(f"ImportError: {level}\n")
    assert "oneDNN" not in done.stderr


def test_who_asks_for_every_message_gets_every_message(stand_in):
    done = run("-m", "tfadv.plugins", path=stand_in(), level="0")
    assert done.stderr.startswith(START_UP + OUT_OF_THE_ORDINARY)


def test_the_library_leaves_the_process_alone():
    script = f"print('tensorflow' in sys.modules, os.environ.get('{LEVEL}'))"
    done = run("-c", f"import os, sys, tfadv; {script}")
    assert (done.stdout, done.stderr) == ("False None\n", "")


def test_what_no_command_uses_is_imported_where_it_is_used():
    done = run("-c", PARTS_OF_KERAS)
    assert done.stdout == "[] True\nSKLearnClassifier plot_image_gallery\n"
