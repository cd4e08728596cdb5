"""Gin files, bindings, plugins and registries: what is found and what is refused."""

import itertools
from pathlib import Path

import gin
import numpy as np
import pytest

from tfadv import config
from tfadv.config.evaluation_settings import Evaluation
from tfadv.errors import UserError
from tfadv.planning.plan import build_plan
from tfadv.registry import Registry, configured
from tfadv.runs.run_directory import RunDirectory, default_path

ROOT = Path(__file__).resolve().parent.parent
RECIPES = sorted(path.stem for path in (ROOT / "gin").glob("*.gin") if path.stem != "base")
OVERLAYS = sorted(
    str(path.relative_to(ROOT))
    for folder in ("attack", "batch", "depth", "table3", "finetune", "released")
    for path in (ROOT / "gin" / folder).glob("*.gin")
)
SCALES = sorted(path.stem for path in (ROOT / "gin" / "scale").glob("*.gin"))


def bound(*files):
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


def test_overlays_win_over_recipe_and_scale_in_any_order():
    files = ["gin/mbn.gin", "gin/attack/pgd5.gin", "gin/scale/cifar10.gin", "gin/depth/152.gin"]
    texts = {config.read(order).text() for order in itertools.permutations(files)}
    assert len(texts) == 1
    plan_values = config.read(files).values
    assert plan_values["PGD.steps"] == 5 and plan_values["ResNet.blocks"] == (3, 8, 36, 3)
    assert plan_values["Training.epochs"] == 110  # from the scale


def test_a_recipe_may_override_its_scale():
    files = ["gin/table3/1_original.gin", "gin/scale/imagenet.gin"]
    for order in (files, files[::-1]):
        assert config.read(order).values["Training.epochs"] == 220


def test_bindings_win_and_are_kept():
    read = config.read(["gin/mbn_alp.gin"], ["PGD.steps = 3"])
    assert build_plan().attack.steps == 3
    assert read.where("PGD.steps") == "--gin_bindings='PGD.steps = 3'"
    assert read.where("PGD.epsilon") == f"{config.DEFAULT_SCALE}:" + str(
        1 + (ROOT / config.DEFAULT_SCALE).read_text().splitlines().index("PGD.epsilon = 64.0")
    )


def test_a_part_can_be_built_in_a_scope_of_its_own():
    bindings = ["Experiment.attack = 'mine/pgd'", "mine/PGD.steps = 3", "PGD.steps = 5"]
    config.read(["gin/mbn.gin"], bindings)
    plan = build_plan()
    assert plan.attack.steps == 3 and plan.attack.epsilon == 64


def test_evaluation_attacks_start_at_random_and_have_their_steps():
    config.read(["gin/mbn.gin"])
    plan = build_plan()
    assert plan.attack.clean_start_probability == 0.2
    steps = {spec: attack.steps for spec, attack in plan.evaluation_attacks.items()}
    assert steps == {"pgd10/pgd": 10, "pgd100/pgd": 100}
    for attack in plan.evaluation_attacks.values():
        assert attack.clean_start_probability == 0 and attack.epsilon == plan.attack.epsilon


@pytest.mark.parametrize(
    ("files", "bindings", "told"),
    [
        (["gin/mbn_apl.gin"], [], "--gin_file: no gin file 'gin/mbn_apl.gin'.*'gin/mbn_alp.gin'"),
        (["gin/mbn.gin"], ["PGD.step = 3"], "PGD has no parameter 'step'.*Did you mean 'steps'"),
        (["gin/mbn.gin"], ["PDG.steps = 3"], "nothing is called 'PDG'. Did you mean 'PGD'"),
        (["gin/mbn.gin"], ["PGD.steps 3"], "gin_bindings='PGD.steps 3'"),
        (["gin/mbn.gin"], ["PGD.steps = %MISSING"], "MISSING"),
        (["gin/mbn.gin"], ["Experiment.norm = 'groupnorm'"], "no norm.*Did you mean 'group_norm'"),
        (["gin/mbn.gin"], ["Experiment.dataset = 'digit'"], "Did you mean 'digits'"),
        (["gin/mbn.gin"], ["Evaluation.attacks = ('pgd10/pdg',)"], "Did you mean 'pgd'"),
        (["gin/mbn.gin"], ["PGD.epsilon = -1"], "PGD.epsilon must be >= 0"),
        (["gin/mbn.gin"], ["Training.batch_size = 5000"], "be <= 1297, the number of training im"),
        (["gin/mbn.gin"], ["NormPolicy.freeze = 'stats'"], "Did you mean 'statistics'"),
        (["gin/scale/digits.gin"], [], "Experiment.norm is not set"),
        (["gin/mbn.gin"], ["PGD.steps = '3'"], "PGD.steps must be of type int, got '3'"),
        (["gin/mbn.gin"], ["PGD.targeted = 1"], "PGD.targeted must be of type bool, got 1"),
        (["gin/mbn.gin"], ["Training.epochs = 2.5"], "Training.epochs must be of type int"),
        (["gin/mbn.gin"], ["ResNet.blocks = 3"], "ResNet.blocks must be of type .*Sequence"),
        (["gin/mbn.gin"], ["Evaluation.attacks = ('pgd')"], "Evaluation.attacks must be of type"),
        (["gin/mbn.gin"], ["evl/PGD.steps = 3"], "the scope 'evl'. Did you mean 'eval'"),
        (["gin/mbn.gin", "gin/alp.gin"], [], "gin/alp.gin chooses Experiment.strategy and so does"),
        (["gin/mbn.gin", "gin/scale/smoke.gin", "gin/scale/digits.gin"], [], "one scale"),
        (["gin/mbn.gin"], ["Distribution.kind = 'mirored'"], "Did you mean 'mirrored'"),
    ],
)
def test_mistakes_are_told_in_one_line(files, bindings, told):
    with pytest.raises(UserError, match=told) as caught:
        config.read(files, bindings)
        plan = build_plan()
        plan.experiment.build_model(plan.splits)
    assert "\n" not in caught.value.message


