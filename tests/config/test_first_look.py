"""Mistakes that text tells are refused at once; what plugins may register is left for later."""

import pytest

from tfadv import registry
from tfadv.config import first_look, plugin_modules
from tfadv.errors import UserError

RECIPE = ["gin/mbn.gin"]


@pytest.fixture(autouse=True)
def no_plugins_installed(monkeypatch):
    monkeypatch.setattr(plugin_modules, "are_installed", lambda: False)


@pytest.mark.parametrize(
    ("files", "bindings", "message"),
    [
        (["gin/mbm.gin"], [], "no gin file 'gin/mbm.gin'. Did you mean 'gin/mbn.gin'"),
        ([*RECIPE, "gin/alp.gin"], [], "gin/alp.gin chooses Experiment.strategy and so does"),
        (RECIPE, ["PGD.steps 3"], "--gin_bindings='PGD.steps 3': not a gin statement"),
        (RECIPE, ["PGD.step = 3"], "PGD has no parameter 'step'"),
        (RECIPE, ["eval/PDG.steps = 3"], "nothing is called 'PDG'"),
        (
            RECIPE,
            ["Experiment.norm = 'grup_norm'"],
            "no norm is called 'grup_norm'; .*_norm",
        ),
        (RECIPE, ["Experiment.attack = 'x/pdg'"], "no attack is called 'pdg'; .*'pgd'"),
        (RECIPE, ["include 'gin/attack/pgd6.gin'"], "no gin file 'gin/attack/pgd6.gin'"),
        (RECIPE, ["Trades.beta = 3"], "'plugins.trades' defines it: import plugins.trades first"),
    ],
)
def test_a_mistake_is_refused(files, bindings, message, monkeypatch):
    monkeypatch.setattr(registry, "configurables", dict)  # as in a command that begins
    with pytest.raises(UserError, match=message):
        first_look.check(files, bindings)


def test_a_mistake_in_a_file_is_named_with_its_line(tmp_path):
    (tmp_path / "mine.gin").write_text("PGD.steps = 3\nPDG:\n  steps = 3\n")
    with pytest.raises(UserError, match=r"mine.gin:2: nothing is called 'PDG'"):
        first_look.check([*RECIPE, str(tmp_path / "mine.gin")], [])


@pytest.mark.parametrize(
    "given",
    [
        {"bindings": ["My.x = 3", "Experiment.norm = 'my_norm'", "import plugins.mine"]},
        {"bindings": ["Experiment.norm = 'wrong'", "Experiment.norm = 'group_norm'"]},
        {"bindings": ["My.x = 3"], "plugins": ["plugins.mine"]},
        {"bindings": ["My.x = 3"], "may_join": True},
        {"bindings": ["STEPS = 3", "PGD.steps = %STEPS", "AdamW.epsilon = 1e-7"]},
        {"bindings": ["include 'gin/attack/pgd5.gin'", "Schedule.points = ((0, 1),)"]},
        {"bindings": []},
    ],
)
def test_what_only_an_import_tells_is_left_to_it(given):
    first_look.check(RECIPE, **given)


def test_what_an_installed_package_may_bring_is_left_to_it(monkeypatch):
    monkeypatch.setattr(plugin_modules, "are_installed", lambda: True)
    first_look.check(RECIPE, ["My.x = 3"])
    with pytest.raises(UserError, match="PGD has no parameter 'step'"):
        first_look.check(RECIPE, ["PGD.step = 3"], plugins=["plugins.mine"])
