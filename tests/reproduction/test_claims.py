"""The claims and their verdicts."""

import numpy as np
import pytest
from shared.reproduced import seed_result

from tfadv.paper import ROWS
from tfadv.reproduction.bootstrap import Interval
from tfadv.reproduction.catalogue import EXPERIMENTS
from tfadv.reproduction.claims import CLAIMS, verdict
from tfadv.reproduction.results import Results
from tfadv.reproduction.verdicts import FAILS, HOLDS, UNDECIDED, judged

IMAGES = 1000
OF_ACCURACIES = [name for name in CLAIMS if "statistics" not in name]
# What the paper's own numbers give, in points, by hand.
PRINTED = {
    "removing_clean_images_helps": [18.3],
    "mbn_secures_robustness": [17.4],
    "branches_are_good_at_their_own": [14.9, None],
    "freezing_helps": [2.5],
    "finetuning_norms_recovers_clean_accuracy": [10.7, 39.2],
    "deeper_helps_more_under_attack": [1.9],
    "fewer_steps_hurt_weak_strategies_most": [17.5],
    "only_some_curves_flatten": [4.5],
}


def accuracies(percent):
    """Returns results in which every number of the paper is `percent` of it."""
    by_model = {}
    for row in ROWS:
        right = {
            (branch, attack): np.arange(IMAGES) < percent(branch, attack, value)
            for branch, by_attack in row.published.items()
            for attack, value in by_attack.items()
            if value is not None
        }
        if right:
            by_model[row.files] = [seed_result(seed, right) for seed in range(3)]
    return Results(by_model, {})


def test_the_nine_claims_are_all_there_and_all_shown():
    assert len(CLAIMS) == 9
    assert set(EXPERIMENTS["everything"].claims) == set(CLAIMS)


@pytest.mark.parametrize("name", OF_ACCURACIES)
def test_the_papers_own_numbers_bear_out_its_claims(name):
    found = verdict(name, accuracies(lambda branch, attack, value: 10 * value))
    effects = [effect.paper for effect in found.effects]
    assert effects == pytest.approx(PRINTED[name], abs=0.051)
    for effect in found.effects:
        if effect.paper is None:  # the paper prints no PGD-2000 of the clean branch
            assert effect.verdict == UNDECIDED
        else:
            assert effect.measured.effect == pytest.approx(effect.paper, abs=0.11)
            assert effect.verdict == HOLDS
    missing = None in PRINTED[name]
    assert found.verdict == (UNDECIDED if missing else HOLDS)


@pytest.mark.parametrize("name", OF_ACCURACIES)
def test_models_that_are_all_alike_bear_out_none(name):
    found = verdict(name, accuracies(lambda branch, attack, value: 400))
    assert found.verdict in (FAILS, UNDECIDED)
    for effect in found.effects:
        if effect.measured:
            assert effect.measured.effect == pytest.approx(0.0, abs=1e-9)
            assert effect.verdict == FAILS  # no image speaks for it


@pytest.mark.parametrize("name", CLAIMS)
def test_nothing_trained_decides_nothing(name):
    found = verdict(name, Results({}, {}))
    assert found.verdict == UNDECIDED
    assert all(effect.why for effect in found.effects)


@pytest.mark.parametrize(
    ("interval", "paper", "seeds", "expected"),
    [
        ((5.0, 1.0, 9.0), 18.0, 3, HOLDS),
        ((5.0, 1.0, 9.0), 18.0, 2, UNDECIDED),
        ((-5.0, -9.0, -1.0), 18.0, 3, FAILS),
        ((1.0, -3.0, 5.0), 18.0, 3, FAILS),
        ((5.0, -3.0, 12.0), 18.0, 3, UNDECIDED),
        ((1.0, -3.0, 5.0), None, 3, UNDECIDED),
    ],
)
def test_a_verdict_follows_from_the_interval(interval, paper, seeds, expected):
    assert judged(Interval(*interval), paper, seeds)[0] == expected
