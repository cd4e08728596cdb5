"""The paper's numbers: each against others that the paper prints of the same model."""

import pytest

from tfadv import config
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.norms.mode import MAIN
from tfadv.paper import (
    CONTRADICTIONS,
    DIFFERENCES,
    QUOTED,
    RELEASED_ERRORS,
    ROWS,
    TABLE7_COLUMNS,
    row_of,
)

FROZEN = "adv_100_clean_0_frozen"
ATTACKS = TABLE7_COLUMNS[1:]


def row(recipe, *overlays):
    found = row_of([f"gin/{name}.gin" for name in (recipe, *overlays)])
    assert found, (recipe, overlays)
    return found


def number(recipe, *overlays, attack="PGD-2000", branch=None):
    published = row(recipe, *overlays).published
    return published[branch or ("adv" if "adv" in published else MAIN)][attack]


def pgd(steps):
    return () if steps == 30 else (f"attack/pgd{steps}",)


def test_every_row_has_branches_that_its_network_has():
    mixture = set(MixtureBatchNorm().branches)
    for one in ROWS:
        has_mixture = config.values_of(one.files)["Experiment.norm"] == "mixture_batch_norm"
        assert one.published and set(one.published) <= (mixture if has_mixture else {MAIN})
        assert set().union(*one.published.values()) <= set(TABLE7_COLUMNS)
    assert sum(len(by) == 6 for one in ROWS for by in one.published.values()) == 45  # table 7


def test_more_steps_never_help_the_model():
    for one in ROWS:
        for branch, by_attack in one.published.items():
            curve = one.curve(branch)
            accuracies = [by_attack.get("clean") or 100, *(curve[steps] for steps in sorted(curve))]
            assert accuracies == sorted(accuracies, reverse=True), one.name


def test_a_curve_is_what_was_printed_of_pgd():
    assert row("mbn").curve("adv") == {10: 51.8, 20: 49.1, 100: 40.9, 500: 38.8, 2000: 38.3}
    assert row("mbn").curve("clean") == row("mbn").curve("nobody's") == {}
    assert row("table3/3_rate_0.1").curve(MAIN) == {10: 50.2, 2000: 0.8}
    assert row("adv_100_clean_100", "attack/epsilon8").curve(MAIN) == {}


@pytest.mark.parametrize("said", DIFFERENCES, ids=lambda d: f"{d.where}: {d.points}")
def test_printed_differences_are_those_of_the_rows(said):
    of, over = (row_of(cell.files).published[cell.branch] for cell in (said.of, said.over))
    points = round(of[said.of.attack] - over[said.over.attack], 1)
    disputed = {
        printed: other.printed[other.followed]
        for other in CONTRADICTIONS
        for where, printed in other.printed.items()
        if where == said.where and printed == said.points
    }
    assert points == disputed.get(said.points, said.points)


def test_differences_are_of_every_table_that_prints_some():
    places = [said.where for said in DIFFERENCES]
    printed = {"table 1": 4, "table 2": 3, "table 4": 14, "table 5": 12, "table 6": 4}
    for table, count in printed.items():
        digit = table[-1]
        found = [w for w in places if w == table or (w.startswith("tables") and digit in w[:15])]
        assert len(found) == count, table


def test_contradictions_hold_both_values_and_the_rows_follow_one():
    depth, gain, labels = CONTRADICTIONS
    deepest = number(FROZEN, "depth/638", attack="clean")
    assert depth.printed == {"table 7": 67.2, "section 5": 68.7}
    assert depth.printed[depth.followed] == deepest
    ours = round(deepest - number(FROZEN, attack="clean"), 1)
    assert gain.printed == {"table 7": ours, "section 5": 6.1}
    assert row("mbn").name == labels.printed[labels.followed] != labels.printed["table 5"]
    values = config.values_of(row("mbn").files)
    assert values["Adversarial.clean_ratio"] == 1.0
    for one in CONTRADICTIONS:
        assert len(set(one.printed.values())) == 2 and one.followed in one.printed


