"""The curve of PGD by its lengths: the same bits as separate runs, and fewer passes."""

import numpy as np
import pytest
import tensorflow as tf

from tfadv import config, randomness
from tfadv.attacks.pgd import PGD
from tfadv.errors import UserError
from tfadv.evaluation.trajectory import rolling
from tfadv.evaluation.trajectory.curve import Curve
from tfadv.registry import ATTACKS

LENGTHS = (3, 10, 50, 400)
COUNT, SIZE = 11, 4
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(0, 255, (COUNT, 8, 8, 3)).astype("float32")
LABELS = (np.arange(COUNT) % 5).astype("int32")


def seeds_of(index):
    return randomness.example_seeds(0, "evaluate", index)


def batches():
    """Returns batches of 4, the last with a row that doesn't count."""
    for first in range(0, COUNT, SIZE):
        rows = np.minimum(np.arange(first, first + SIZE), COUNT - 1)
        counts = np.arange(first, first + SIZE) < COUNT
        yield {"image": IMAGES[rows], "label": LABELS[rows], "index": rows, "counts": counts}


def make_attack(steps, **arguments):
    return PGD(16.0, steps, 2.0, **arguments)


def outcomes(logits_fn, attack=None, **arguments):
    run = Curve(attack or make_attack(1), LENGTHS, **arguments).run(logits_fn, batches(), seeds_of)
    return {outcome.index: outcome for outcome in run}


@pytest.mark.parametrize(
    ("dtype", "targeted"),
    [
        ("float32", True),
        ("bfloat16", False),
        pytest.param("float32", False, marks=pytest.mark.slow),
        pytest.param("bfloat16", True, marks=pytest.mark.slow),
    ],
)
def test_every_length_gives_the_bits_of_its_own_run(tiny_model, targeted, dtype):
    logits_fn = tiny_model("mixture").logits_fn(dtype=dtype, constant=True)
    attack = make_attack(1, targeted=targeted)
    skipped = outcomes(logits_fn, attack)
    walked = outcomes(logits_fn, attack, skip_cycles=False)
    assert sorted(skipped) == sorted(walked) == list(range(COUNT))
    for batch in batches():
        labels, seeds = tf.constant(batch["label"]), seeds_of(batch["index"])
        for column, steps in enumerate(LENGTHS):
            alone = make_attack(steps, targeted=targeted)
            run = tf.function(lambda *b, attack=alone: attack(logits_fn, *b), autograph=False)
            images = run(tf.constant(batch["image"]), labels, seeds)
            predictions = np.argmax(tf.function(logits_fn, autograph=False)(images), -1)
            for row in np.flatnonzero(batch["counts"]):
                one = skipped[batch["index"][row]]
                assert one.predictions[column] == predictions[row]
                if targeted:
                    assert one.target == attack.targets(labels, 5, seeds)[row]
                if steps == LENGTHS[-1]:
                    np.testing.assert_array_equal(one.final, images[row])
    for index, one in skipped.items():
        np.testing.assert_array_equal(one.final, walked[index].final)
        np.testing.assert_array_equal(one.predictions, walked[index].predictions)
        assert walked[index].passes == LENGTHS[-1] + 1 and walked[index].period == 0
    found = [one for one in skipped.values() if one.period]
    assert found and all(one.passes < LENGTHS[-1] for one in found)


def test_the_last_images_move_to_a_smaller_batch(tiny_model, monkeypatch):
    """If their bits agree there; by single rows here, so that few images suffice."""
    logits_fn = tiny_model("mixture").logits_fn(constant=True)
    sizes = []

    def watched(images):
        sizes.append(images.shape[0])
        return logits_fn(images)

    plain = outcomes(logits_fn)
    monkeypatch.setattr(rolling, "ROWS", 1)
    moved = outcomes(watched)
    assert min(sizes) < SIZE
    for index, one in plain.items():
        np.testing.assert_array_equal(moved[index].final, one.final)
        np.testing.assert_array_equal(moved[index].predictions, one.predictions)
        assert moved[index].period == one.period


def test_a_smaller_batch_of_other_bits_is_not_used(tiny_model, monkeypatch):
    logits_fn = tiny_model("mixture").logits_fn(constant=True)

    def by_size(images):
        return logits_fn(images) * (1 + 0.01 * images.shape[0]) + images[:, 0, 0, :1] * 0.0

    monkeypatch.setattr(rolling, "ROWS", 1)
    attack = make_attack(1, ball="l2")  # its steps show every difference
    moved = outcomes(by_size, attack)
    monkeypatch.setattr(rolling, "ROWS", 10**6)
    for index, one in outcomes(by_size, attack).items():
        np.testing.assert_array_equal(moved[index].final, one.final)


def test_a_known_cycle_is_found_and_read_off():
    """A valley that every step of 2 jumps across: 101, 99, 101, and so on."""

    def logits_fn(images):
        flat = tf.reshape(images, [-1, 192])
        away = tf.reduce_mean(tf.abs(flat - 100.0), -1, keepdims=True)  # lowest at 100
        return tf.concat([away, tf.zeros([flat.shape[0], 4])], -1)

    images = np.full((1, 8, 8, 3), 101, "float32")
    batch = {"image": images, "label": np.zeros(1, "int32"), "index": np.zeros(1, "int64")}
    attack = PGD(16.0, 1, 2.0, targeted=False, clean_start_probability=1.0)
    lengths = (1, 40, 999, 1000)
    walk = Curve(attack, lengths, steps_per_call=7)
    (one,) = walk.run(logits_fn, [batch | {"counts": np.ones(1, bool)}], seeds_of)
    assert one.period == 2
    assert np.all(one.final == 101) and one.passes < 50


def test_every_trace_has_the_same_bits(tiny_model):
    """Max-pooling's gradient shares ties alike, whatever kernels a trace would get."""
    model = tiny_model("batch", blocks=(1,), stem="imagenet")
    found = []
    for _ in range(6):
        run = outcomes(model.logits_fn(dtype="bfloat16", constant=True))
        found.append(np.stack([run[index].final for index in range(COUNT)]))
    assert all(np.array_equal(one, found[0]) for one in found)


def test_attacks_and_lengths_without_a_curve_are_refused():
    config.with_plugins(["plugins.mi_fgsm"])
    with pytest.raises(UserError, match="MIFGSM has no curve"):
        Curve(ATTACKS.build("mi_fgsm", epsilon=8.0), (10,))
    with pytest.raises(UserError, match="lengths must be numbers > 0"):
        Curve(make_attack(1), ())


def test_no_image_has_no_outcome():
    assert list(Curve(make_attack(1), (5,)).run(lambda x: x, [], seeds_of)) == []
