"""Whatever is not finite stops the work, says where, and is never saved or judged."""

import json

import numpy as np
import pytest
import tensorflow as tf
from attackable import make_evaluator, network
from digits_bundle import bundle_of, random_run
from smoke import make_plan, mirrored, one_device

from tfadv import config, randomness
from tfadv.attacks.base import NOT_FINITE, classified
from tfadv.attacks.pgd import PGD
from tfadv.errors import UserError
from tfadv.files import write_json
from tfadv.registry import ATTACKS, STRATEGIES
from tfadv.runs.run_directory import RunDirectory
from tfadv.strategies import CLEAN
from tfadv.strategies.standard import Standard
from tfadv.training.finite import not_finite, require_finite

CLASSES = 5
BRIGHT = np.arange(6) % 2 == 0


def victim(kind):
    """A linear network of 6x6 images that fails at bright ones: in its gradient or its logits."""
    weights = np.random.default_rng(0).normal(0, 0.01, (108, CLASSES)).astype("float32")

    def logits_fn(images):
        gone = tf.cast(tf.math.is_nan(images[:, :1, 0, 0]), tf.float32)
        if kind == "nan gradients":  # and answers as if nothing were where an image is none
            images = tf.where(tf.math.is_nan(images), 0.0, images)
        mean = tf.reduce_mean(images, [1, 2, 3])
        logits = tf.reshape(images, [-1, 108]) @ weights
        if kind == "nan logits":
            return tf.where(mean[:, None] > 127, float("nan"), logits)
        # A root at 0 for bright images: its value is 0 and its derivative is none.
        root = tf.sqrt(tf.cast(mean < 127, tf.float32) * mean)
        # Bright images are of class 0, and what is no image even more surely.
        logits += 30 * (1 + gone) * tf.one_hot(0, CLASSES)
        return logits + root[:, None] * tf.range(1.0, CLASSES + 1) ** 2

    return logits_fn


def examples():
    shade = np.where(BRIGHT, 200, 60)[:, None, None, None]
    noise = np.random.default_rng(1).uniform(-20, 20, (6, 6, 6, 3))
    seeds = randomness.example_seeds(0, "attack", tf.range(6))
    images = tf.constant(shade + noise, tf.float32)
    # What the network says: nothing is misclassified before it is attacked.
    return images, tf.argmax(victim("nan gradients")(images), -1, tf.int32), seeds


ATTACKS_BY_GRADIENT = [
    ("pgd", {"targeted": True}),
    ("pgd", {"targeted": False, "ball": "l2"}),
    ("pgd", {"targeted": False, "loss": "dlr"}),
    ("fgsm", {}),
    ("mi_fgsm", {}),
    ("mi_fgsm", {"ball": "l2"}),
    ("apgd", {"restarts": 2}),
    ("apgd", {"ball": "l2"}),
    ("apgd_targeted", {"classes": 2}),
    ("fab_targeted", {"classes": 2, "restarts": 2}),
    ("fab_targeted", {"classes": 2, "ball": "l2"}),
    ("autoattack", {"classes": 2, "queries": 5}),
]


@pytest.mark.parametrize(("name", "arguments"), ATTACKS_BY_GRADIENT)
def test_a_gradient_that_is_not_finite_comes_back_as_nan(name, arguments, forget_plugins):
    config.with_plugins(["plugins.mi_fgsm"])
    steps = {} if name == "fgsm" else {"steps": 3}
    attack, fails = ATTACKS.get(name)(8.0, **steps | arguments), victim("nan gradients")
    run = tf.function(lambda *batch: attack(fails, *batch), autograph=False)
    found = run(*examples()).numpy()
    np.testing.assert_array_equal(np.isnan(found).all((1, 2, 3)), BRIGHT)
    assert np.isfinite(found[~BRIGHT]).all()


def test_square_says_so_where_an_answer_is_not_finite():
    attack = ATTACKS.get("square")(8.0, queries=5)
    found = attack(victim("nan logits"), *examples()).numpy()
    np.testing.assert_array_equal(np.isnan(found).all((1, 2, 3)), BRIGHT)
    found = attack(victim("nan gradients"), *examples()).numpy()  # it needs none
    assert np.isfinite(found).all()


def test_no_class_is_read_off_numbers_that_are_none():
    logits = tf.constant([[0, 1.0], [float("nan"), 1], [float("inf"), 1], [2, 1]])
    assert classified(logits).numpy().tolist() == [1, NOT_FINITE, NOT_FINITE, 0]
    images = tf.constant([[0.0], [0], [0], [float("nan")]])[:, :, None, None]
    assert classified(logits, images).numpy().tolist() == [1, NOT_FINITE, NOT_FINITE, NOT_FINITE]


