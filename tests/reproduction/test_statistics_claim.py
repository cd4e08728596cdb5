"""Figure 5's claim: adversarial statistics differ and are larger."""

import numpy as np
import pytest
from shared.norm_statistics import moments, norm, of_network, statistics
from shared.reproduced import seed_result

from tfadv.reproduction.claims import CLAIMS, verdict
from tfadv.reproduction.experiment import model
from tfadv.reproduction.results import Results
from tfadv.reproduction.verdicts import FAILS, HOLDS, UNDECIDED

NAME, MBN = "adversarial_statistics_are_larger", model("mbn")
NORMS, CHANNELS = 24, 40
RIGHT = {("adv", "clean"): np.ones(2, bool)}


def network(seed, shift, doublings, noise=0.02, push=1.0):
    """Returns statistics whose adversarial means are `shift` deviations further from zero.

    Its variances are `doublings` larger, and batches differ from the running ones by noise.
    """
    random = np.random.default_rng(seed)
    norms = []
    for number in range(NORMS):
        sign = random.choice([-1, 1], CHANNELS)
        scale = 10 ** random.uniform(-2, 2, CHANNELS)
        far = sign * random.uniform(0.5, 2, CHANNELS)

        def noisy(mean, doubled, scale=scale):
            moved = mean + noise * random.normal(size=CHANNELS)
            variance = 2 ** (doubled + noise * random.normal(size=CHANNELS))
            return moments(moved * scale, variance * scale**2)

        of_branch = {
            "clean": lambda noisy=noisy, far=far: noisy(far, 0),
            "adv": lambda noisy=noisy, far=far, s=sign: noisy(far + push * s * shift, doublings),
        }
        running = {branch: some() for branch, some in of_branch.items()}
        batches = {branch: [some(), some()] for branch, some in of_branch.items()}
        norms.append(norm(f"block{number}/unit", running, batches))
    return statistics(norms)


def judged(*networks):
    results = [
        seed_result(seed, RIGHT, statistics=statistics) for seed, statistics in enumerate(networks)
    ]
    return verdict(NAME, Results({MBN: results}, {}))


def test_it_holds_where_they_are_larger():
    found = judged(*(network(seed, 0.3, 1.0) for seed in range(3)))
    assert found.verdict == HOLDS
    means, variances, larger, further = found.effects
    # 0.3 clean deviations are so many of the mean variance, 1 and 2; noise is small.
    assert means.measured.effect == pytest.approx(0.3 / np.sqrt(1.5), abs=0.03)
    assert (means.unit, variances.unit) == ("standard deviations", "doublings")
    assert variances.measured.effect == pytest.approx(1.0, abs=0.05)
    assert larger.measured.effect == pytest.approx(50.0, abs=0.5)
    assert further.measured.effect == pytest.approx(50.0, abs=0.5)
    assert all(e.paper is None and e.images == 0 and e.seeds == (0, 1, 2) for e in found.effects)


def test_it_fails_where_they_are_smaller():
    found = judged(*(network(seed, 0.3, -1.0, push=-1) for seed in range(3)))
    verdicts = [effect.verdict for effect in found.effects]
    assert verdicts == [HOLDS, HOLDS, FAILS, FAILS] and found.verdict == FAILS


def test_what_two_batches_explain_is_no_difference():
    found = judged(*(network(seed, 0.0, 0.0, noise=0.3) for seed in range(3)))
    for effect in found.effects[:2]:
        assert effect.verdict != HOLDS and abs(effect.measured.effect) < 0.1
    assert found.verdict != HOLDS


def test_norms_are_the_witnesses_not_channels():
    """Half of the norms all larger, half all smaller: the interval is that of 24 norms."""
    both = [network(0, 0.3, 1.0), network(0, 0.3, -1.0)]
    mixed = statistics(both[0]["norms"][: NORMS // 2] + both[1]["norms"][NORMS // 2 :])
    effect = judged(mixed, mixed, mixed).effects[2]
    assert effect.measured.effect == pytest.approx(0.0, abs=1.0)
    half = 1.96 * 50 / np.sqrt(NORMS) / np.sqrt(3)  # three seeds, drawn independently
    assert effect.measured.high == pytest.approx(half, rel=0.15)
    assert effect.verdict == UNDECIDED


@pytest.mark.parametrize(
    ("networks", "why"),
    [
        ([], "no norm statistics of gin/mbn.gin"),
        ([None, None, None], "no norm statistics of gin/mbn.gin"),
        ([of_network(branches=("adv",))] * 3, "no norm statistics of gin/mbn.gin"),
        ([network(0, 0.3, 1.0)] * 2, "2 of at least 3 seeds"),
    ],
)
def test_too_little_decides_nothing(networks, why):
    found = judged(*networks)
    assert found.verdict == UNDECIDED
    assert {effect.why for effect in found.effects} == {why}
    assert CLAIMS[NAME].where == "section 4.2, figure 5"