def test_a_wrong_line_is_told_with_its_file_and_number(tmp_path):
    path = tmp_path / "mine.gin"
    path.write_text("# a comment\ninclude 'gin/mbn.gin'\n\nPGD.stepsize = 2\n")
    with pytest.raises(UserError, match=rf"{path}:4: PGD has no parameter 'stepsize'.*'step_size'"):
        config.read([str(path)])
    path.write_text("include 'gin/bsae.gin'\n")
    with pytest.raises(UserError, match=rf"{path}:1: no gin file 'gin/bsae.gin'.*'gin/base.gin'"):
        config.read([str(path)])


def test_images_of_two_shapes_are_refused(tmp_path):
    bindings = ["Experiment.dataset = 'npz'"]
    for split, size in (("train", 8), ("test", 9)):
        path = tmp_path / f"{split}.npz"
        np.savez(path, image=np.zeros((64, size, size, 3), np.uint8), label=np.arange(64) % 4)
        bindings.append(f"npz.{split} = '{path}'")
    config.read(["gin/mbn.gin"], bindings)
    with pytest.raises(UserError, match=r"image_shape of npz.train is \(8, 8, 3\), of npz.test"):
        build_plan()


def test_a_name_is_registered_once():
    registry = Registry("norm")

    @registry.register("mine")
    def first_test_part(a: int = 1):
        return a

    with pytest.raises(UserError, match="norm 'mine' is registered twice"):

        @registry.register("mine")
        def second_test_part():
            return None

    with pytest.raises(UserError, match=r"takes \*\*kwargs"):

        @registry.register("other")
        def third_test_part(**anything):
            return anything


def test_another_config_in_a_run_directory_is_refused(tmp_path):
    directory = RunDirectory(tmp_path / "run")
    read = config.read(["gin/mbn.gin"])
    directory.check(read)
    directory.claim(read, ["CPU"], seed=0)
    directory.check(config.read(["gin/scale/digits.gin", "gin/mbn.gin"]))
    with pytest.raises(UserError, match=r"another config \(PGD.steps: 10 → 12\)"):
        directory.check(config.read(["gin/mbn.gin"], ["PGD.steps = 12"]))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="holds no run"):
        RunDirectory(tmp_path / "other").check(read)


def test_default_folders_differ_where_the_runs_do():
    read = config.read(["gin/scale/smoke.gin", "gin/mbn.gin"])
    assert default_path(read, []) == Path("runs/mbn-smoke")
    assert default_path(read, ["PGD.steps = 3"]) == Path("runs/mbn-smoke-PGD.steps=3")
    assert default_path(config.read(["gin/mbn.gin"]), []) == Path("runs/mbn-digits")


def test_config_text_is_a_gin_file_of_the_same_configuration(tmp_path):
    text = config.read(["gin/mbn_alp.gin"], ["PGD.steps = 3"]).text()
    (tmp_path / "config.gin").write_text(text)
    assert config.read([str(tmp_path / "config.gin")]).text() == text


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


def test_a_binding_may_include_a_file():
    read = config.read(["gin/mbn.gin"], ["include 'gin/attack/epsilon8.gin'"])
    assert read.values["PGD.epsilon"] == 8.0
    with pytest.raises(UserError, match="no gin file 'gin/attack/epsilon9.gin'.*epsilon8"):
        config.read(["gin/mbn.gin"], ["include 'gin/attack/epsilon9.gin'"])
