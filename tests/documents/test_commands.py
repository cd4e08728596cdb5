"""Every command of README.md, docs/, CONTRIBUTING.md, `--help` and the heads of gin files runs.

In a copy of the project whose digits and CIFAR-10 scales train for an epoch or two and
evaluate 16 images (`documented_project.SMALLER`), in the order in which a reader meets
them: what one command leaves feeds the next. Commands at the scales of hours are run with
``--dry_run``; what needs machines, a terminal or another environment is in `INSTEAD`,
with the reason. A command that is new in a document is run as it stands.
"""

import time
from itertools import chain
from typing import NamedTuple

import pytest
from shared.documented_project import Workplace
from shared.documents import (
    COMMAND_FILES,
    GIN_FILES,
    PAGES,
    Command,
    blocks,
    commands,
    examples,
    head_bindings,
    head_commands,
)
from shared.project import ROOT

from tfadv import config
from tfadv.errors import UserError
from tfadv.planning.plan import build_plan

# Their training takes hours, or images that nobody may hand on.
HOURS = ("cifar10", "imagenet", "imagenet_1gpu", "imagenet_8gpu")
# Placeholders, and what a reader may put there.
FILLED = {"RECIPE.gin": "mbn_alp.gin", "SCALE.gin": "imagenet_8gpu.gin"}
WORDS_ARE_KNOWN, PLAN = "its words are known", "plan"


class Instead(NamedTuple):
    """What is done in place of running a command.

    Attributes:
        begins: how such commands begin.
        done: a line for the shell, in which {} is the command; `PLAN`, which builds
            everything that the configuration names; `WORDS_ARE_KNOWN`, which looks for its
            flags in the source; None for nothing.
        why: the reason.
    """

    begins: str
    done: str | None
    why: str


TRAIN = "python -m tfadv.train "
MADE_BY_MAKE = TRAIN + "--gin_file=gin/mbn_alp.gin"
INSTEAD = (
    Instead("make ", "{} --dry-run", "make train is the command below it, the others are tests"),
    Instead(".ci/run", "bash -n {}", "make's targets, which are tried one by one"),
    Instead("$EDITOR ", None, "an editor"),
    Instead("tensorboard ", "{} --inspect", "a server"),
    Instead("hf upload ", None, "the Hugging Face hub"),
    Instead("pip install ", None, "a wheel of the package is installed by tests of its own"),
    Instead("python -m pip install ", None, "make test-suites; see the test of the versions"),
    Instead("python3 -m venv .venv-benchmarks", None, "an environment of gigabytes"),
    Instead(".venv-benchmarks/bin/pip ", None, "an environment of gigabytes"),
    Instead(".venv-benchmarks/bin/python ", WORDS_ARE_KNOWN, "minutes to hours, with the peers"),
    Instead(".venv-suites/bin/python ", WORDS_ARE_KNOWN, "minutes, with the suites"),
    Instead("export ", None, "folders and machines that are not here: what follows is planned"),
    Instead("srun ", PLAN, "16 machines"),
    Instead("sbatch ", None, "no Slurm here; the scripts have tests of their own"),
    Instead("kubectl ", None, "no cluster here; the files have tests of their own"),
    Instead(
        "python -m tfadv.evaluate --saved_model=theirs --pixel_range=0,1 --pixel_mean",
        PLAN,
        "ImageNet, and a model of PyTorch's",
    ),
    Instead("python -m tfadv.evaluate --saved_model=caffe ", PLAN, "ImageNet, and Caffe's model"),
    Instead(
        "python -m tfadv.evaluate --model_dir=runs/mbn-cifar10 ",
        PLAN,
        "10,000 images of CIFAR-10; what it would write is in the folder",
    ),
    Instead(TRAIN + "--replay=runs/mbn-imagenet", None, "a step of ImageNet that went wrong"),
    Instead(
        TRAIN + "--gin_file=gin/mbn_alp.gin --gin_file=gin/scale/imagenet.gin --gin_bindings="
        "\"Distribution.kind = 'tpu'\"",
        PLAN,
        "a TPU",
    ),
    Instead(
        TRAIN + "--gin_file=gin/mbn_alp.gin --gin_file=gin/scale/imagenet.gin "
        "--gin_file=gin/pytorch/resnet50.gin",
        PLAN,
        "PyTorch's weights, which nobody may fetch here",
    ),
    Instead(
        "python -m tfadv.compare --recipe=gin/clean.gin",
        PLAN,
        "28 trainings on CIFAR-10; the comparison on digits is run",
    ),
)
# In the heads of gin files: what a reader fills in.
HEADS_LEFT_OPEN = ("python -m tfadv.export --branch=clean …",)


