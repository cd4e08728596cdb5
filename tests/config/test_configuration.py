"""Gin files and bindings: what takes precedence and what is refused."""

import itertools

import pytest
from shared.project import ROOT

from tfadv import config
from tfadv.errors import UserError
from tfadv.planning.plan import build_plan


def test_overlays_take_precedence_over_recipe_and_scale_in_any_order():
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


def test_bindings_take_precedence_and_their_place_is_known():
    read = config.read(["gin/mbn_alp.gin"], ["PGD.steps = 3"])
    assert build_plan().attack.steps == 3
    assert read.where("PGD.steps") == "--gin_bindings='PGD.steps = 3'"
    assert read.where("PGD.epsilon") == f"{config.DEFAULT_SCALE}:" + str(
        1 + (ROOT / config.DEFAULT_SCALE).read_text().splitlines().index("PGD.epsilon = 64.0")
    )


@pytest.mark.parametrize(
    ("files", "bindings", "message"),
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
def test_mistakes_are_reported_in_one_line(files, bindings, message):
    with pytest.raises(UserError, match=message) as caught:
        config.read(files, bindings)
        plan = build_plan()
        plan.build_model()
    assert "\n" not in caught.value.message


def test_a_wrong_line_is_reported_with_its_file_and_number(tmp_path):
    path = tmp_path / "mine.gin"
    path.write_text("# a comment\ninclude 'gin/mbn.gin'\n\nPGD.stepsize = 2\n")
    with pytest.raises(UserError, match=rf"{path}:4: PGD has no parameter 'stepsize'.*'step_size'"):
        config.read([str(path)])
    path.write_text("include 'gin/bsae.gin'\n")
    with pytest.raises(UserError, match=rf"{path}:1: no gin file 'gin/bsae.gin'.*'gin/base.gin'"):
        config.read([str(path)])


def test_config_text_is_a_gin_file_of_the_same_configuration(tmp_path):
    text = config.read(["gin/mbn_alp.gin"], ["PGD.steps = 3"]).text()
    (tmp_path / "config.gin").write_text(text)
    assert config.read([str(tmp_path / "config.gin")]).text() == text


def test_a_binding_may_include_a_file():
    read = config.read(["gin/mbn.gin"], ["include 'gin/attack/epsilon8.gin'"])
    assert read.values["PGD.epsilon"] == 8.0
    with pytest.raises(UserError, match="no gin file 'gin/attack/epsilon9.gin'.*epsilon8"):
        config.read(["gin/mbn.gin"], ["include 'gin/attack/epsilon9.gin'"])
