"""How a claim is judged by what the finished runs reached.

A claim is one or several effects: sums of accuracies, weighted so that the paper's claim
is that they are above zero. An effect

- **holds** where its whole 95% interval is above zero;
- **does not hold** where the whole interval is below zero, or below half of the effect that
  the paper printed;
- is **not decidable here** otherwise, where numbers are missing, and with fewer than
  `SEEDS` seeds, whose spread nobody knows.

A claim holds if all its effects do, and does not if one of them doesn't.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from tfadv.paper import Number
from tfadv.reproduction.bootstrap import Interval, bootstrap
from tfadv.reproduction.experiment import Files, published
from tfadv.reproduction.results import Results

HOLDS, FAILS, UNDECIDED = "holds", "does not hold", "not decidable here"
SEEDS = 3


class Effect(NamedTuple):
    """One number that a claim is about.

    Attributes:
        what: in words, such as 'PGD-2000: without clean images, minus with'.
        verdict: `HOLDS`, `FAILS` or `UNDECIDED`.
        why: of the verdict.
        measured: with its 95% interval, None where numbers are missing. Percentage points,
            unless `unit` says otherwise.
        paper: the same of the paper's numbers; None where it printed not all of them.
        seeds: that were used.
        images: of each seed, 0 where the effect is of no images.
        unit: of `measured` and `paper`.
    """

    what: str
    verdict: str
    why: str
    measured: Interval | None
    paper: float | None
    seeds: tuple[int, ...]
    images: int
    unit: str = "points"


class Verdict(NamedTuple):
    """What became of a claim.

    Attributes:
        name: of the claim.
        claim: the paper's, in a sentence.
        where: it stands in the paper.
        verdict: `HOLDS`, `FAILS` or `UNDECIDED`.
        effects: that it rests on.
    """

    name: str
    claim: str
    where: str
    verdict: str
    effects: tuple[Effect, ...]


class Claim(NamedTuple):
    """A claim of the paper.

    Attributes:
        text: a sentence.
        where: it stands.
        effects: measures them.
    """

    text: str
    where: str
    effects: Callable[[Results], tuple[Effect, ...]]

    def judge(self, name: str, results: Results) -> Verdict:
        """Returns what became of the claim of this name."""
        effects = self.effects(results)
        verdicts = {effect.verdict for effect in effects}
        joint = next(one for one in (FAILS, UNDECIDED, HOLDS) if one in verdicts)
        return Verdict(name, self.text, self.where, joint, effects)


def judged(measured: Interval, paper: float | None, seeds: int) -> tuple[str, str]:
    """Returns an effect's verdict and why."""
    if seeds < SEEDS:
        return UNDECIDED, f"{seeds} of at least {SEEDS} seeds"
    if measured.low > 0:
        return HOLDS, "the whole interval is above zero"
    if measured.high < 0:
        return FAILS, "the whole interval is below zero"
    if paper and measured.high < paper / 2:
        return FAILS, "the whole interval is below half of the paper's effect"
    return UNDECIDED, "the interval holds zero" + (
        " and the paper's effect" if paper and measured.high >= paper else ""
    )


def contrast(results: Results, what: str, weights: Mapping[Number, float]) -> Effect:
    """Measures ``Σ weight · accuracy`` in percentage points, and of the paper's numbers too."""
    printed = {number: published(number) for number in weights}
    paper = None
    if None not in printed.values():
        paper = round(sum(weight * printed[number] for number, weight in weights.items()), 1)
    found = results.contrast(weights)
    if found is None:
        return Effect(what, UNDECIDED, _lacking(results, weights), None, paper, (), 0)
    points = Interval(*(100 * value for value in found.accuracy))
    decided, why = judged(points, paper, len(found.seeds))
    return Effect(what, decided, why, points, paper, found.seeds, found.images)


def _lacking(results: Results, weights: Mapping[Number, float]) -> str:
    without = [n for n in weights if results.measured(n) is None]
    names = dict.fromkeys(" + ".join(n.files) for n in without)
    return f"no {', '.join(names)}" if names else "no seed has all the models, on the same images"


def by_norm(
    results: Results,
    what: str,
    files: Files,
    measure: Callable[[Mapping], np.ndarray],
    unit: str = "points",
) -> Effect:
    """Measures the mean over a model's norms, with an interval over seeds and norms.

    Norms are drawn again, not channels: those of one norm see the same images through one
    convolution and bear no independent witness, and there are so many of them that no
    interval would be left.

    Args:
        results: with norm statistics.
        what: in words.
        files: of the model.
        measure: of a run's norm statistics one value for each norm, float64 [L]; none where
            they don't have what it compares.
        unit: of the values.
    """
    found = {
        result.seed: measure(result.statistics)
        for result in results.by_model.get(files, ())
        if result.statistics is not None
    }
    values = {seed: of_norms for seed, of_norms in found.items() if len(of_norms)}
    if not values:
        why = f"no norm statistics of {' + '.join(files)}"
        return Effect(what, UNDECIDED, why, None, None, (), 0, unit)
    measured = bootstrap(list(values.values()))
    decided, why = judged(measured, None, len(values))
    return Effect(what, decided, why, measured, None, tuple(values), 0, unit)
