"""The paper's claims and what the finished runs say of them, as text."""

from collections.abc import Sequence
from typing import NamedTuple

from tfadv.reproduction.report.grid import Cell, Column, Grid, Part, Row, plain
from tfadv.reproduction.report.numbers import NONE, sample, signed, signed_ends
from tfadv.reproduction.verdicts import FAILS, HOLDS, UNDECIDED, Effect, Verdict

SHAPES = {HOLDS: "✓", FAILS: "✗", UNDECIDED: "?"}
KINDS = {HOLDS: "holds", FAILS: "fails", UNDECIDED: "undecided"}  # as style sheets name them
POINTS = "points"


class Judgement(NamedTuple):
    """One claim.

    Attributes:
        name: of the claim.
        claim: a sentence.
        where: it stands in the paper.
        verdict: a shape and words.
        kind: of the verdict: a value of `KINDS`.
        effects: what it rests on.
    """

    name: str
    claim: str
    where: str
    verdict: str
    kind: str
    effects: Grid


def judgements(verdicts: Sequence[Verdict]) -> list[Judgement]:
    """Returns the claims, in their order."""
    return [
        Judgement(
            one.name,
            one.claim,
            one.where,
            _shaped(one.verdict),
            KINDS[one.verdict],
            Grid(_COLUMNS, tuple(_row(effect, len(one.effects) > 1) for effect in one.effects)),
        )
        for one in verdicts
    ]


def summary(verdicts: Sequence[Verdict]) -> str:
    """Returns how many claims hold, do not, and cannot be decided."""
    found = [one.verdict for one in verdicts]
    return ", ".join(f"{_shaped(kind)}: {found.count(kind)}" for kind in SHAPES if kind in found)


def _shaped(verdict: str) -> str:
    return f"{SHAPES[verdict]} {verdict}"


_COLUMNS = (
    Column("effect", is_number=False),
    Column("here"),
    Column("paper"),
    Column("measured on"),
    Column("why", is_number=False),
)


def _row(effect: Effect, is_one_of_several: bool) -> Row:
    verdict = (Part(_shaped(effect.verdict), KINDS[effect.verdict]),) * is_one_of_several
    return Row((plain(effect.what), *_measured(effect), (*verdict, Part(effect.why, "small"))))


def _measured(effect: Effect) -> tuple[Cell, Cell, Cell]:
    """Returns the effect here, with its interval, and in the paper, and what it rests on."""
    decimals = 1 if effect.unit == POINTS else 3
    paper = NONE if effect.paper is None else f"{signed(effect.paper, decimals)} (paper)"
    if effect.measured is None:
        return (Part(NONE, "absent"),), plain(paper), plain(NONE)
    value, low, high = effect.measured
    unit = "" if effect.unit == POINTS else effect.unit
    small = (signed_ends(low, high, decimals), unit)
    here = (
        Part(signed(value, decimals), "value"),
        *(Part(text, "small") for text in small if text),
    )
    return here, plain(paper), plain(sample(len(effect.seeds), effect.images))
