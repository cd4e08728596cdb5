"""What is installed: modules, recipes and plugins, and that commands find them anywhere."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from shared.project import ROOT

import tfadv

FOLDERS = ("tfadv", "gin", "plugins")
FILES = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "CITATION.cff")
CALL_BACKEND = (
    "import sys; from setuptools import build_meta as b; print(getattr(b, sys.argv[1])('dist'))"
)


def copy_of_the_project(folder: Path) -> Path:
    """Copies what is packaged."""
    for name in FOLDERS:
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=leave)
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    return folder


def build(project: Path, kind: str) -> Path:
    """Builds the 'wheel' or the 'sdist' of a folder."""
    command = [sys.executable, "-c", CALL_BACKEND, f"build_{kind}"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    return project / "dist" / done.stdout.splitlines()[-1]


def contents(wheel: Path) -> set[str]:
    """Returns the paths in a wheel, without its metadata."""
    names = zipfile.ZipFile(wheel).namelist()
    return {name for name in names if not name.startswith(f"tfadv-{tfadv.__version__}.dist-info/")}


def python(path: Path, folder: Path, *arguments: str):
    """Runs Python in a folder, with the package of `path`."""
    environment = os.environ | {"PYTHONPATH": str(path)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_of_the_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def wheel(project):
    """A wheel built where another was built before, of files that are no more."""
    for stale in ("tfadv/judge.py", "tfadv/shipped/gin/old.gin"):
        path = project / "build/lib" / stale
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return build(project, "wheel")


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder such as `pip install --target` makes."""
    folder = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def test_a_wheel_has_modules_recipes_plugins_and_nothing_else(project, wheel):
    modules = [
        path
        for end in ("py", "j2", "css", "txt", "gin")
        for path in project.glob(f"tfadv/**/*.{end}")
    ]
    shipped = [*project.glob("gin/**/*.gin"), *project.glob("plugins/*.py")]
    expected = {str(path.relative_to(project)) for path in modules}
    expected |= {f"tfadv/shipped/{path.relative_to(project)}" for path in shipped}
    assert contents(wheel) == expected | {"tfadv/py.typed"}
    assert {"tfadv/shipped/gin/mbn_alp.gin", "tfadv/shipped/plugins/trades.py"} <= expected


def test_a_source_archive_builds_the_same_wheel(project, wheel, tmp_path):
    with tarfile.open(build(project, "sdist")) as archive:
        archive.extractall(tmp_path)
    (unpacked,) = tmp_path.iterdir()
    assert (unpacked / "CITATION.cff").exists()
    assert contents(build(unpacked, "wheel")) == contents(wheel)


@pytest.mark.parametrize(
    ("recipe", "strategy"),
    [
        pytest.param("gin/mbn_alp.gin", "logit_pairing", marks=pytest.mark.slow),
        ("gin/plugins/trades.gin", "trades"),
    ],
)
def test_an_installed_package_finds_its_recipes_anywhere(installed, tmp_path, recipe, strategy):
    done = python(installed, tmp_path, "-m", "tfadv.train", f"--gin_file={recipe}", "--dry_run")
    assert done.returncode == 0, done.stderr
    assert f"Experiment.strategy = '{strategy}'" in done.stdout


def test_an_installed_package_lists_its_plugins(installed, tmp_path):
    done = python(installed, tmp_path, "-m", "tfadv.plugins")
    assert done.returncode == 0, done.stderr
    assert "plugins.trades" in done.stdout


def test_the_nearest_of_the_installed_recipes_is_named(installed, tmp_path):
    script = "from tfadv.config.gin_files import find_file; find_file('gin/mbn_apl.gin', 'here')"
    done = python(installed, tmp_path, "-c", script)
    assert "no gin file 'gin/mbn_apl.gin'. Did you mean 'gin/mbn_alp.gin'?" in done.stderr


def test_a_checkout_reads_its_own_folders_whatever_lies_in_the_package(tmp_path):
    project = copy_of_the_project(tmp_path / "project")
    shutil.copytree(project / "gin", project / "tfadv/shipped/gin")
    script = "from tfadv.config.gin_files import find_file; print(find_file('gin/gn.gin', 'here'))"
    done = python(project, tmp_path, "-c", script)
    assert done.stdout.strip() == str(project / "gin/gn.gin"), done.stderr


def test_the_citation_is_of_this_version():
    lines = (ROOT / "CITATION.cff").read_text().splitlines()
    assert f"version: {tfadv.__version__}" in lines
