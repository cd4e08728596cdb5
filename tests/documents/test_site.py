"""The site: no page is out of its readers' sight, no part out of the reference."""

import re
import runpy

from shared.documents import COMMAND_FILES, name_of
from shared.project import ROOT

from tfadv import api, plots, registry

CONF = runpy.run_path(str(ROOT / "docs/conf.py"))
MODULES = {
    module
    for page in (ROOT / "docs/reference").glob("*.rst")
    for module in re.findall(r"^\.\. automodule:: (\S+)$", page.read_text(), re.MULTILINE)
}


def test_every_page_has_its_place_in_the_navigation():
    files = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*")]
    pages = (path.relative_to(ROOT) for path in files if path.suffix in (".md", ".rst", ".ipynb"))
    listed = [page for pages in CONF["NAVIGATION"].values() for page in pages]
    assert sorted(listed) == sorted(str(page.with_suffix("")) for page in pages)


def test_every_command_is_on_the_page_of_commands():
    assert sorted(CONF["COMMANDS"]) == sorted(map(name_of, COMMAND_FILES))


def test_every_part_is_in_the_reference():
    ours = {part.__module__ for kind in registry.REGISTRIES for part in kind.parts.values()}
    ours = {module for module in ours if module.startswith("tfadv.")}
    assert len(ours) > 25 and ours <= MODULES


def test_what_the_package_offers_is_in_the_reference():
    offered = [getattr(room, name) for room in (api, plots) for name in room.__all__]
    assert {one.__module__ for one in offered} <= MODULES


def test_what_plugins_import_is_in_the_reference():
    named = ("registry", "norms.base", "attacks.pgd", "errors", "losses", "testing", "adapters")
    assert {f"tfadv.{name}" for name in (*named, "randomness", "strategies.base")} <= MODULES
