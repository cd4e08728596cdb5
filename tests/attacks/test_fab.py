"""FAB against linear programs, closed forms and NumPy."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from scipy import optimize
from shared.attack_cases import (
    CLASSES,
    IMAGES,
    PIXELS,
    PREDICTED,
    SEEDS,
    SHAPE,
    attacked,
    misclassified,
    network,
)

from tfadv.attacks import planes
from tfadv.attacks.balls import BALLS
from tfadv.attacks.fab import FABTargeted
from tfadv.errors import UserError

RANDOM = np.random.default_rng(0)
ORDERS = {"linf": np.inf, "l2": 2}
both_balls = pytest.mark.parametrize("ball", BALLS)


def distances(found, images, ball):
    return np.linalg.norm((found - images).reshape(len(images), -1), ORDERS[ball], axis=1)


def shortest(ball, x, value, normal):
    """Returns how far the nearest point of plane and pixel range is; None where there is none."""
    bounds = list(zip(-x, 255 - x, strict=True))
    if ball == "linf":
        each = np.concatenate([np.eye(len(x)), -np.eye(len(x))])
        rows = np.concatenate([each, -np.ones((2 * len(x), 1))], 1)
        found = optimize.linprog(
            [0] * len(x) + [1],
            rows,
            np.zeros(2 * len(x)),
            np.append(normal, 0)[None],
            -value,
            [*bounds, (0, None)],
        )
        return found.fun if found.status == 0 else None
    free = [[False, True]] * len(x)  # which pixels end at their range: all choices
    ends, sizes = np.where(value * normal > 0, -x, 255 - x), []
    for moving in map(np.array, itertools.product(*free)):
        move = np.where(moving, 0, np.where(normal == 0, 0, ends))
        square = np.sum(normal[moving] ** 2)
        if square > 0:
            move[moving] = -(value + normal @ move) / square * normal[moving]
        low, high = np.array(bounds).T
        inside = np.all((move >= low - 1e-9) & (move <= high + 1e-9))
        if inside and abs(normal @ move + value) < 1e-6 * abs(value):
            sizes.append(np.linalg.norm(move))
    return min(sizes, default=None)


@both_balls
def test_moves_to_planes_are_the_shortest(ball):
    cases = 60
    x = np.clip(RANDOM.uniform(-100, 355, (cases, 6)), 0, 255)
    normal = RANDOM.normal(0, 1, (cases, 6)) * (RANDOM.uniform(size=(cases, 6)) < 0.8)
    reach = np.where(normal > 0, normal * x, normal * (x - 255)).sum(-1)
    value = RANDOM.uniform(0.05, 1.3, cases) * (reach + 1)
    flipped = RANDOM.uniform(size=cases) < 0.5  # a negative value, and the mirrored image
    value, normal = np.where(flipped, -value, value), normal.astype("float32")
    x = np.where(flipped[:, None], 255 - x, x).astype("float32")
    images = (tf.reshape(part, [cases, 1, 2, 3]) for part in (x, normal))
    x_images, normals = images
    values = tf.reshape(tf.constant(value, tf.float32), [cases, 1, 1, 1])
    moves = planes.to_plane(BALLS[ball], x_images, values, normals).numpy().reshape(cases, 6)
    assert np.all((x + moves >= -1e-4) & (x + moves <= 255 + 1e-4))
    assert not np.any(moves[normal == 0])
    unreached = 0
    for row in range(cases):
        expected = shortest(ball, x[row].astype("float64"), value[row], normal[row])
        if expected is None:
            unreached += 1
            ends = np.where(value[row] * normal[row] > 0, -x[row], 255 - x[row])
            np.testing.assert_allclose(moves[row], np.where(normal[row] == 0, 0, ends), atol=1e-3)
        else:
            assert np.linalg.norm(moves[row], ORDERS[ball]) == pytest.approx(expected, 1e-4)
            assert normal[row] @ moves[row] == pytest.approx(-value[row], 1e-4)
    assert 5 < unreached < 40


@both_balls
def test_a_flat_function_moves_nothing(ball):
    x = tf.constant(IMAGES)
    for value in (0.0, 3.0):
        moves = planes.to_plane(BALLS[ball], x, tf.fill([6, 1, 1, 1], value), tf.zeros_like(x))
        assert not np.any(moves)

    def flat(images):
        return tf.zeros([6, CLASSES]) + 0 * tf.reduce_sum(images)

    slope = planes.slope_towards(flat)
    stepped = FABTargeted(8.0, ball=ball).step(
        slope, x, x / 2, PREDICTED, (PREDICTED + 1) % CLASSES
    )
    np.testing.assert_allclose(stepped, 0.55 * IMAGES, rtol=1e-5)  # back, by α of the way


LINEAR = RANDOM.normal(0, 1, (PIXELS, CLASSES)).astype("float32")


def linear(images):
    return (tf.reshape(images, [-1, PIXELS]) - 127.5) @ LINEAR / 100


@both_balls
def test_linear_classifiers_lose_at_their_known_distance(ball):
    """(z_y - z_k) / ‖w_y - w_k‖, of the dual norm, where the pixels' range isn't met."""
    images = RANDOM.uniform(100, 155, SHAPE).astype("float32")
    logits = linear(images).numpy()
    labels = np.argmax(logits, -1).astype("int32")
    rows = np.arange(6)
    slopes = (LINEAR[:, labels][..., None] - LINEAR[:, None]) / 100
    lengths = np.linalg.norm(slopes, 1 if ball == "linf" else 2, axis=0)
    lengths[rows, labels] = np.nan
    least = np.nanmin((logits[rows, labels][:, None] - logits) / lengths, -1)
    assert least.max() < 90
    found = attacked(FABTargeted(100.0, 12, ball, jit_compile=False), linear, images, labels)
    assert np.all(misclassified(found, labels, linear))
    reached = distances(found, images, ball)
    assert np.all(reached < 1.01 * least) and np.all(reached > least * (1 - 1e-4))
    for row in rows[:2]:  # the image is fooled from that distance on
        for share, fooled in ((0.99, False), (1.01, True)):
            attack = FABTargeted(share * float(least[row]), 12, ball, jit_compile=False)
            found = attacked(attack, linear, images, labels, slice(row, row + 1))
            assert misclassified(found, labels[row], linear) == fooled
            assert distances(found, images[row : row + 1], ball) <= attack.epsilon + 1e-4


def numpy_to_plane(ball, x, value, normal):
    direction = -np.sign(value * normal) if ball == "linf" else -np.sign(value) * normal

    def move(length):
        return np.clip(length * direction, -x, 255 - x)

    def lost(length):
        return np.sum(normal * move(length)) * np.sign(value) + abs(value)

    far = 1.0
    while lost(far) > 0 and far < 1e12:
        far *= 2
    return move(far if lost(far) > 0 else optimize.brentq(lost, 0, far, xtol=1e-13, rtol=1e-14))


def numpy_fab(image, label, target, ball, steps):
    """One image towards one class, in 0..1 and float64, as the paper's algorithm 1 reads."""

    def size(move):
        return np.linalg.norm(np.ravel(move), ORDERS[ball])

    x, best = image, np.inf
    for _ in range(steps):
        points = tf.constant(x[None], tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(points)
            logits = network(points)[0]
            value = logits[target] - logits[label]
        normal = tape.gradient(value, points)[0].numpy().astype("float64")
        there = float(value) + np.sum(normal * (image - x))
        ahead = numpy_to_plane(ball, x, float(value), normal)
        beside = numpy_to_plane(ball, image, there, normal)
        alpha = min(size(ahead) / (size(ahead) + size(beside)), 0.1)
        x = (1 - alpha) * (x + 1.05 * ahead) + alpha * (image + 1.05 * beside)
        x = np.clip(x, 0, 255)
        if np.argmax(network(x[None].astype("float32"))) != label:
            best = min(best, size(x - image))
            x = image + 0.9 * (x - image)
    return best


@both_balls
def test_it_finds_what_the_papers_algorithm_finds(ball):
    logits = network(IMAGES).numpy()
    found = attacked(FABTargeted(1e4, 8, ball, classes=2, jit_compile=False))
    for image, label, row, ours in zip(IMAGES, PREDICTED, logits, found, strict=True):
        targets = [k for k in np.argsort(-row) if k != label][:2]
        expected = min(numpy_fab(image.astype("float64"), label, k, ball, 8) for k in targets)
        assert distances(ours[None], image[None], ball)[0] == pytest.approx(expected, 2e-3)


@both_balls
@pytest.mark.parametrize("compiled", [False, True])
def test_what_is_returned_is_in_ball_and_range(ball, compiled):
    """Fooled images at a radius between the distances; the same ones under XLA."""
    every = distances(attacked(FABTargeted(1e4, 10, ball)), IMAGES, ball)
    epsilon = float(np.mean(np.sort(every)[2:4]))
    found = attacked(FABTargeted(epsilon, 10, ball, jit_compile=compiled))
    np.testing.assert_array_equal(misclassified(found), every <= epsilon)
    assert 0 < misclassified(found).sum() < 6
    far = distances(found, IMAGES, ball)
    assert far[misclassified(found)].max() <= epsilon and far.max() <= epsilon + 1e-4
    assert found.min() >= 0 and found.max() <= 255


@both_balls
def test_an_image_is_attacked_alone(ball):
    attack = FABTargeted(30.0, 6, ball, jit_compile=False)
    together = attacked(attack)
    for rows in (slice(0, 1), slice(1, 6)):
        np.testing.assert_allclose(attacked(attack, rows=rows), together[rows], atol=1e-3)


@both_balls
def test_misclassified_images_are_left_alone(ball):
    labels = PREDICTED.copy()
    labels[::2] = (labels[::2] + 1) % CLASSES
    found = attacked(FABTargeted(40.0, 4, ball, restarts=2, jit_compile=False), labels=labels)
    np.testing.assert_array_equal(found[::2], IMAGES[::2])
    assert np.all(distances(found[1::2], IMAGES[1::2], ball) > 0)


@both_balls
def test_the_size_of_logits_does_not_matter(ball):
    usual, tiny = (
        attacked(FABTargeted(1e4, 5, ball, jit_compile=False), lambda x, s=scale: s * network(x))
        for scale in (1.0, 2.0**-80)
    )
    np.testing.assert_allclose(tiny, usual, atol=0.01)


@both_balls
def test_restarts_begin_half_a_radius_away(ball):
    attack = FABTargeted(20.0, 3, ball, restarts=3)
    inside = np.full(SHAPE, 128, "float32")
    starts = [attack.start(tf.constant(inside), SEEDS, number).numpy() for number in range(3)]
    np.testing.assert_array_equal(starts[0], inside)
    for start in starts[1:]:
        np.testing.assert_allclose(distances(start, inside, ball), 10, rtol=1e-4)
    assert np.abs(starts[1] - starts[2]).max() > 0.1


@both_balls
def test_restarts_find_what_a_flat_start_hides(ball):
    """Around the originals no pixel matters; further off a single one decides."""

    def masked(images):
        farthest = tf.reduce_max(tf.abs(images - 128), [1, 2, 3])
        return tf.stack([tf.ones_like(farthest), tf.nn.relu(farthest - 1) / 5], -1)

    images, labels = np.full(SHAPE, 128, "float32"), np.zeros(6, "int32")
    for restarts, fooled in ((1, False), (3, True)):
        attack = FABTargeted(20.0, 5, ball, restarts=restarts, jit_compile=False)
        found = attacked(attack, masked, images, labels)
        np.testing.assert_array_equal(misclassified(found, labels, masked), fooled)


@pytest.mark.parametrize(
    ("wrong_argument", "message"),
    [
        ({"epsilon": -1}, "epsilon must be >= 0"),
        ({"steps": 0}, "steps must be >= 1"),
        ({"ball": "l3"}, "ball is 'l3'.*Did you mean"),
        ({"classes": 0}, "classes must be >= 1"),
        ({"restarts": 0}, "restarts must be >= 1"),
        ({"alpha_max": 1.5}, "alpha_max must be in 0..1"),
        ({"eta": 0.9}, "eta must be >= 1"),
        ({"beta": 0}, "beta must be > 0 and <= 1"),
        ({"jit_compile": "yes"}, "jit_compile must be"),
    ],
)
def test_wrong_arguments_are_refused(wrong_argument, message):
    with pytest.raises(UserError, match=rf"FABTargeted\.{message}"):
        FABTargeted(**{"epsilon": 8.0} | wrong_argument)
