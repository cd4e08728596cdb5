"""Recipes, scales and overlays: what each may bind, in any order, and that it says its source."""

import itertools
from pathlib import Path

import gin
import pytest
import tensorflow as tf
from shared.modern_recipes import MODERN, SMOKE
from shared.project import GIN, NETWORKS, OVERLAYS, RECIPES, ROOT, SCALES

from tfadv import config
from tfadv.config.evaluation_settings import Evaluation
from tfadv.planning.plan import build_plan
from tfadv.registry import configured


def bound(*files):
    """Returns scope, name and parameter of everything that gin files bind."""
    gin.clear_config()
    for file in files:
        config.Config().read_file(file)
    return {(*key, name) for key, values in gin.config._CONFIG.items() for name in values}


def test_recipes_and_scales_bind_disjoint_parameters():
    recipes = set().union(*(bound(f"gin/{recipe}.gin") for recipe in RECIPES))
    scales = set().union(*(bound(f"gin/scale/{scale}.gin") for scale in SCALES))
    assert recipes and scales and not recipes & scales


@pytest.mark.parametrize(("recipe", "scale"), itertools.product(RECIPES, SCALES))
def test_recipe_and_scale_read_the_same_in_any_order(recipe, scale):
    files = [f"gin/{recipe}.gin", f"gin/scale/{scale}.gin"]
    there = config.read(files).text()
    assert there == config.read(files[::-1]).text()
    assert f"Experiment.scale = '{scale}'" in there


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_plans_at_the_default_scale_and_says_its_source(recipe):
    config.read([f"gin/{recipe}.gin"], ["digits.test_examples = 100"])
    plan = build_plan()
    assert plan.experiment.scale == "digits" and len(plan.splits.test) == 100
    head = (ROOT / "gin" / f"{recipe}.gin").read_text().split("include")[0]
    assert "Paper" in head and f"--gin_file=gin/{recipe}.gin" in head


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_says_its_source_and_its_command(overlay):
    head = (ROOT / overlay).read_text()
    assert "Paper" in head and f"--gin_file={overlay}" in head and "ot run" in head


@pytest.mark.parametrize("overlay", NETWORKS)
def test_every_network_goes_with_a_recipe_and_a_scale(overlay):
    assert f"--gin_file={overlay}" in (ROOT / overlay).read_text()
    sizes = ["synthetic.image_size = 32", "synthetic.classes = 10"]
    config.read([overlay, "gin/mbn.gin", "gin/scale/smoke.gin"], sizes)
    model = build_plan().build_model()
    assert model(tf.zeros([2, 32, 32, 3])).shape == (2, 10)
    assert len(model.norms) > 8 and model.branches == ("clean", "adv")


@pytest.mark.parametrize("name", MODERN)
def test_a_modern_recipe_and_its_sizes_bind_disjoint_parameters(name):
    """So that the recipe goes with any scale."""
    recipe = bound(f"gin/modern/{name}.gin")
    scales = [f"gin/scale/{scale}.gin" for scale in SCALES] + [SMOKE]
    sizes = set().union(*map(bound, [*scales, f"gin/modern/scale/{name}.gin"]))
    assert recipe and not recipe & sizes


@pytest.mark.parametrize("name", MODERN)
def test_a_modern_recipe_says_its_numbers_and_that_it_was_not_run(name):
    head = (GIN / "modern" / f"{name}.gin").read_text().split("include")[0]
    text = " ".join(line.lstrip("# ") for line in head.splitlines())
    for accuracy in MODERN[name].accuracy:
        assert f"{accuracy}% " in text
    assert f"{MODERN[name].flops} FLOP in all, by --dry_run. Not run at this scale." in text
    for file in (f"gin/modern/{name}.gin", f"gin/modern/scale/{name}.gin"):
        assert f"--gin_file={file}" in (ROOT / file).read_text()


def test_the_table_of_modern_recipes_has_their_numbers():
    rows = (ROOT / "docs/training.md").read_text().splitlines()
    for name, said in MODERN.items():
        (row,) = (row for row in rows if row.startswith(f"| `{name}.gin`"))
        numbers = said.accuracy if name != "fine_advprop" else said.accuracy[:1]  # no attack
        assert all(f"| {number}" in row for number in (*numbers, said.flops)), row


def test_no_init_file_turns_the_recipes_into_a_package():
    assert not any((ROOT / folder / "__init__.py").exists() for folder in ("gin", "gin/scale"))
    assert Path(gin.__file__).parent != ROOT / "gin"


@pytest.mark.parametrize(
    ("overlay", "steps"), [("quick", [20]), ("paper_curve", [10, 20, 100, 500, 2000])]
)
def test_evaluation_overlays_go_with_any_recipe_and_scale(overlay, steps):
    file = f"gin/eval/{overlay}.gin"
    assert f"--gin_file={file}" in (ROOT / file).read_text()
    config.read([file, "gin/gn.gin", "gin/scale/cifar10.gin"])
    attacks = configured(Evaluation).build_attacks().values()
    assert [attack.steps for attack in attacks] == steps
