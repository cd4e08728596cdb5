"""Balls, goals, FGSM and Auto-PGD against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import randomness
from tfadv.attacks import apgd, objectives
from tfadv.attacks.apgd import APGD, checkpoints
from tfadv.attacks.apgd_targeted import APGDTargeted
from tfadv.attacks.balls import L2Ball, LinfBall
from tfadv.attacks.fgsm import FGSM
from tfadv.attacks.pgd import PGD
from tfadv.attacks.square import Square
from tfadv.errors import UserError

SHAPE, CLASSES = (6, 4, 4, 3), 5
PIXELS = 48
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(0, 255, SHAPE).astype("float32")
LABELS = np.arange(6) % CLASSES
INNER = RANDOM.normal(0, 0.4, (PIXELS, 16)).astype("float32")
OUTER = RANDOM.normal(0, 1, (16, CLASSES)).astype("float32")
SEEDS = randomness.example_seeds(0, "attack", tf.range(6))


def logits_fn(images):
    x = tf.reshape(images, [-1, PIXELS]) / 127.5 - 1
    return tf.tanh(x @ INNER) @ OUTER


def attacked(attack, labels=LABELS):
    return attack(logits_fn, tf.constant(IMAGES), tf.constant(labels, tf.int32), SEEDS).numpy()


def gradient(loss, images):
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(logits_fn(x))
    return value.numpy(), tape.gradient(value, x).numpy()


@pytest.mark.parametrize("kind", [LinfBall, L2Ball])
def test_projection_is_the_nearest_point_of_many(kind):
    """Within the ball alone; at the pixels' border L2 is scaled first and clipped then."""
    images = np.full((1, 1, 2, 1), 100, "float32")
    grid = np.stack(np.meshgrid(*[np.linspace(80, 120, 401)] * 2), -1).reshape(-1, 2)
    order = np.inf if kind is LinfBall else 2
    inside = grid[np.linalg.norm(grid - 100, ord=order, axis=1) <= 10]
    for point in ([93.0, 95.0], [130.0, 104.0], [91.0, 113.0]):
        nearest = inside[np.argmin(np.sum((inside - point) ** 2, -1))]
        x = tf.constant(np.reshape(point, images.shape), tf.float32)
        found = kind(tf.constant(images), 10.0).project(x)
        np.testing.assert_allclose(np.ravel(found), nearest, atol=0.1)


@pytest.mark.parametrize("kind", [LinfBall, L2Ball])
def test_noise_is_uniform_in_the_ball(kind):
    seeds = randomness.example_seeds(3, "noise", tf.range(4000))
    noise = kind.noise(seeds, (1, 2, 1), 8.0)
    sizes = np.ravel(kind.size(noise))
    assert sizes.max() <= 8 + 1e-4
    # In two dimensions the share within radius r grows with its square.
    assert np.mean(sizes < 4) == pytest.approx(0.25, abs=0.03)
    assert np.abs(np.mean(noise, 0)).max() < 0.3


def test_steepest_directions_have_size_one_even_where_gradients_are_tiny():
    tiny = tf.constant(1e-30 * RANDOM.normal(size=SHAPE), tf.float32)
    np.testing.assert_allclose(L2Ball.size(L2Ball.steepest(tiny)), 1, rtol=1e-4)
    assert not np.any(L2Ball.steepest(tf.zeros(SHAPE)))


def test_goals_are_their_formulas():
    logits = RANDOM.normal(size=(6, CLASSES)).astype("float32")
    targets = (LABELS + 2) % CLASSES
    rows = np.arange(6)
    others = np.where(np.eye(CLASSES, dtype=bool)[LABELS], -np.inf, logits).max(-1)
    ordered = -np.sort(-logits)
    margin = others - logits[rows, LABELS]
    np.testing.assert_allclose(objectives.margin(tf.constant(logits), LABELS), margin, rtol=1e-5)
    dlr = margin / (ordered[:, 0] - ordered[:, 2])
    np.testing.assert_allclose(objectives.dlr(tf.constant(logits), LABELS), dlr, rtol=1e-4)
    scale = ordered[:, 0] - (ordered[:, 2] + ordered[:, 3]) / 2
    targeted = (logits[rows, targets] - logits[rows, LABELS]) / scale
    found = objectives.targeted_dlr(tf.constant(logits), LABELS, targets)
    np.testing.assert_allclose(found, targeted, rtol=1e-4)
    with pytest.raises(UserError, match="3 classes or more"):
        objectives.dlr(tf.zeros((2, 2)), tf.constant([0, 1]))


