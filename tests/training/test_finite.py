"""Whatever is not finite stops the training, says where, and is never saved."""

import numpy as np
import pytest
import tensorflow as tf
from shared.poisoned import poisoned_by_image, poisoned_in_the_loss
from shared.smoke_trainers import claimed, finish, make_plan, mirrored, one_device

from tfadv.attacks.pgd import PGD
from tfadv.errors import UserError
from tfadv.optimization.schedules import RateFactor
from tfadv.registry import ATTACKS, STRATEGIES
from tfadv.strategies import CLEAN
from tfadv.strategies.standard import Standard
from tfadv.training.finite import NotFiniteError
from tfadv.training.session import Session


@pytest.fixture
def breaking(forget_plugins):
    """Registers a strategy whose loss has no derivative, and an attack that makes no images."""

    @STRATEGIES.register("nan_gradient")
    class NanGradient(Standard):
        """A finite loss with a derivative that is not."""

        def loss(self, logits, labels):
            return super().loss(logits, labels) + tf.sqrt(0.0 * tf.reduce_sum(logits[CLEAN]))

    @ATTACKS.register("nan_attack")
    class NanAttack(PGD):
        """Returns what is no image."""

        def __call__(self, logits_fn, images, labels, seeds):
            return float("nan") * super().__call__(logits_fn, images, labels, seeds)


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize("trainer_of", [one_device, pytest.param(mirrored, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("recipe", "bindings", "message"),
    [
        ("clean", ("Experiment.strategy = 'nan_gradient'",), "step 1: the gradient of stem/kernel"),
        (
            "mbn",
            ("Experiment.attack = 'nan_attack'",),
            r"step 1: the images of the kind 'adv', attacked \(nan_attack\),",
        ),
        ("clean", ("LearningRate.rate_per_256 = 1e38",), "step [12]: .*"),
        (
            "mbn",
            ("Experiment.attack = 'nan_attack'", "Training.micro_batch_size = 4"),
            "step 1: the images of the kind 'adv'",
        ),
    ],
)
def test_training_stops_before_it_saves(breaking, tmp_path, trainer_of, recipe, bindings, message):
    trainer = trainer_of(make_plan(recipe, "Training.epochs = 2", *bindings))
    with pytest.raises(UserError, match=message + ".* holds numbers that are not finite"):
        Session(trainer).run(claimed(tmp_path / "run"))
    assert not (tmp_path / "run/results.json").exists()
    assert not list((tmp_path / "run").glob("checkpoints/step-*"))


def test_the_first_bad_step_of_a_call_is_named(breaking):
    """Within one traced call of several steps; the ones after it are not done."""
    plan = make_plan("clean", "Training.epochs = 8", "Training.steps_per_call = 8")
    trainer = one_device(plan)
    next(trainer.steps())
    poison = trainer.model.head.kernel
    poison.assign(tf.fill(poison.shape, 1e38))
    done = trainer.step
    with pytest.raises(UserError, match=f"step {done + 1}: the logits of the kind 'clean'"):
        next(trainer.steps())
    assert trainer.step == done


FEW = ("synthetic.train_examples = 64", "Training.average_decay = 0.9", "PGD.steps = 1")
BAD = 2 * 16 + 5  # an example of step 3, and its place there
PARTS = ("Training.micro_batch_size = 4", "NormPolicy.ghost_batch_size = 4")
SKIP = "Training.skip_non_finite = 1"
DEEP = "ResNet.blocks = (1, 5)"  # so many blocks share a trace, and each step is a call


def everything(trainer):
    """Returns all that a trainer keeps from step to step."""
    return [np.array(variable) for variable in trainer.variables]


def without_step_3(trainer, steps):
    """Does the first steps of a run one by one, but leaves the third one's update out."""
    feed = iter(trainer.batches(start=0))
    for number in range(1, steps + 1):
        if number == 3:
            next(feed)
            trainer.optimizer.iterations.assign_add(1)
        else:
            trainer.do(feed, 1)
    return trainer


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize(
    ("trainer_of", "poisoned", "bindings", "message"),
    [
        (one_device, poisoned_by_image, (), "the images of the kind 'clean' .*: 5 \\(image"),
        pytest.param(
            mirrored,
            poisoned_by_image,
            PARTS,
            "of 1 of 16 images of the batch: 5 \\(image",
            marks=pytest.mark.slow,
        ),
        (one_device, poisoned_in_the_loss, PARTS, "the loss holds"),
        pytest.param(mirrored, poisoned_in_the_loss, (), "the loss holds", marks=pytest.mark.slow),
        pytest.param(one_device, poisoned_in_the_loss, (DEEP,), "the loss", marks=pytest.mark.slow),
    ],
)
def test_a_run_stops_as_it_was_before_the_step(
    forget_plugins, trainer_of, poisoned, bindings, message
):
    """The third of four steps in a call; the image is named, wherever it is computed."""
    bindings = (*FEW, *bindings)
    strategy = f"Experiment.strategy = '{poisoned(BAD)}'"
    trainer = trainer_of(make_plan("mbn", *bindings, strategy))
    with pytest.raises(NotFiniteError, match="^step 3: .*" + message):
        finish(trainer)
    two_steps = without_step_3(trainer_of(make_plan("mbn", *bindings)), 2)
    assert trainer.step == two_steps.step == 2
    for found, expected in zip(everything(trainer), everything(two_steps), strict=True):
        np.testing.assert_array_equal(found, expected)


def require_skipped_alone(trainer_of, bindings, tolerance=0.0):
    """Against a plain loop over the same batches that never does that step."""
    strategy = f"Experiment.strategy = '{poisoned_by_image(BAD)}'"
    skipping = trainer_of(make_plan("mbn", *FEW, *bindings, strategy, SKIP))
    lines = finish(skipping)
    assert skipping.step == 4 and skipping.skipped == 1
    assert [line["skipped_steps"] for line in lines if "skipped_steps" in line] == [1]
    plain = without_step_3(trainer_of(make_plan("mbn", *FEW, *bindings)), 4)
    for found, expected in zip(everything(skipping), everything(plain), strict=True):
        np.testing.assert_allclose(found, expected, atol=tolerance, rtol=0)


BATCH_STATISTICS = ("NormPolicy.attack_statistics = 'batch'", "NormPolicy.attack_update = True")


FREEZING = ("NormPolicy.freeze = 'statistics'", "NormPolicy.freeze_last_epochs = 1")
FREEZING += ("Training.epochs = 2", "synthetic.train_examples = 32")


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize(
    ("trainer_of", "bindings"),
    [
        (one_device, ("Experiment.optimizer = 'rmsprop'",)),
        pytest.param(one_device, BATCH_STATISTICS, marks=pytest.mark.slow),
        pytest.param(mirrored, (*PARTS, *FREEZING), marks=pytest.mark.slow),
        pytest.param(mirrored, ("NormPolicy.across_replicas = 'local'",), marks=pytest.mark.slow),
        pytest.param(one_device, (DEEP,), marks=pytest.mark.slow),
        pytest.param(mirrored, (DEEP,), marks=pytest.mark.slow),
    ],
)
def test_skipping_a_step_leaves_its_update_out_and_nothing_else(
    forget_plugins, trainer_of, bindings
):
    require_skipped_alone(trainer_of, bindings)


@pytest.mark.slow
@pytest.mark.parametrize("trainer_of", [one_device, mirrored])
def test_skipping_a_step_of_a_traced_call(forget_plugins, trainer_of):
    require_skipped_alone(trainer_of, ("PGD.jit_compile = True",), 1e-6)


@pytest.mark.usefixtures("op_by_op")
@pytest.mark.parametrize("trainer_of", [one_device, mirrored])
def test_an_update_that_is_not_finite_is_taken_back_to_the_last_bit(trainer_of):
    trainer = trainer_of(make_plan("clean", *FEW))
    trainer.plan.learning_rate.factors = (RateFactor(0, 1e41),)
    start = everything(trainer)
    with pytest.raises(NotFiniteError, match="^step 1: stem/kernel, updated, holds"):
        finish(trainer)
    for found, before in zip(everything(trainer), start, strict=True):
        np.testing.assert_array_equal(found, before)


@pytest.mark.usefixtures("op_by_op")
def test_more_than_the_budget_stops_the_run(breaking):
    broken = "Experiment.strategy = 'nan_gradient'"
    trainer = one_device(make_plan("clean", *FEW, broken, "Training.skip_non_finite = 2"))
    start = everything(trainer)
    with pytest.raises(NotFiniteError, match=r"^step 3: .* the run stops after 2 skipped steps"):
        finish(trainer)
    pairs = zip(everything(trainer), start, strict=True)
    assert trainer.step == 2
    assert [now for now, before in pairs if not np.array_equal(now, before)] == [2]