# As they stand in the tables that repeat table 7's accuracies at PGD-2000.
REPEATED = {
    "table 2": {"adv_100_clean_0": 39.2, "mbn": 38.3, "mbn_alp": 35.3},
    "table 4": {
        "adv_100_clean_0": 39.2,
        "adv_100_clean_100": 20.9,
        "alp": 23.0,
        "mbn": 38.3,
        "mbn_alp": 35.3,
    },
    "table 6": {FROZEN: 42.2},
}
TABLE5 = {
    "adv_100_clean_0": (35.9, 36.8, 38.2, 39.2),
    "mbn": (31.2, 32.8, 34.1, 38.3),
    "mbn_alp": (32.9, 33.9, 35.8, 35.3),
}
PROSE = [
    ("mbn", "clean", "adv", 64.4),
    ("mbn_alp", "clean", "adv", 65.9),
    ("mbn", "clean", "clean", 79.3),
    ("mbn_alp", "clean", "clean", 78.4),
    ("adv_100_clean_0", "clean", MAIN, 62.3),
    ("gn", "clean", MAIN, 67.5),
    ("gn", "PGD-500", MAIN, 39.5),
    ("gn", "PGD-2000", MAIN, 39.0),
    ("clean", "clean", MAIN, 78.9),
    ("finetune/clean_images", "clean", MAIN, 73.0),
    ("finetune/adversarial_images", "PGD-2000", MAIN, 0.0),
    ("table3/1_original", "PGD-10", MAIN, 38.1),
    ("table3/1_original", "PGD-2000", MAIN, 2.1),
]


def test_what_tables_and_text_repeat():
    for recipes in REPEATED.values():
        assert recipes == {recipe: number(recipe) for recipe in recipes}
    for recipe, accuracies in TABLE5.items():
        assert accuracies == tuple(number(recipe, *pgd(steps)) for steps in (5, 10, 20, 30))
    for recipe, attack, branch, percent in PROSE:
        assert number(recipe, attack=attack, branch=branch) == percent, (recipe, attack)
    for steps, printed in ((10, (47.3, 3.3)), (30, (48.8, 23.0))):  # table 3, rows 7 and 8
        alp = row("alp", *pgd(steps)).published[MAIN]
        assert (alp["PGD-10"], alp["PGD-2000"]) == printed


def test_what_the_text_says_of_the_order_of_rows():
    ratios = [number(f"adv_100_clean_{ratio}") for ratio in (0, 20, 40, 60, 80, 100)]
    assert max(ratios) == ratios[0]  # section 4.1: strongest without clean images
    batches = {size: number(FROZEN, f"batch/{size}") for size in (512, 1024, 2048, 8192)}
    assert max(batches, key=batches.get) == 2048  # table 6
    assert batches[2048] > number(FROZEN)
    for attack in TABLE7_COLUMNS:  # section 5: deeper is better, on clean images too
        by_depth = [number(FROZEN, f"depth/{depth}", attack=attack) for depth in (200, 338, 518)]
        ends = number(FROZEN, attack=attack), number(FROZEN, "depth/638", attack=attack)
        assert sorted({*by_depth, *ends}) == [ends[0], *by_depth, ends[1]]
    worst = max(number(recipe, "attack/pgd5") for recipe in ("alp", "adv_100_clean_100"))
    assert worst < 0.5  # appendix B.1: about 0%
    theirs = QUOTED["Kannan et al. (2018)"]
    assert round(number("table3/1_original", attack="PGD-10") - theirs) == 8  # appendix A


def test_what_was_drawn_but_not_printed_is_known_to_be_unknown():
    curve = {d: number("clean", f"depth/{d}", attack="clean") for d in (200, 338, 518, 638)}
    assert curve == {200: None, 338: 79.4, 518: None, 638: None}
    assert number("adv_100_clean_100", "attack/epsilon8") is None


def test_networks_and_radii():
    for one in ROWS:
        at_imagenet = config.values_of([*one.files, "gin/scale/imagenet.gin"])
        assert f"ResNet-{3 * sum(at_imagenet['ResNet.blocks']) + 2}" == one.network, one.files
        assert at_imagenet["PGD.epsilon"] == one.epsilon


def test_the_released_pipeline_reports_the_paper_s_row():
    published = row("adv_100_clean_0").published[MAIN]
    for attack, error in RELEASED_ERRORS.items():
        assert published[attack] == round(100 - error, 1)