def instead_of(command: Command) -> Instead | None:
    """Returns what is done in place of a command; None where it is run as it stands."""
    for instead in INSTEAD:
        if command.text.startswith(instead.begins):
            return instead
    scales = [file.split("/")[-1].removesuffix(".gin") for file in command.values("gin_file")]
    if command.text.startswith(TRAIN) and set(scales) & set(HOURS):
        dry = "{}" if "--dry_run" in command.words else "{} --dry_run"
        return Instead(TRAIN, dry, "hours")
    return None


def documented() -> list[Command]:
    """Returns the commands of the pages, then those of `--help`, in order.

    Each comes once, whatever the order of its flags.
    """
    of_pages = (block for page in PAGES for block in blocks(page) if block.language == "sh")
    found = {}
    for command in chain(*map(commands, of_pages), *map(examples, COMMAND_FILES)):
        found.setdefault(tuple(sorted(command.words)), command)
    return list(found.values())


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    return Workplace(tmp_path_factory.mktemp("documented"))


def unplanned(command: Command) -> str:
    """Builds whatever a command's configuration names, without a device or a model.

    Returns:
        Why that can't be built, '' where it can.
    """
    # An evaluation has a scale, and no recipe of its own.
    own = ["gin/mbn_alp.gin"] if "tfadv.evaluate" in command.words else [None]
    for recipe in command.values("recipe") or own:
        files = [*filter(None, [recipe]), *command.values("gin_file")]
        try:
            config.read(files, command.values("gin_bindings"))
            build_plan()
        except UserError as error:
            return error.message
    return ""


def unknown_words(command: Command) -> list[str]:
    """Returns the flags and values of a benchmark's command that its source does not have."""
    module = command.words[command.words.index("-m") + 1]
    source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text()
    source += (ROOT / "benchmarks/cases.py").read_text()
    given = [word.partition("=")[0] for word in command.words[command.words.index(module) + 1 :]]
    given = [word for word in given if not (word.isdecimal() or word.isupper())]  # left open
    return [word for word in given if f'"{word}"' not in source]


def outcome(command: Command, workplace: Workplace) -> str:
    """Does what is done with a command; returns what is wrong, '' where nothing is."""
    instead = instead_of(command)
    if instead and instead.done is None:
        return ""
    if instead and instead.done is PLAN:
        return unplanned(command)
    if instead and instead.done is WORDS_ARE_KNOWN:
        return " ".join(unknown_words(command))
    text = command.text.partition(" #")[0]
    for placeholder, name in FILLED.items():
        text = text.replace(placeholder, name)
    done = workplace.run(instead.done.format(text) if instead else text)
    if done.returncode:
        return f"exit status {done.returncode}: {done.stderr[-2000:]}"
    return missing_output(command, done.stdout, workplace)


def columns(text: str) -> list[str]:
    """Returns the names over the first table's columns."""
    header = next(line for line in text.splitlines() if line.startswith("┃"))
    return [cell.strip() for cell in header.strip("┃").split("┃")]


