"""Python blocks of the documents run, and what their text names is there."""

import ast
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from shared.documents import PAGES, Block, blocks, code_spans
from shared.project import ROOT

from tfadv import config, plots, registry, testing
from tfadv.config import plugin_modules
from tfadv.norms import NormMode
from tfadv.planning.plan import build_plan
from tfadv.testing import templates

# Names that a reader gives, or that a run writes.
MADE = {"writer.lock", "my_norm.py", "my_norm.gin", "config.gin", "operative_config.gin"}
MADE |= {"model_card.md", "report.md"}
FOLDERS = ("benchmarks", "docs", "gin", "plugins", "tests", "tfadv")
WORDS = sorted({span for page in PAGES for span in code_spans(page)})


def python_blocks(name: str) -> list[Block]:
    return [block for block in blocks(ROOT / name) if block.language == "python"]


def test_every_python_block_is_run_by_a_test():
    """Those of the suites' pages by commands/test_adapters.py, which knows one a page."""
    counts = {
        str(page.relative_to(ROOT)): len(python_blocks(page))
        for page in PAGES
        if python_blocks(page)
    }
    suites = {name: count for name, count in counts.items() if "docs/attack_with_" in name}
    assert set(suites.values()) == {1}
    others = {name: count for name, count in counts.items() if name not in suites}
    assert others == {
        "README.md": 1,
        "docs/network.md": 1,
        "docs/pictures.md": 1,
        "docs/plugins.md": 4,
        "docs/python.md": 7,
    }


