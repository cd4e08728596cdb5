"""PGD against a NumPy loop, and what every attack must keep."""

import numpy as np
import pytest
import tensorflow as tf
from shared.attack_cases import CLASSES, IMAGES, PREDICTED, SEEDS, attacked, loss_and_gradient
from shared.formulas import softmax

from tfadv import randomness
from tfadv.attacks import objectives
from tfadv.attacks.pgd import PGD
from tfadv.errors import UserError

MANY = 100_000


def seeds(count, purpose="test"):
    return randomness.example_seeds(3, purpose, tf.range(count))


def linear(classes=5, size=4 * 4 * 3):
    weights = np.random.default_rng(0).normal(0, 0.02, (size, classes)).astype(np.float32)
    return weights, lambda images: tf.reshape(images, [-1, size]) @ weights


def images_and_labels(count=8):
    random = np.random.default_rng(1)
    images = random.uniform(0, 255, (count, 4, 4, 3)).astype(np.float32)
    return images, random.integers(0, 5, count).astype(np.int32)


def starts(attack, count, shape=(1, 1, 1), purpose="test"):
    """Returns the attack's starting points around black images."""
    labels = tf.zeros(count, tf.int32)
    images = tf.zeros((count, *shape))
    return attack(
        linear(size=int(np.prod(shape)))[1], images, labels, seeds(count, purpose)
    ).numpy()


def numpy_pgd(weights, images, start, goal, sign, epsilon, step_size, steps):
    x = start.copy()
    low, high = np.maximum(images - epsilon, 0), np.minimum(images + epsilon, 255)
    for _ in range(steps):
        logits = x.reshape(len(x), -1) @ weights
        gradient = (softmax(logits) - np.eye(weights.shape[1], dtype=np.float32)[goal]) @ weights.T
        x = np.clip(x + sign * step_size * np.sign(gradient.reshape(x.shape)), low, high)
    return x


@pytest.mark.parametrize("targeted", [True, False])
@pytest.mark.parametrize("jit_compile", [True, False])
def test_equals_a_numpy_loop_on_a_linear_model(targeted, jit_compile):
    weights, logits_fn = linear()
    images, labels = images_and_labels()
    attack = PGD(epsilon=20, steps=9, step_size=3, targeted=targeted, jit_compile=jit_compile)
    found = attack(logits_fn, tf.constant(images), tf.constant(labels), seeds(8))
    first = PGD(epsilon=20, steps=0)(logits_fn, tf.constant(images), tf.constant(labels), seeds(8))
    goal = attack.targets(tf.constant(labels), 5, seeds(8)).numpy() if targeted else labels
    sign = -1 if targeted else 1
    expected = numpy_pgd(weights, images, first.numpy(), goal, sign, 20, 3, 9)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("norm", ["mixture", "group"])
def test_xla_and_the_plain_graph_give_the_same_images(tiny_model, some_images, norm):
    logits_fn = tiny_model(norm).logits_fn()
    compiled, plain = (
        PGD(16, 10, 1.6, jit_compile=choice)(logits_fn, *some_images, seeds(6))
        for choice in (True, False)
    )
    assert np.mean(np.abs(compiled - plain) < 1e-4) > 0.99


@pytest.mark.parametrize("epsilon", [0, 1, 16, 300])
def test_stays_in_the_ball_and_the_pixel_range(tiny_model, some_images, epsilon):
    images, labels = some_images
    images = tf.where(images < 60, 0.0, tf.where(images > 200, 255.0, images))
    attack = PGD(epsilon, steps=3, step_size=7)
    found = attack(tiny_model("batch").logits_fn(), images, labels, seeds(6))
    assert np.abs(found - images).max() <= epsilon + 1e-4
    assert np.min(found) >= 0 and np.max(found) <= 255
    assert epsilon == 0 or np.abs(found - images).max() > 0


def test_the_random_start_is_uniform_and_not_clipped_to_the_pixels():
    start = starts(PGD(epsilon=16, steps=0), 500, (4, 4, 3))
    assert np.min(start) < -15.9 and np.max(start) > 15.9
    assert abs(np.mean(start)) < 0.3
    assert abs(np.std(start) - 32 / np.sqrt(12)) < 0.2


@pytest.mark.parametrize("classes", [2, 5, 1000])
def test_targets_are_uniform_over_the_wrong_classes(classes):
    labels = tf.cast(tf.range(MANY) % classes, tf.int32)
    targets = PGD(16, 1).targets(labels, classes, seeds(MANY)).numpy()
    assert (targets != labels.numpy()).all()
    assert targets.min() == 0 and targets.max() == classes - 1
    offsets = np.bincount((targets - labels.numpy()) % classes, minlength=classes)[1:]
    expected = MANY / (classes - 1)
    assert np.sum((offsets - expected) ** 2 / expected) < 2 * classes + 20  # χ²


def test_clean_starts_have_their_probability():
    start = starts(PGD(16, 0, clean_start_probability=0.2), MANY)
    assert abs(np.mean(np.equal(start, 0)) - 0.2) < 0.005


def test_clean_start_per_batch_is_all_or_nothing():
    attack = PGD(16, 0, clean_start_probability=0.5, clean_start="per_batch")
    shares = []
    for number in range(40):
        start = starts(attack, 5, purpose=f"batch {number}")
        shares.append(float(np.mean(np.equal(start, 0))))
    assert set(shares) == {0.0, 1.0}


