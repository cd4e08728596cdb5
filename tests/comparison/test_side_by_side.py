"""Records side by side: what differs, by how much, and whether it can be said at all."""

import numpy as np
import pytest
from shared.evaluation_records import bare_record, pgd, share, trained_by
from shared.html_pages import ParsedPage

from tfadv.comparison import side_by_side, sides
from tfadv.comparison.sides import Side
from tfadv.plots import style
from tfadv.plots.curves import attack_key

IMAGES = np.stack([np.arange(20), np.arange(20) % 3])


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Draws figures small: these tests don't look at them."""
    monkeypatch.setattr(style, "DOTS_PER_INCH", 20)


def record(*branches, accuracy=0.5, recipe="gin/gn.gin", **changes):
    found = trained_by(bare_record(*branches), recipe)
    for row in found["attacks"]:
        row |= share(accuracy)
    return found | changes


def side(name, found, right=10, images=IMAGES, bindings=None):
    """Returns a side that classifies so many images right, whatever happens to them."""
    keys = [(branch, "clean") for branch in found["clean"]]
    keys += [(row["branch"], attack_key(row)) for row in found["attacks"]]
    shown = {key: np.arange(20) < right for key in keys}
    return Side(name, found, bindings or {"PGD.steps": "10"}, images, shown)


MBN = record("clean", "adv", accuracy=0.4, recipe="gin/mbn.gin")
GN = record("main")


def test_columns_are_branches_and_rows_are_attacks_in_their_very_settings():
    other = record("main")
    other["attacks"].append(pgd("main", 10, 0.25, epsilon=8.0))
    both = [side("MBN", MBN), side("GN", other)]
    titles = [column.title for column in sides.columns(both)]
    assert titles == ["MBN, clean branch", "MBN, adv branch", "GN"]
    clean, first, second = sides.rows(both)
    assert [cell.accuracy for cell in clean.cells] == ["90.0%"] * 3
    assert [cell.accuracy for cell in first.cells] == ["40.0%", "40.0%", "50.0%"]
    assert [cell and cell.accuracy for cell in second.cells] == [None, None, "25.0%"]
    assert (first.name, second.name) == ("PGD-10 targeted ε=16", "PGD-10 targeted ε=8")


def test_pairs_are_of_the_same_branch_or_of_a_model_with_one():
    found = [
        (pair.row.title, pair.first.title, pair.second.title, round(pair.found.change, 9))
        for pair in sides.pairs([side("MBN", MBN), side("GN", GN)])
    ]
    assert found == [
        ("no attack", "MBN, clean branch", "GN", 0),
        ("no attack", "MBN, adv branch", "GN", 0),
        ("PGD-10", "MBN, clean branch", "GN", 0.1),
        ("PGD-10", "MBN, adv branch", "GN", 0.1),
    ]
    pairs = list(sides.pairs([side("a", MBN), side("b", MBN), side("c", MBN)]))
    named = [(pair.first.title, pair.second.title) for pair in pairs[:4]]
    assert named == [
        ("a, clean branch", "b, clean branch"),
        ("a, clean branch", "c, clean branch"),
        ("a, adv branch", "b, adv branch"),
        ("a, adv branch", "c, adv branch"),
    ]


def test_images_that_are_known_are_tested_in_pairs():
    first, second = side("a", GN, right=10), side("b", GN, right=17)
    (pair, _) = sides.pairs([first, second])
    assert (pair.found.only_first, pair.found.only_second) == (0, 7)
    assert pair.found.p == pytest.approx(2 / 2**7)
    (pair, _) = sides.pairs([first, second._replace(images=None)])
    assert pair.found.p is None


def manifest(pixels, examples=500):
    return {"images": {"examples": examples, "pixels": pixels}}


