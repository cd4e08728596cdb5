"""The heads of gin files: every number of the paper in them is that of the row they make."""

import re

import pytest
from shared.project import OVERLAYS, RECIPES, ROOT

from tfadv import config
from tfadv.norms.mode import MAIN
from tfadv.paper import CONTRADICTIONS, DIFFERENCES, PUBLISHED_SCALE, RELEASED_ERRORS, row_of
from tfadv.planning.paper_rows import recipe_of

HEADS = [*(f"gin/{recipe}.gin" for recipe in RECIPES), *OVERLAYS]
# It trains nothing, and so is no row: it evaluates the weights of one.
NOT_TRAINED = {"gin/released/resnet152.gin": ("gin/adv_100_clean_0.gin",)}
NUMBER = re.compile(r"\d+(?:\.\d+)?(?=%| points)")
BRANCH = r"(?:(?P<branch>\w+) branch )?"
ACCURACY = re.compile(
    BRANCH + r"(?P<percent>\d+(?:\.\d+)?)% (?P<attack>clean|at PGD-\d+)(?: with (?P<recipe>\w+))?"
)
GAIN = re.compile(r"at (?P<attack>PGD-\d+), (?P<points>\d+\.\d) points more than without")
ELSEWHERE = re.compile(r"\((?P<percent>\d+\.\d)% in (?P<where>section \d)\)")


def head_of(file):
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    count = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    return " ".join(line.lstrip("# ") for line in lines[:count])


def files_of(file, head):
    files = [name for name in re.findall(r"--gin_file=(\S+)", head) if "/scale/" not in name]
    assert file in files
    return files


def row_made_by(files):
    made = recipe_of(config.values_of([*files, PUBLISHED_SCALE]))
    row = row_of(made or NOT_TRAINED.get(files[0], ()))
    assert row, files
    return row


def printed(row, branch, attack):
    branches = [branch] if branch else row.published
    return {row.published[name].get(attack) for name in branches}


@pytest.mark.parametrize("file", HEADS)
def test_the_numbers_of_a_head_are_those_of_its_row(file):
    head = head_of(file)
    files = files_of(file, head)
    row = row_made_by(files)
    claims = head[head.index("Paper") :]
    found = 0
    for claim in ACCURACY.finditer(claims):
        other = claim["recipe"]
        those = row_made_by([f"gin/{other}.gin", *files[1:]]) if other else row
        if other and len(files) == 1:  # where a finetuning starts
            those = row_of([f"gin/{other}.gin"])
        attack = claim["attack"].removeprefix("at ")
        assert float(claim["percent"]) in printed(those, claim["branch"], attack), claim[0]
        found += 1
    for claim in GAIN.finditer(claims):
        gains = {said.points for said in DIFFERENCES if said.of.files == row.files}
        assert gains == {float(claim["points"])}
        found += 1
    for claim in ELSEWHERE.finditer(claims):
        said = [one.printed.get(claim["where"]) for one in CONTRADICTIONS]
        assert float(claim["percent"]) in said
        found += 1
    assert found == len(NUMBER.findall(claims)), claims


@pytest.mark.parametrize("file", HEADS)
def test_a_head_has_the_last_number_of_its_row(file):
    head = head_of(file)
    row = row_made_by(files_of(file, head))
    claims = head[head.index("Paper") :]
    lasts = [list(by_attack.values())[-1] for by_attack in row.published.values()]
    percents = {float(claim["percent"]) for claim in ACCURACY.finditer(claims)}
    if file in NOT_TRAINED:
        # Of a row's numbers, those that the released pipeline gives as well.
        assert percents == {row.published[MAIN][attack] for attack in RELEASED_ERRORS}
        released = head[head.index("Released, errors") : head.index("Paper")]
        errors = [float(claim["percent"]) for claim in ACCURACY.finditer(released)]
        assert errors == list(RELEASED_ERRORS.values())
    elif lasts == [None]:
        assert "no number printed" in claims and not percents
    else:
        # An overlay that restates the scale's own size tells of one branch.
        assert set(lasts if file in row.files else lasts[:1]) <= percents
        assert "printed" not in claims
