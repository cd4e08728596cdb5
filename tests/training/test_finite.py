"""Whatever is not finite stops the training, says where, and is never saved."""

import pytest
import tensorflow as tf
from shared.smoke_trainers import claimed, make_plan, mirrored, one_device

from tfadv.attacks.pgd import PGD
from tfadv.errors import UserError
from tfadv.registry import ATTACKS, STRATEGIES
from tfadv.strategies import CLEAN
from tfadv.strategies.standard import Standard
from tfadv.training.finite import not_finite, require_finite
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
        (
            "clean",
            ("LearningRate.rate_per_256 = 1e38", "Training.weight_decay = 1e6"),
            "step 1: stem/kernel, updated,",
        ),
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
    assert trainer.step == done + 1


def test_numbers_that_are_not_finite_are_found_wherever_they_are():
    tensors = [tf.zeros([3, 4]), tf.constant([1.0, float("nan")]), tf.constant(float("-inf"))]
    assert not_finite(tensors).numpy().tolist() == [0, 1, 1]
    large = [tf.constant([3e38, -3e38]), tf.zeros([2])]  # finite, and their squares are not
    assert not_finite(large).numpy().tolist() == [0, 0]
    require_finite([0.0, 0.0], ["a", "b"], 3)
    with pytest.raises(UserError, match="^step 3: b holds"):  # in one of two replicas
        require_finite([0.0, 0.5], ["a", "b"], 3)
