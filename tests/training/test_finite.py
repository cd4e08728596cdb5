"""Whatever is not finite stops the training, says where, and is never saved."""

import numpy as np
import pytest
import tensorflow as tf
from shared.poisoned import poisoned_by_image, poisoned_in_the_loss
from shared.smoke_trainers import batches, claimed, finish, make_plan, mirrored, one_device, values

from tfadv.attacks.pgd import PGD
from tfadv.errors import UserError
from tfadv.registry import ATTACKS, STRATEGIES
from tfadv.strategies import CLEAN
from tfadv.strategies.standard import Standard
from tfadv.training.finite import NotFiniteError, not_finite, not_finite_by_image
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
@pytest.mark.parametrize("trainer_of", [one_device, mirrored])
@pytest.mark.parametrize(
    ("recipe", "bindings", "message"),
    [
        ("clean", ("Experiment.strategy = 'nan_gradient'",), "step 1: the gradient of stem/kernel"),
        (
            "mbn",
            ("Experiment.attack = 'nan_attack'",),
            r"step 1: the images of the kind 'adv', attacked \(nan_attack\),",
        ),
        ("clean", ("LearningRate.rate_per_256 = 1e41",), "step 1: stem/kernel, updated,"),
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


def test_numbers_that_are_not_finite_are_found_wherever_they_are():
    tensors = [tf.zeros([3, 4]), tf.constant([1.0, float("nan")]), tf.constant(float("-inf"))]
    assert not_finite(tensors).numpy().tolist() == [0, 1, 1]
    large = [tf.constant([3e38, -3e38]), tf.zeros([2])]  # finite, and their squares are not
    assert not_finite(large).numpy().tolist() == [0, 0]


def test_images_that_are_not_finite_are_found_by_their_places():
    two = tf.constant([[1.0, 2.0], [float("inf"), 0.0]])
    three = tf.constant([[[0.0]], [[0.0]], [[float("nan")]]])
    places = tf.constant([4, 0, 2])
    found = not_finite_by_image([two, three], places, 5, tf.constant(True)).numpy()
    assert found.tolist() == [[1, 0, 0, 0, 0], [0, 0, 1, 0, 0]]
    assert not not_finite_by_image([two, three], places, 5, tf.constant(False)).numpy().any()


FEW = ("Training.epochs = 3", "Training.average_decay = 0.9", "Training.steps_per_call = 6")
BAD = 2 * 16 + 5  # an example of step 3, and its place there
POISONED = [
    (poisoned_by_image, "the images of the kind 'clean' .*, of 1 of 16 images .*: 5 \\(image"),
    (poisoned_in_the_loss, "the loss"),
]


def everything(trainer):
    """Returns all that a trainer keeps from step to step."""
    return [np.array(variable) for variable in trainer.variables]


@pytest.mark.parametrize("trainer_of", [one_device, mirrored])
@pytest.mark.parametrize(("poisoned", "message"), POISONED)
@pytest.mark.parametrize("divided", [(), ("Training.micro_batch_size = 4",)])
def test_a_run_stops_as_it_was_before_the_step(
    forget_plugins, trainer_of, poisoned, message, divided
):
    """The third of six steps in a call; its image is named, wherever it is computed."""
    bindings = (*FEW, *divided, f"Experiment.strategy = '{poisoned(BAD)}'")
    trainer = trainer_of(make_plan("mbn", *bindings, "synthetic.train_examples = 96"))
    with pytest.raises(NotFiniteError, match="^step 3: " + message):
        finish(trainer)
    fine = trainer_of(
        make_plan("mbn", *FEW, *divided, "Training.epochs = 1", "synthetic.train_examples = 32")
    )
    before = everything(fine)
    assert trainer.step == 2


PARTS = ("Training.micro_batch_size = 4", "NormPolicy.ghost_batch_size = 4")


@pytest.mark.parametrize(
    ("trainer_of", "bindings", "tolerance"),
    [
        (one_device, (), 0),
        (one_device, PARTS, 0),
        (one_device, ("Experiment.optimizer = 'rmsprop'",), 0),
        (mirrored, ("NormPolicy.attack_statistics = 'batch'", "NormPolicy.attack_update = True"), 0),
        (mirrored, (*PARTS, "NormPolicy.freeze = 'statistics'"), 0),
    ],
)
def test_skipping_a_step_leaves_its_update_out_and_nothing_else(
    forget_plugins, trainer_of, bindings, tolerance
):
    """Against a plain loop over the same batches that never does that step."""
    bindings = (*FEW, *bindings)
    name = poisoned_by_image(BAD)
    skipping = trainer_of(
        make_plan("mbn", *bindings, f"Experiment.strategy = '{name}'", "Training.skip_non_finite = 1")
    )
    lines = finish(skipping)
    assert skipping.step == 6 and skipping.skipped == 1
    assert sum(line.get("skipped_steps", 0) for line in lines) == 1
    plain = trainer_of(make_plan("mbn", *bindings, "Experiment.strategy = 'adversarial'"))
    feed = iter(plain._train_batches(start=0))
    for step in range(6):
        if step == 2:
            next(feed)
            plain.optimizer.iterations.assign_add(1)
        else:
            plain.do(feed, 1)
    for found, expected in zip(everything(skipping), everything(plain), strict=True):
        np.testing.assert_allclose(found, expected, atol=tolerance, rtol=0)
