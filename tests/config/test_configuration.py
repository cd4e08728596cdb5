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
        (["gin/mbn.gin"], ["PGD.steps = '3'"], "PGD.steps must be of type int | Schedule, got '3'"),
        (["gin/mbn.gin"], ["PGD.targeted = 1"], "PGD.targeted must be of type bool, got 1"),
        (["gin/mbn.gin"], ["Training.epochs = 2.5"], "Training.epochs must be of type int"),
        (["gin/mbn.gin"], ["ResNet.blocks = 3"], "ResNet.blocks must be of type .*Sequence"),
        (["gin/mbn.gin"], ["Evaluation.attacks = ('pgd')"], "Evaluation.attacks must be of type"),
        (["gin/mbn.gin"], ["evl/PGD.steps = 3"], "the scope 'evl'. Did you mean 'eval'"),
        (["gin/mbn.gin", "gin/alp.gin"], [], "gin/alp.gin chooses Experiment.strategy and so does"),
        (["gin/mbn.gin", "gin/scale/smoke.gin", "gin/scale/digits.gin"], [], "one scale"),
        (["gin/mbn.gin"], ["Distribution.kind = 'mirored'"], "Did you mean 'mirrored'"),
        (["gin/mbn.gin"], ["PGD.steps = (1, 2"], "a bracket or a quotation mark is never closed"),
        (["gin/mbn.gin"], [f"PGD.steps = {'(' * 3000}1{')' * 3000}"], "nested too deeply"),
        (["gin/mbn.gin"], ["StepDecay.boundaries = ('a', 2)"], "must be of type .*float.*'a'"),
        (["gin/mbn.gin"], ["StepDecay.boundaries = (True, 2)"], "must be of type .*float"),
        (["gin/mbn.gin"], ["ResNet.blocks = (1.5, 1)"], "must be of type .*Sequence.int"),
        (["gin/mbn.gin"], ["Evaluation.attacks = ('pgd', 5)"], "must be of type tuple.str"),
        (["gin/mbn.gin"], ["PGD.epsilon = 1e999"], "PGD.epsilon must be finite.*, got inf"),
        (["gin/mbn.gin"], ["PGD.step_size = 1e300"], "PGD.step_size must be finite and fit into"),
        (["gin/mbn.gin"], ["StepDecay.boundaries = (1e999,)"], "must be finite.*inf"),
        (["gin/mbn.gin"], [f"Training.epochs = {10**20}"], "Training.epochs must .*32 bits"),
        (["gin/mbn.gin"], ["Training.epochs = 1e20"], "Training.epochs must be of type int"),
        (["gin/mbn.gin"], ["Experiment.channels = 7"], "is 7, which is none of 1, 2, 3, 4"),
        (["gin/mbn.gin"], ["Experiment.norm = '/batch_norm'"], "'' of '/batch_norm' is no scope"),
        (["gin/mbn.gin"], ["Experiment.attack = 'a-b/pgd'"], "'a-b' of 'a-b/pgd' is no scope"),
        (["gin/mbn.gin"], ["PGD.epsilon = @PGD()"], "bindings of PGD leads back to itself"),
        (["gin/mbn.gin"], ["a = %b", "b = %a", "PGD.steps = %a"], "leads back to itself"),
        (["gin/mbn.gin"], ["epsilon = 8"], "uses a macro 'epsilon'.*Did you mean 'PGD.epsilon'"),
        (["gin/mbn.gin"], ["LearningRate.batch_size = 3"], "no parameter 'batch_size'"),
        (["gin/mbn.gin"], ["ResNet.classes = 3"], "ResNet has no parameter 'classes'"),
        (["gin/gn.gin"], ["GroupNorm.gamma_initializer = 'x'"], "be an initializer of Keras"),
        (
            ["gin/mbn.gin"],
            ["Experiment.decay = 'exponential'", "ExponentialDecay.every_epochs = 1e-300"],
            "ExponentialDecay.every_epochs must be in 0.001",
        ),
        (["x" * 300], [], "--gin_file: no gin file 'xxx"),
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


def test_files_that_include_one_another_end(tmp_path):
    loop, other = tmp_path / "loop.gin", tmp_path / "other.gin"
    loop.write_text(f"\ninclude '{other}'\n")
    other.write_text(f"include '{loop}'\n")
    message = f"{other}:1: '{loop}' is included by itself"
    for arguments in (([str(loop)], []), (["gin/mbn.gin"], [f"include '{loop}'"])):
        with pytest.raises(UserError) as caught:
            config.read(*arguments)
        assert caught.value.message == message
    for number in range(100):
        (tmp_path / f"{number}.gin").write_text(f"include '{tmp_path / str(number + 1)}.gin'")
    with pytest.raises(UserError, match="more than 16 files include one another"):
        config.read([str(tmp_path / "0.gin")])


def test_one_file_may_be_included_twice(tmp_path):
    (tmp_path / "twice.gin").write_text("include 'gin/mbn.gin'\ninclude 'gin/mbn.gin'\n")
    same = config.read(["gin/mbn.gin"]).text()
    assert config.read([str(tmp_path / "twice.gin")]).text() == same


def test_a_file_may_have_a_macro_that_its_overlay_leaves_unused(tmp_path):
    (tmp_path / "mine.gin").write_text("LENGTH = 5\nPGD.steps = %LENGTH\n")
    files = ["gin/mbn.gin", str(tmp_path / "mine.gin")]
    assert config.read(files).values and build_plan().attack.steps == 5
    config.read(files, ["LENGTH = 7"])
    assert build_plan().attack.steps == 7
    config.read(files, ["PGD.steps = 3"])
    assert build_plan().attack.steps == 3


def test_a_binding_may_include_a_file():
    read = config.read(["gin/mbn.gin"], ["include 'gin/attack/epsilon8.gin'"])
    assert read.values["PGD.epsilon"] == 8.0
    with pytest.raises(UserError, match="no gin file 'gin/attack/epsilon9.gin'.*epsilon8"):
        config.read(["gin/mbn.gin"], ["include 'gin/attack/epsilon9.gin'"])