@pytest.mark.parametrize(
    ("change", "images", "why"),
    [
        ({"dataset": "others"}, IMAGES, "other data: digits test and others"),
        ({"examples": 400}, IMAGES[:, :10], "500 and 400 images"),
        ({"provenance": manifest("b")}, IMAGES, "other images: other pixels"),
        ({}, IMAGES + 1, "other images of the same set: Evaluation.examples or the seeds"),
        ({"pixel_range": [0, 1]}, IMAGES, "their pixel ranges differ"),
    ],
)
def test_what_can_not_be_compared_says_so_and_gets_no_verdict(change, images, why):
    both = [
        side("a", record("main", provenance=manifest("a"))),
        side("b", record("main", provenance=manifest("a")) | change, 17, images),
    ]
    (reason,) = sides.warnings(both)
    assert why in reason
    page = ParsedPage(side_by_side.page(both))
    assert f"These can't be compared : {reason}." in page.text
    assert all(row[-1] == "can't be compared" for row in page.tables[1][1:])
    assert all(row[-2] == "—" for row in page.tables[1][1:])
    found = side_by_side.record(both)
    assert found["warnings"] == [reason]
    assert {one["verdict"] for one in found["differences"]} == {"can't be compared"}


def test_images_whose_contents_one_side_alone_has_read_are_not_called_others():
    first, second = record("main", provenance=manifest("a")), record("main")
    second["provenance"] = {"images": {"examples": 500}}
    assert not sides.warnings([side("a", first), side("b", second)])
    assert not sides.warnings([side("a", first), side("b", record("main"))])


def test_the_page_has_all_of_it():
    both = [
        side("a", record("main", accuracy=0.3), bindings={"PGD.steps": "10", "PGD.epsilon": "16"}),
        side("b <i>", record("main", recipe="gin/mbn.gin"), 17, bindings={"PGD.steps": "30"}),
    ]
    for one in both:
        one.record["attacks"].append(pgd("main", 20, 0.25))
    page = ParsedPage(side_by_side.page(both))
    accuracies, differences, made = page.tables
    assert accuracies[0] == ["attack and threat model", "a", "b <i>"]
    assert accuracies[2][1:] == ["30.0% 26.0%–34.0%", "50.0% 46.0%–54.0%"]
    assert differences[2][0].endswith("b <i> less a")
    assert differences[2][1:] == ["+20.0", "apart", "0.016 0 and 7 images", "different"]
    assert ["PGD.steps", "10", "30"] in made and ["PGD.epsilon", "16", "—"] in made
    assert [row[0] for row in made] == ["setting", "recipe", "PGD.steps", "PGD.epsilon"]
    assert page.tags.count("img") == 1 and "i" not in page.tags
    assert all(one.startswith("data:image/png") for one in page.references)
    assert "can't be compared" not in page.text
    assert side_by_side.page(both) == side_by_side.page(both)


def test_without_images_the_intervals_decide_and_unknown_settings_are_named():
    both = [
        Side("a", record("main", accuracy=0.3)),
        Side("b", record("main"), {"PGD.steps": "30"}),
    ]
    page = ParsedPage(side_by_side.page(both))
    _, clean, attacked = page.tables[1]
    assert clean[1:] == ["+0.0", "overlap", "—", "within the intervals"]
    assert attacked[1:] == ["+20.0", "apart", "—", "beyond the intervals"]
    assert "The configuration is not known of a, so" in page.text and "PGD.steps" not in page.text


def test_the_worst_case_is_a_row_and_nothing_alike_is_said():
    first, second = record("main", worst_case={"main": share(0.2)}), record("adv")
    rows = sides.rows([side("a", first), side("b", second)])
    assert [cell and cell.accuracy for cell in rows[-1].cells] == ["20.0%", None]
    second["clean"], second["attacks"] = {}, [pgd("adv", 50, 0.1)]
    page = ParsedPage(side_by_side.page([side("a", first), side("b", second)]))
    assert "Nothing was measured alike on both" in page.text


def test_a_terminal_shows_names_that_tell_attacks_apart():
    both = [side("a", GN), side("b", GN, 17)]
    assert [list(column.cells) for column in side_by_side.accuracies(both).columns] == [
        ["no attack", "PGD-10 targeted ε=16"],
        *[["90.0% (86.0%–94.0%)", "50.0% (46.0%–54.0%)"]] * 2,
    ]
    cells = [list(column.cells) for column in side_by_side.differences(both).columns]
    assert cells[1] == ["b less a"] * 2 and cells[4] == ["0.016"] * 2