def test_fgsm_is_one_step_of_its_radius():
    loss = lambda y: objectives.cross_entropy(y, LABELS)  # noqa: E731
    _, slope = gradient(loss, IMAGES)
    expected = np.clip(IMAGES + 8 * np.sign(slope), 0, 255)
    np.testing.assert_allclose(attacked(FGSM(8.0)), expected, atol=1e-3)


@pytest.mark.parametrize("loss", ["cross_entropy", "margin", "dlr"])
@pytest.mark.parametrize("targeted", [True, False])
def test_l2_pgd_with_each_loss_equals_numpy(loss, targeted):
    attack = PGD(40.0, 5, 12.0, targeted=targeted, loss=loss, ball="l2", clean_start_probability=1)
    targets = attack.targets(tf.constant(LABELS, tf.int32), CLASSES, SEEDS)

    def climbed(logits):
        if targeted:
            return objectives.TOWARDS[loss](logits, LABELS, targets)
        return objectives.AWAY[loss](logits, LABELS)

    x = IMAGES
    for _ in range(5):
        _, slope = gradient(climbed, x)
        norms = np.sqrt(np.sum(slope.astype("float64") ** 2, (1, 2, 3), keepdims=True))
        moved = x + 12 * slope / np.maximum(norms, 1e-30) - IMAGES  # DLR may be flat
        size = np.sqrt(np.sum(moved**2, (1, 2, 3), keepdims=True))
        x = np.clip(IMAGES + moved * np.minimum(1, 40 / size), 0, 255).astype("float32")
    np.testing.assert_allclose(attacked(attack), x, atol=0.02)


def numpy_apgd(start, loss, epsilon, steps):
    """One image's Auto-PGD as the paper's algorithm 1 reads, with its whole history kept."""
    image, label = start["image"], start["label"]
    project = lambda x: np.clip(np.clip(x, image - epsilon, image + epsilon), 0, 255)  # noqa: E731
    ends = [0]
    length, shortest, by = (max(int(s * steps), 1) for s in (0.22, 0.06, 0.03))
    while ends[-1] < steps:
        ends.append(ends[-1] + length)
        length = max(length - by, shortest)
    x, before = start["x"], start["x"]
    value, slope = gradient(lambda y: loss(y, [label]), x[None])
    best, best_slope, best_value = x, slope[0], value[0]
    values, step, halved, value_then = [0.0], 2 * epsilon, True, best_value
    found = x if np.argmax(logits_fn(x[None])) != label else None
    slope = slope[0]
    for count in range(steps):
        ahead = project(x + step * np.sign(slope))
        share = 1.0 if count == 0 else 0.75
        x, before = project(x + share * (ahead - x) + (1 - share) * (x - before)), x
        value, slope = gradient(lambda y: loss(y, [label]), x[None])
        slope = slope[0]
        values.append(value[0])
        if np.argmax(logits_fn(x[None])) != label:
            found = x
        if value[0] > best_value:
            best, best_slope, best_value = x, slope, value[0]
        if count + 1 in ends:
            length = count + 1 - ends[ends.index(count + 1) - 1]
            rises = sum(
                b > a for a, b in zip(values[-length - 1 :], values[-length:], strict=False)
            )
            halve = rises <= 0.75 * length or (not halved and value_then >= best_value)
            if halve:
                step, x, slope = step / 2, best, best_slope
            halved, value_then = halve, best_value
    return best if found is None else found


@pytest.mark.parametrize("loss", ["cross_entropy", "dlr"])
def test_apgd_is_algorithm_1(loss):
    attack = APGD(3.0, 30, loss)
    labels = np.argmax(logits_fn(IMAGES), -1)
    found = attacked(attack, labels)
    starts = attack._start(tf.constant(IMAGES), randomness.for_purpose(SEEDS, "round 0")).numpy()
    np.testing.assert_allclose(
        np.abs(starts - IMAGES).max((1, 2, 3)), 3, atol=0.5
    )  # at the surface, where pixels allow it
    for image, label, x, ours in zip(IMAGES, labels, starts, found, strict=True):
        start = {"image": image, "label": label, "x": x}
        expected = numpy_apgd(start, objectives.AWAY[loss], 3.0, 30)
        assert np.mean(np.abs(ours - expected) < 0.01) > 0.95