def broken_evaluator(monkeypatch, fails, *bindings):
    """An evaluator of a network that `fails` for images whose first pixel is bright."""

    def model(images):
        return fails(network(images), images)

    monkeypatch.setattr("attackable.network", network)
    plan, evaluator = make_evaluator(*bindings)
    evaluator.judge._model.functions["main"] = model
    return plan, evaluator


def nan_logits(logits, images):
    return tf.where(images[:, 0, 0, :1] > 150, float("nan"), logits)


def nan_gradients(logits, images):
    bright = images[:, 0, 0, :1] > 150
    return logits + tf.sqrt(tf.nn.relu(images[:, 0, 0, :1] - 999) + tf.cast(~bright, tf.float32))


def test_clean_images_without_a_finite_answer_are_counted(monkeypatch):
    plan, evaluator = broken_evaluator(monkeypatch, nan_logits)
    images = np.stack([plan.splits.test.fetch(tf.constant(i))[0] for i in range(20)])
    count = int((images[:, 0, 0, 0] > 150).sum())
    assert 0 < count < 20
    with pytest.raises(UserError, match=f"branch 'main', clean: .* on {count} of 20 images"):
        evaluator.evaluate()


@pytest.mark.parametrize(
    "bindings",
    [
        ("Evaluation.attacks = ('pgd10/pgd',)",),
        ("Evaluation.attacks = ('pgd10/pgd', 'pgd20/pgd')",),  # along one trajectory
        ("Evaluation.attacks = ('pgd10/pgd', 'pgd20/pgd')", "Evaluation.worst_case = True"),
        ("Evaluation.attacks = ('apgd',)", "APGD.steps = 4"),
        ("Evaluation.attacks = ('autoattack',)", "AutoAttack.steps = 3", "AutoAttack.queries = 4"),
    ],
)
def test_an_attack_without_a_finite_gradient_is_refused_by_name(monkeypatch, bindings):
    _, evaluator = broken_evaluator(monkeypatch, nan_gradients, *bindings)
    name = "autoattack/apgd" if "autoattack" in bindings[0] else "(pgd|apgd)"
    with pytest.raises(UserError, match=rf"branch 'main', .*{name}.*: numbers that are not finite"):
        evaluator.evaluate()


def test_the_checkup_measures_no_gradient_that_is_none(monkeypatch):
    bindings = ("Evaluation.attacks = ()", "Evaluation.doctor = True", "eval/Checkup.examples = 20")
    _, evaluator = broken_evaluator(monkeypatch, nan_gradients, *bindings)
    evaluator._doctor._judge._model.functions["main"] = evaluator.judge._model.functions["main"]
    with pytest.raises(UserError, match="doctor .*not finite"):
        evaluator.evaluate()


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


@pytest.mark.parametrize("trainer_of", [one_device, mirrored])
@pytest.mark.parametrize(
    ("recipe", "bindings", "told"),
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
def test_training_stops_before_it_saves(breaking, tmp_path, trainer_of, recipe, bindings, told):
    trainer = trainer_of(make_plan(recipe, "Training.epochs = 2", *bindings))
    (tmp_path / "run").mkdir()
    with pytest.raises(UserError, match=told + ".* holds numbers that are not finite"):
        trainer.run(RunDirectory(tmp_path / "run"))
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert "results.json" not in left
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


def test_what_is_not_finite_is_found_wherever_it_is():
    tensors = [tf.zeros([3, 4]), tf.constant([1.0, float("nan")]), tf.constant(float("-inf"))]
    assert not_finite(tensors).numpy().tolist() == [0, 1, 1]
    large = [tf.constant([3e38, -3e38]), tf.zeros([2])]  # finite, and their squares are not
    assert not_finite(large).numpy().tolist() == [0, 0]
    require_finite([0.0, 0.0], ["a", "b"], 3)
    with pytest.raises(UserError, match="^step 3: b holds"):  # in one of two replicas
        require_finite([0.0, 0.5], ["a", "b"], 3)


def test_a_run_whose_weights_are_not_finite_is_not_handed_on(tmp_path):
    run = random_run(tmp_path)
    run.model.head.bias.assign_add(tf.fill(run.model.head.bias.shape, float("nan")))
    with pytest.raises(UserError, match="not finite"):
        bundle_of(run, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_json_is_strict(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"accuracy": float("nan")})
    assert not (tmp_path / "a.json").exists()
    with pytest.raises(ValueError, match="not JSON compliant"):
        RunDirectory(tmp_path).append_metrics({"loss": float("inf")})
    write_json(tmp_path / "a.json", {"accuracy": 0.5})
    assert json.loads((tmp_path / "a.json").read_text()) == {"accuracy": 0.5}