def test_an_example_does_not_depend_on_its_batch(tiny_model, some_images):
    images, labels = some_images
    logits_fn = tiny_model("batch").logits_fn()
    attack = PGD(16, 4, step_size=4, clean_start_probability=0.5)
    whole = attack(logits_fn, images, labels, seeds(6))
    parts = [
        attack(logits_fn, images[i:j], labels[i:j], seeds(6)[i:j]) for i, j in ((0, 1), (1, 6))
    ]
    np.testing.assert_allclose(whole, tf.concat(parts, 0), atol=1e-4)
    again = attack(logits_fn, images, labels, seeds(6, "other"))
    assert np.abs(again - whole).max() > 1


@pytest.mark.parametrize("norm", ["batch", "mixture", "group"])
def test_changes_no_variable(tiny_model, some_images, norm):
    model = tiny_model(norm)
    before = [np.array(variable) for variable in model.variables]
    PGD(16, 3)(model.logits_fn(), *some_images, seeds(6))
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_raises_the_targets_probability_and_lowers_the_truth(tiny_model, some_images):
    images, labels = some_images
    logits_fn = tiny_model("batch").logits_fn()
    attack = PGD(64, 20, step_size=8)
    targets = attack.targets(labels, 5, seeds(6))
    found = attack(logits_fn, images, labels, seeds(6))
    moved = tf.nn.softmax(logits_fn(found)) - tf.nn.softmax(logits_fn(images))
    assert np.min(tf.gather(moved, targets, batch_dims=1)) > 0
    untargeted = PGD(64, 20, step_size=8, targeted=False)
    found = untargeted(logits_fn, images, labels, seeds(6))
    moved = tf.nn.softmax(logits_fn(found)) - tf.nn.softmax(logits_fn(images))
    assert np.max(tf.gather(moved, labels, batch_dims=1)) < 0


def test_success_is_reaching_the_goal():
    attack = PGD(16, 1)
    labels = tf.constant([0, 1, 2])
    targets = attack.targets(labels, 3, seeds(3))
    assert np.all(attack.succeeded(tf.one_hot(targets, 3), labels, seeds(3)))
    assert not np.any(attack.succeeded(tf.one_hot(labels, 3), labels, seeds(3)))
    other = 3 - labels - targets
    assert not np.any(attack.succeeded(tf.one_hot(other, 3), labels, seeds(3)))
    assert np.all(PGD(16, 1, targeted=False).succeeded(tf.one_hot(other, 3), labels, seeds(3)))


def test_the_graph_does_not_grow_with_the_steps(tiny_model):
    logits_fn = tiny_model("batch").logits_fn()

    def size(steps):
        @tf.function
        def attack(images, labels):
            return PGD(16, steps, jit_compile=False)(logits_fn, images, labels, seeds(6))

        graph = attack.get_concrete_function(
            tf.TensorSpec((6, 8, 8, 3)), tf.TensorSpec(6, tf.int32)
        ).graph.as_graph_def()
        return len(graph.node) + sum(len(f.node_def) for f in graph.library.function)

    assert size(2) == size(200)


@pytest.mark.parametrize(("steps", "expected"), [(5, 3.2), (10, 1.6), (30, 1.0)])
def test_the_released_step_rule(steps, expected):
    assert PGD(16, steps, step_rule="at_least_epsilon_over_steps").step_size == expected
    assert PGD(16, steps).step_size == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epsilon": -1}, "PGD.epsilon must be >= 0"),
        ({"steps": 1.5}, "PGD.steps"),
        ({"step_size": 0}, "PGD.step_size"),
        ({"step_rule": "fix"}, "Did you mean 'fixed'"),
        ({"clean_start": "batch"}, "per_batch"),
        ({"clean_start_probability": 2}, "clean_start_probability"),
        ({"jit_compile": "yes"}, "jit_compile"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        PGD(**{"epsilon": 16, "steps": 1} | arguments)


@pytest.mark.parametrize("loss", ["cross_entropy", "margin", "dlr"])
@pytest.mark.parametrize("targeted", [True, False])
def test_l2_pgd_with_each_loss_equals_numpy(loss, targeted):
    attack = PGD(40.0, 5, 12.0, targeted=targeted, loss=loss, ball="l2", clean_start_probability=1)
    targets = attack.targets(tf.constant(PREDICTED), CLASSES, SEEDS)

    def climbed(logits):
        if targeted:
            return objectives.TOWARDS[loss](logits, PREDICTED, targets)
        return objectives.AWAY[loss](logits, PREDICTED)

    x = IMAGES
    for _ in range(5):
        _, slope = loss_and_gradient(climbed, x)
        norms = np.sqrt(np.sum(slope.astype("float64") ** 2, (1, 2, 3), keepdims=True))
        moved = x + 12 * slope / np.maximum(norms, 1e-30) - IMAGES  # DLR may be flat
        size = np.sqrt(np.sum(moved**2, (1, 2, 3), keepdims=True))
        x = np.clip(IMAGES + moved * np.minimum(1, 40 / size), 0, 255).astype("float32")
    np.testing.assert_allclose(attacked(attack), x, atol=0.02)