def run_blocks(name: str, folder, after: str) -> None:
    """Runs the blocks of a page as one program in a folder, and what must hold after it."""
    text = "\n".join(block.text for block in python_blocks(name))
    (folder / "page.py").write_text(f"{text}\n{after}\n")
    command = [sys.executable, folder / "page.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
def test_readmes_block_makes_a_robust_bundle(tmp_path):
    run_blocks(
        "README.md",
        tmp_path,
        "assert result.accuracy('clean', 'adv') > 0.8\n"
        "assert result.accuracy('untargeted_pgd20', 'adv') > 0.4\n"
        "assert (logits.numpy().argmax(-1) == y[1400:]).mean() == result.accuracy('clean', 'adv')",
    )


@pytest.mark.slow
def test_the_blocks_of_the_python_page_run_one_after_the_other(tmp_path):
    run_blocks(
        "docs/python.md",
        tmp_path,
        "assert result.accuracy('clean', 'adv') > 0.8 and again.results == run.results\n"
        "moved = tf.abs(adversarial - x)\n"
        "assert 1 < tf.reduce_max(moved) <= 32 + 1e-3",
    )


def test_the_block_of_the_pictures_page_draws(tmp_path, monkeypatch):
    """And the page's table names every function that there is, and none that there is not."""
    monkeypatch.chdir(tmp_path)
    found: dict = {}
    (block,) = python_blocks("docs/pictures.md")
    exec(compile(block.text, block.where, "exec"), found)
    assert (tmp_path / "surface.png").read_bytes().startswith(b"\x89PNG")
    assert len(found["gradients"].axes) == 4 and len(found["statistics"].axes) == 2
    named = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/pictures.md").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(plots.__all__)


@pytest.mark.usefixtures("forget_plugins")
def test_the_network_of_the_networks_page_is_one(tmp_path, monkeypatch):
    """Its file and its gin file, as the page has them: two branches, the same for attacks."""
    (network,) = python_blocks("docs/network.md")
    (overlay,) = (block for block in blocks(ROOT / "docs/network.md") if not block.language)
    (tmp_path / "ideas").mkdir()
    assert ast.get_docstring(ast.parse(network.text)) == "ideas/my_network.py"
    assert overlay.text.startswith("# ideas/my_network.gin\n")
    (tmp_path / "ideas/my_network.py").write_text(network.text)
    (tmp_path / "ideas/my_network.gin").write_text(overlay.text)
    monkeypatch.chdir(tmp_path)
    read = config.read(["gin/mbn_alp.gin", "ideas/my_network.gin"], plugin_dirs=["ideas"])
    plan = build_plan(read)
    model = plan.build_model()
    assert type(model).__name__ == "MyNetwork" and model.branches == ("clean", "adv")
    images = tf.random.uniform((4, *model.image_shape), 0, 255, seed=0)
    for mode in map(NormMode, model.branches):
        logits = model(images, mode=mode)
        assert logits.shape == (4, plan.splits.train.classes)
        np.testing.assert_allclose(model.logits_fn(mode)(images), logits, atol=1e-5)


@pytest.mark.usefixtures("forget_plugins")
def test_the_norm_of_the_plugins_page_is_one(tmp_path, monkeypatch):
    """Its file and its recipe, as the page has them, under the conformance kit."""
    norm = python_blocks("docs/plugins.md")[0]
    (recipe,) = (block for block in blocks(ROOT / "docs/plugins.md") if not block.language)
    (tmp_path / "ideas").mkdir()
    assert ast.get_docstring(ast.parse(norm.text)) == "ideas/my_norm.py"
    assert recipe.text.startswith("# ideas/my_norm.gin\n")
    (tmp_path / "ideas/my_norm.py").write_text(norm.text)
    (tmp_path / "ideas/my_norm.gin").write_text(recipe.text)
    monkeypatch.chdir(tmp_path)
    read = config.read(["ideas/my_norm.gin"], plugin_dirs=["ideas"])
    assert read.values["Experiment.norm"] == "my_norm" and read.values["MyNorm.epsilon"] == 1e-5
    for check in testing.checks("norm", "my_norm")[:3]:
        check()


def test_the_model_of_the_plugins_page_is_what_new_writes(tmp_path):
    """Which conforms and trains: commands/test_plugins.py."""
    plugin, _ = templates.write("model", "my_model", tmp_path)
    assert python_blocks("docs/plugins.md")[1].text.strip() == plugin.read_text().strip()


@pytest.mark.slow
def test_the_test_of_the_plugins_page_passes(tmp_path):
    norm, _, test, _ = python_blocks("docs/plugins.md")
    (tmp_path / "ideas").mkdir()
    (tmp_path / "ideas/my_norm.py").write_text(norm.text)
    (tmp_path / "test_my_norm.py").write_text(test.text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_my_norm.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 15


def test_the_entry_point_of_the_plugins_page_is_the_one_looked_for():
    """Packages with it are installed and found in config/test_plugin_modules.py."""
    stated = {}
    exec(python_blocks("docs/plugins.md")[3].text, {"setup": stated.update})
    assert list(stated["entry_points"]) == [plugin_modules.ENTRY_POINTS]
    (entry,) = stated["entry_points"][plugin_modules.ENTRY_POINTS]
    assert entry.endswith(f"= {stated['py_modules'][0]}")


def _load_every_plugin():
    config.with_plugins()
    for module in plugin_modules.in_folders():
        plugin_modules.load(module, "plugin folder")


@pytest.mark.usefixtures("forget_plugins")
def test_parameters_that_the_text_names_exist():
    _load_every_plugin()
    known, count = registry.configurables(), 0
    for span, where in WORDS:
        named = re.match(r"(?:\w+/)*(\w+)\.(?!gin$)(\w+)( = .*)?$", span)
        if named and (named[1] in known or named[3]):
            assert named[2] in known.get(named[1], ()), f"{where}: {span}"
            count += 1
    assert count > 40


@pytest.mark.usefixtures("forget_plugins")
def test_bindings_that_the_text_names_are_read():
    _load_every_plugin()
    bindings = [(span, at) for span, at in WORDS if re.match(r"[\w/]+\.\w+ = [^…]+$", span)]
    assert len(bindings) > 10
    for span, where in bindings:
        read = config.read(["gin/mbn_alp.gin"], [span])
        key, _, value = span.partition(" = ")
        assert read.values[key] == ast.literal_eval(value), where


def test_files_that_the_text_names_exist():
    names = {path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*")}
    names |= {path.name for path in ROOT.glob("*")}
    for span, where in WORDS:
        if re.fullmatch(r"[\w/.]+\.(py|gin|md|lock|toml)", span):
            assert span.rpartition("/")[2] in names | MADE, f"{where}: {span}"


def test_flags_that_the_text_names_exist():
    sources = "".join(path.read_text() for path in (ROOT / "tfadv").rglob("*.py"))
    defined = set(re.findall(r'(?:flags\.DEFINE_\w+|_Answer)\(\s*"(\w+)"', sources))
    used = {(flag, where) for span, where in WORDS for flag in re.findall(r"(?:^|\s)--(\w+)", span)}
    assert len(used) > 10
    for flag, where in used:
        assert flag in defined, f"{where}: --{flag}"