def test_checkpoints_are_the_papers():
    """Section 3.2: p₀ = 0, p₁ = 0.22, p_{j+1} = p_j + max(p_j - p_{j-1} - 0.03, 0.06)."""
    shares = [0.0, 0.22]
    while shares[-1] < 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06))
    ends = [round(100 * share) for share in shares[1:] if share <= 1]
    assert [end + 1 for end in checkpoints(100)] == ends


def test_a_stretch_halves_the_step_after_few_rises_or_no_gain():
    """Section 3.3's two conditions; the second only where the step wasn't halved just before."""
    image, rows = tf.zeros((4, 1, 1, 1)), tf.constant
    state = apgd._State(
        count=rows(10),
        x=image + 1,
        before=image,
        gradient=image,
        loss=tf.zeros(4),
        best=image + 2,
        best_gradient=image,
        best_loss=rows([5.0, 5.0, 5.0, 6.0]),
        best_loss_then=rows([5.0, 5.0, 5.0, 5.0]),
        step=tf.fill([4], 8.0),
        rises=rows([7.0, 8.0, 8.0, 8.0]),
        halved_then=rows([False, False, True, False]),
        found=image,
        fooled=tf.zeros(4, tf.bool),
        broken=tf.zeros(4, tf.bool),
    )
    after = apgd._at_checkpoint(state, rows(10.0))
    np.testing.assert_array_equal(after.step, [4, 4, 8, 8])
    np.testing.assert_array_equal(np.ravel(after.x), [2, 2, 1, 1])
    np.testing.assert_array_equal(after.halved_then, [True, True, False, False])
    np.testing.assert_array_equal(after.rises, 0)
    between = apgd._at_checkpoint(state, rows(0.0))
    np.testing.assert_array_equal(between.step, 8)


def test_the_first_state_is_the_authors():
    """The first stretch counts as halved before, and the first loss is compared with 0."""
    start, loss = tf.zeros((2, 1, 1, 1)), tf.constant([1.0, 2.0])
    state = apgd._first(start, 16.0, start, loss, tf.constant([True, False]))
    assert np.all(state.halved_then) and not np.any(state.loss)
    np.testing.assert_array_equal(state.step, 16)
    np.testing.assert_array_equal(state.best_loss_then, loss)
    np.testing.assert_array_equal(state.fooled, [True, False])


def wrong_share(found, labels):
    return np.mean(np.argmax(logits_fn(found), -1) != labels)


def test_stronger_attacks_fool_no_fewer():
    labels = np.argmax(logits_fn(IMAGES), -1)
    for epsilon in (2.0, 6.0, 20.0):
        fgsm = wrong_share(attacked(FGSM(epsilon), labels), labels)
        apgd = wrong_share(attacked(APGD(epsilon, 50, restarts=2), labels), labels)
        targeted = wrong_share(attacked(APGDTargeted(epsilon, 50), labels), labels)
        square = wrong_share(attacked(Square(epsilon, 300), labels), labels)
        assert apgd >= fgsm and max(apgd, targeted) >= square
    assert apgd == targeted == square == 1.0


@pytest.mark.parametrize("attack", [APGD(20.0, 20, ball="l2"), APGDTargeted(20.0, 20, ball="l2")])
def test_l2_apgd_stays_in_its_ball(attack):
    found = attacked(attack)
    distances = np.sqrt(np.sum((found - IMAGES) ** 2, (1, 2, 3)))
    assert distances.max() <= 20 + 1e-3
    assert found.min() >= 0 and found.max() <= 255


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: PGD(8, 1, loss="ce"), "PGD.loss"),
        (lambda: PGD(8, 1, ball="l3"), "PGD.ball.*Did you mean"),
        (lambda: APGD(8, loss="dlrr"), "Did you mean 'dlr'"),
        (lambda: APGD(8, steps=0), "APGD.steps"),
        (lambda: APGDTargeted(8, classes=0), "APGDTargeted.classes"),
        (lambda: Square(8, first_share=0), "Square.first_share"),
        (lambda: Square(8, queries=0), "Square.queries"),
    ],
)
def test_wrong_arguments_are_told(make, told):
    with pytest.raises(UserError, match=told):
        make()
