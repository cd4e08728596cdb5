"""Numbers and contrasts of finished runs, against NumPy."""

import numpy as np
import pytest
from shared.reproduced import seed_result

from tfadv.norms.mode import MAIN
from tfadv.paper import Number
from tfadv.reproduction.results import Results, attack_name

A, B = ("gin/a.gin",), ("gin/b.gin",)
ON_A, ON_B = Number(A, MAIN, "PGD-2000"), Number(B, MAIN, "PGD-2000")


def draws(seed, share, count=200):
    return np.random.default_rng(seed).random(count) < share


def results(by_model):
    return Results(
        {
            files: [seed_result(seed, {(MAIN, "PGD-2000"): right}) for seed, right in runs.items()]
            for files, runs in by_model.items()
        },
        {},
    )


def test_a_number_is_the_mean_over_its_seeds():
    rights = {0: draws(0, 0.2), 4: draws(1, 0.6)}
    found = results({A: rights}).measured(ON_A)
    assert found.accuracy.effect == pytest.approx(
        np.mean([right.mean() for right in rights.values()])
    )
    assert found.accuracy.low < found.accuracy.effect < found.accuracy.high
    assert (found.seeds, found.images) == ((0, 4), 200)


def test_a_contrast_takes_the_seeds_that_both_have_and_pairs_their_images():
    base = draws(0, 0.4)
    better = base | draws(1, 0.1)
    found = results({A: {0: better, 1: base, 2: base}, B: {0: base, 1: base, 3: base}})
    contrast = found.contrast({ON_A: 1.0, ON_B: -1.0})
    assert contrast.seeds == (0, 1)
    assert contrast.accuracy.effect == pytest.approx((better.mean() - base.mean()) / 2)
    assert contrast.accuracy.low >= 0  # no image speaks against it


def test_what_is_not_there_is_none():
    found = results({A: {0: draws(0, 0.5)}, B: {1: draws(0, 0.5)}})
    assert found.measured(Number(A, MAIN, "PGD-10")) is None
    assert found.measured(Number(("gin/c.gin",), MAIN, "clean")) is None
    assert found.contrast({ON_A: 1.0, ON_B: -1.0}) is None  # no common seed


def test_models_judged_on_other_images_are_not_compared():
    one = seed_result(0, {(MAIN, "PGD-2000"): draws(0, 0.5)})
    other = seed_result(0, {(MAIN, "PGD-2000"): draws(0, 0.5)}, first=1)
    assert Results({A: [one], B: [other]}, {}).contrast({ON_A: 1.0, ON_B: -1.0}) is None


def test_a_curve_is_by_steps():
    rights = {(MAIN, f"PGD-{n}"): draws(n, 0.5) for n in (100, 20, 2000)}
    rights |= {(MAIN, "clean"): draws(0, 0.9), (MAIN, "AutoAttack untargeted"): draws(0, 0.1)}
    curve = Results({A: [seed_result(0, rights)]}, {}).curve(A, MAIN)
    assert list(curve) == [20, 100, 2000]
    assert curve[20].accuracy.effect == pytest.approx(rights[MAIN, "PGD-20"].mean())


@pytest.mark.parametrize(
    ("other", "name"),
    [
        ({}, "PGD-20"),
        ({"targeted": False}, "PGD-20 untargeted ε=16"),
        ({"epsilon": 8.0}, "PGD-20 targeted ε=8"),
        ({"loss": "margin"}, "PGD-20 targeted by margin ε=16"),
        ({"worst_case": True}, "PGD-20 targeted ε=16"),
        ({"after": ["APGD"]}, "PGD-20 targeted ε=16"),
    ],
)
def test_the_papers_attack_alone_has_its_name(other, name):
    record = {"epsilon": 16.0, "ball": "linf"}
    row = {"attack": "pgd", "title": "PGD", "branch": MAIN, "steps": 20, "step_size": 1.0}
    row |= {"targeted": True, "epsilon": 16.0, "ball": "linf", "loss": "cross_entropy"}
    assert attack_name(record, row | other) == name
