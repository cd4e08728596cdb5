"""The paper's claims and what the finished runs say of them, as text."""

from collections.abc import Sequence
from typing import NamedTuple

from tfadv.reproduction.report.grid import Cell, Column, Grid, Part, Row, plain
from tfadv.reproduction.report.numbers import NONE, counted, listed, signed, signed_ends
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
            Grid(_COLUMNS, tuple(map(_row, one.effects))),
        )
        for one in verdicts
    ]


def summary(verdicts: Sequence[Verdict]) -> str:
    """Returns how many claims hold, do not, and cannot be decided; '' without claims."""
    found = [one.verdict for one in verdicts]
    each = [f"{found.count(kind)} {_shaped(kind)}" for kind in SHAPES if kind in found]
    return f"{counted(len(found), 'claim')}: {listed(each)}." if found else ""


def _shaped(verdict: str) -> str:
    return f"{SHAPES[verdict]} {verdict}"


_COLUMNS = (
    Column("effect", is_number=False),
    Column("here"),
    Column("95% interval"),
    Column("paper"),
    Column("measured on"),
    Column("verdict", is_number=False),
)


def _row(effect: Effect) -> Row:
    verdict = (Part(_shaped(effect.verdict), KINDS[effect.verdict]), Part(effect.why, "small"))
    return Row((plain(effect.what), *_measured(effect), verdict))


def _measured(effect: Effect) -> tuple[Cell, Cell, Cell, Cell]:
    decimals = 1 if effect.unit == POINTS else 3
    unit = "" if effect.unit == POINTS else effect.unit
    paper = NONE if effect.paper is None else f"{signed(effect.paper, decimals)} (paper)"
    if effect.measured is None:
        return (Part(NONE, "absent"),), plain(NONE), plain(paper), plain(NONE)
    value, low, high = effect.measured
    images = counted(effect.images, "image") if effect.images else ""
    return (
        (Part(signed(value, decimals), "value"), *((Part(unit, "small"),) if unit else ())),
        plain(signed_ends(low, high, decimals)),
        plain(paper),
        plain(counted(len(effect.seeds), "seed"), images),
    )