def missing_output(command: Command, printed: str, workplace: Workplace) -> str:
    """Returns what README promises of a command's output and is not there."""
    if command.text.startswith("make train") and MADE_BY_MAKE not in printed:
        return f"make train is another command: {printed}"
    if command.text == MADE_BY_MAKE:
        (shown,) = (block for block in blocks(ROOT / "README.md") if block.language == "text")
        same = columns(shown.text) == columns(printed)
        return "" if same else f"README's table is another: {printed}"
    missing = []
    outputs = command.values("output") if "tfadv.evaluate" in command.words else []
    for record in (workplace.project / output for output in outputs):
        report = record.with_name(f"{record.stem}_report") / "report.html"
        beside = (record, record.with_suffix(".images.jsonl"), report)
        missing += [f"no {path}" for path in beside if not path.is_file()]
    return ", ".join(missing)


@pytest.mark.slow
def test_every_command_runs(workplace, monkeypatch):
    monkeypatch.chdir(workplace.project)
    monkeypatch.setenv("TFADV_DATA_DIR", str(workplace.data))
    failed = {}
    for command in documented():
        start = time.monotonic()
        wrong = outcome(command, workplace)
        print(f"{time.monotonic() - start:6.1f} s  {command.where}: {command.text}", flush=True)
        if wrong:
            failed[f"{command.where}: {command.text}"] = wrong
    assert not failed, "\n".join(f"{command}\n    {wrong}" for command, wrong in failed.items())


@pytest.mark.slow
def test_every_command_of_a_gin_files_head_is_planned(workplace, monkeypatch):
    """Built and checked in one process: the recipes are trained by recipes/test_training.py."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(workplace.data / "tfds"))
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(workplace.data / "tfds"))
    monkeypatch.delenv("IMAGENET_DIR", raising=False)
    # Of gin/modern/scale/wrn28_10_generated.gin; any images will do.
    monkeypatch.setenv("GENERATED_IMAGES", str(workplace.data / "cifar10" / "train_10k.npz"))
    count = 0
    for file in GIN_FILES:
        for command in head_commands(file):
            count += 1
            named = f"--gin_file={file.relative_to(ROOT)}"
            if command.text in HEADS_LEFT_OPEN:
                continue
            assert named in command.words, f"{command.where} is the command of another file"
            of_a_run = command.text.startswith("python -m tfadv.evaluate --model_dir=RUN ")
            assert of_a_run or command.text.startswith(TRAIN), f"{command.where}: {command.text}"
            assert not unplanned(command), f"{command.where}: {command.text}"
    assert count >= 50


@pytest.mark.parametrize("file", [f for f in GIN_FILES if head_bindings(f)], ids=lambda f: f.stem)
def test_bindings_that_heads_offer_are_read(file):
    name = str(file.relative_to(ROOT))
    recipe = [] if "Experiment.strategy" in config.values_of([name]) else ["gin/mbn_alp.gin"]
    read = config.read([*recipe, name], head_bindings(file))
    for binding in head_bindings(file):
        key, _, value = binding.partition(" = ")
        assert repr(read.values[key]) == value


def test_shell_blocks_say_so():
    """Commands in a block of another name would escape."""
    known = {"sh", "python", "text", ""}
    found = {block.language: block.where for page in PAGES for block in blocks(page)}
    assert set(found) <= known, found
    for page in PAGES:
        for block in blocks(page):
            if block.language in ("text", ""):
                assert "python -m" not in block.text, block.where


@pytest.mark.parametrize("instead", INSTEAD, ids=lambda instead: instead.begins[:40])
def test_nothing_is_left_out_that_no_page_has(instead):
    assert any(command.text.startswith(instead.begins) for command in documented())


def test_pages_install_the_versions_that_are_tested():
    tested = (ROOT / "requirements-suites.txt").read_text().split()
    installs = [c for c in documented() if c.text.startswith("python -m pip install ")]
    assert len(installs) == 6
    for command in installs:
        for package in command.words[4:]:
            assert package in tested, f"{command.where}: {package}"
