"""The site: `make site`. Its pages are those that a forge shows, and the docstrings."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tfadv.quiet_start import import_tensorflow

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
HELP = "docs/reference/commands"
COMMANDS = ("train", "evaluate", "export", "data", "reproduce", "compare", "status", "plugins")
# Pages by the heading over them, in the order in which a newcomer may read.
NAVIGATION = {
    "": ["README"],
    "In Python": [
        "docs/python",
        "docs/notebooks/robust_digits",
        "docs/notebooks/own_keras_model",
        "docs/notebooks/own_norm",
        "docs/notebooks/how_robust",
        "docs/notebooks/paper_in_pictures",
    ],
    "Train": ["docs/training", "docs/data", "docs/network", "docs/not_finite"],
    "Evaluate": [
        "docs/evaluation",
        "docs/pictures",
        "docs/red_team",
        "docs/sharing",
        "docs/attack_with_autoattack",
        "docs/attack_with_foolbox",
        "docs/attack_with_art",
        "docs/attack_with_cleverhans",
    ],
    "Plugins": ["docs/plugins"],
    "At scale": ["docs/imagenet", "docs/scaling", "docs/clusters", "docs/speed"],
    "The paper": [
        "docs/paper",
        "docs/reproduce",
        "docs/results/README",
        "docs/results/protocol",
        "docs/results/first_property/first_property/report",
    ],
    "Reference": [
        HELP,
        "docs/reference/python",
        "docs/reference/plots",
        "docs/reference/settings",
        "docs/reference/registry",
        "docs/reference/norms",
        "docs/reference/attacks",
        "docs/reference/strategies",
        "docs/reference/losses",
        "docs/reference/models",
        "docs/reference/optimization",
        "docs/reference/data",
        "docs/reference/trackers",
        "docs/reference/adapters",
        "docs/reference/testing",
    ],
    "The project": ["docs/security", "CONTRIBUTING", "CHANGELOG", "BUILD_NOTES"],
}


project = "tfadv"
release = re.search(r'__version__ = "(.+)"', (ROOT / "tfadv/__init__.py").read_text())[1]
root_doc = "README"
include_patterns = ["*.md", "docs/**"]
# Other folders of a checkout, which are long to walk through.
exclude_patterns = [path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "docs"]

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_heading_anchors = 3  # which links such as data.md#chunks name
nb_execution_mode = "off"  # notebooks are stored with their outputs
highlight_language = "text"
default_role = "py:obj"
add_module_names = False
python_maximum_signature_line_length = 90
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"tfadv {release}"
html_show_copyright = False


def _with_navigation(app: "Sphinx", page: str, source: list[str]) -> None:
    """Adds the navigation to the first page, which a forge shows without it."""
    if page == root_doc:
        for caption, listed in NAVIGATION.items():
            names = ["Getting started <self>" if one == page else f"/{one}" for one in listed]
            options = [":hidden:"] + ([f":caption: {caption}"] if caption else [])
            lines = [*options, "", *names]
            source[0] += "\n```{toctree}\n" + "\n".join(lines) + "\n```\n"


def _with_help(app: "Sphinx", page: str, source: list[str]) -> None:
    """Puts what each command's ``--help`` prints on the page of the commands."""
    if page == HELP:
        for name in COMMANDS:
            words = [sys.executable, "-m", f"tfadv.{name}", "--help"]
            text = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
            source[0] += f"\n## {name}\n\n```text\n{text.stdout}```\n"


def _with_index(app: "Sphinx", failure: Exception | None) -> None:
    """Lets the first page be found where a server looks for it."""
    if failure is None and app.builder.format == "html":
        shutil.copy(app.outdir / f"{root_doc}.html", app.outdir / "index.html")


def setup(app: "Sphinx") -> None:
    """Joins them to the build, and imports what the reference documents."""
    import_tensorflow()
    app.connect("source-read", _with_navigation)
    app.connect("source-read", _with_help)
    app.connect("env-get-outdated", lambda *_: [root_doc, HELP])  # what they take is no file
    app.connect("build-finished", _with_index)
