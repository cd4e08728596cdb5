"""Tables and claims of a report as text: gaps, chains, equal runs, verdicts; and as Markdown."""

import re

import numpy as np
import pytest
from shared.html_pages import ParsedPage
from shared.reproduction_pages import page_of

from tfadv.paper import row_of
from tfadv.plots import style
from tfadv.reproduction.bootstrap import Interval, bootstrap
from tfadv.reproduction.experiment import model, trained_with
from tfadv.reproduction.report import numbers, tables
from tfadv.reproduction.report.drawings import drawings
from tfadv.reproduction.report.judgements import judgements, summary
from tfadv.reproduction.report.page import write
from tfadv.reproduction.verdicts import FAILS, HOLDS, UNDECIDED, Effect, Verdict

FAILED = "failed: ValueError: the loss at step 40 is <nan> | seed 2"


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Draws figures small: these tests don't look at them."""
    monkeypatch.setattr(style, "DOTS_PER_INCH", 10)


def texts(cell):
    return [part.text for part in cell]


def grid_of(page, number=0):
    return tables.grid(page.experiment.tables[number], page)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.24, "+1.2"), (-0.26, "−0.3"), (0.04, "0.0"), (-0.04, "0.0"), (0, "0.0"), (-12, "−12.0")],
)
def test_differences_have_a_sign_unless_they_are_none(value, text):
    assert numbers.signed(value) == text


def test_texts_of_numbers():
    assert numbers.percents(0.361, 0.42) == "36.1–42.0"
    assert numbers.signed_ends(-3, 0.54) == "−3.0 to +0.5"
    assert numbers.sample(1, 2000) == "1 seed × 2,000 images"
    assert numbers.listed(["a", "b", "c"]) == "a, b and c" and numbers.listed(["a"]) == "a"


def test_a_number_has_the_bootstraps_interval(tmp_path):
    page = page_of("table6", tmp_path)
    runs = page.results.by_model[model("adv_100_clean_0_frozen")]
    low, high = bootstrap([run.right["main", "PGD-2000"] for run in runs])[1:]
    row = next(row for row in grid_of(page).rows if texts(row.cells[0]) == ["4096"])
    assert texts(row.cells[2]) == [f"{100 * low:.1f}–{100 * high:.1f}"]
    assert texts(row.cells[5]) == ["3 seeds × 200 images"]


def test_gaps_say_why(tmp_path):
    """A failed model, one that wasn't run, one that lacks an attack, and one that lacks a seed."""
    page = page_of("table4", tmp_path, missing={model("alp"): [FAILED], model("mbn"): ["not run"]})
    unmeasured, partly = model("adv_100_clean_0"), model("adv_100_clean_100")
    for run in page.results.by_model[unmeasured]:
        del run.right["main", "PGD-2000"]
    page.results.missing[partly] = [FAILED, FAILED, "not run"]
    del page.results.by_model[partly][2]
    grid = grid_of(page)
    first = grid.rows[0]
    assert texts(first.cells[1]) == ["not measured", "39.2 (paper)"]
    assert texts(first.cells[2])[3] == "2 seeds × 200 images; failed [1], not run"
    assert texts(first.cells[3]) == ["failed [1]", "23.0 (paper)"]
    assert texts(first.cells[4]) == ["not run", "38.3 (paper)"]
    assert texts(first.cells[5])[3] == "3 seeds × 200 images"
    assert grid.notes == (f"[1] {FAILED}",)
    html = ParsedPage(write(tmp_path, page).read_text(encoding="utf-8"))
    assert html.text.count(FAILED) == 3  # under the table, and once a model among the runs


def test_a_chain_has_changes_beside_the_papers(tmp_path):
    page = page_of("table3", tmp_path)
    (table,), grid = page.experiment.tables, grid_of(page)
    assert [column.title for column in grid.columns[1:3]] == ["PGD-10", "PGD-10: change"]
    assert texts(grid.rows[0].cells[2]) == texts(grid.rows[0].cells[4]) == ["—"]
    for place in range(1, len(table.rows)):
        for column, attack in enumerate(table.columns):
            (now, before) = (table.rows[row][1][column] for row in (place, place - 1))
            pairs = zip(
                page.results.by_model[now.files], page.results.by_model[before.files], strict=True
            )
            paired = [
                one.right["main", attack].astype(float) - other.right["main", attack]
                for one, other in pairs
            ]
            change = f"{100 * np.mean(paired):+.1f}".replace("-", "−")
            low, high = (100 * end for end in bootstrap(paired)[1:])
            printed = [row_of(n.files).published["main"][attack] for n in (now, before)]
            papers = f"{printed[0] - printed[1]:+.1f} (paper)".replace("-", "−")
            ends = f"{low:+.1f} to {high:+.1f}".replace("-", "−").replace("+0.0", "0.0")
            assert texts(grid.rows[place].cells[2 + 2 * column]) == [change, ends, papers]


def test_a_chain_over_one_run_has_no_change(tmp_path):
    sizes = {trained_with("alp", 10): "", model("alp"): ""}
    page = page_of("table3", tmp_path, sizes=sizes)
    last = grid_of(page).rows[-1]
    assert texts(last.cells[0]) == ["PGD-30 in training", "same run as ‘ResNet-152’"]
    assert texts(last.cells[4]) == ["same run", "+19.7 (paper)"]


def test_models_that_are_one_run_say_so(tmp_path):
    def rounded(name):
        models = page_of(name, tmp_path).experiment.models
        return {files: "steps = 1" if files[1:] else "" for files in models}

    by_row = grid_of(page_of("table4", tmp_path, sizes=rounded("table4")))
    assert [texts(row.cells[0])[1:] for row in by_row.rows] == [
        [],
        [],
        ["same run as ‘PGD-20’"],
        ["same run as ‘PGD-20’"],
    ]
    by_column = grid_of(page_of("table5", tmp_path, sizes=rounded("table5")))
    same = "same run as ‘PGD-5 in training’"
    assert [column.note for column in by_column.columns] == ["", "", same, same, ""]
    by_point = page_of("figure7", tmp_path, sizes=rounded("figure7"))
    ((_, drawing),) = drawings(by_point)
    name = "100% adv + 0% clean*, PGD-2000"
    assert f"At this scale ‘{name}, 338’ is the same run as ‘{name}, 200’." in drawing.caption
    assert f"‘{name}, 200’ is the same run" not in drawing.caption
    html = ParsedPage(write(tmp_path, by_point).read_text(encoding="utf-8"))
    assert "the same run here as ‘0% adv + 100% clean, ResNet-200’" in html.text
    assert html.text.count("seed 0") == 4


VERDICTS = (
    Verdict(
        "one",
        "A & b.",
        "table 1",
        FAILS,
        (
            Effect("x", HOLDS, "above", Interval(1.26, 0.1, 2), 3.14, (0, 1, 2), 500),
            Effect("y", FAILS, "below", Interval(-4, -5.5, -3), None, (0, 1, 2), 500),
        ),
    ),
    Verdict(
        "two",
        "C.",
        "figure 5",
        UNDECIDED,
        (Effect("z", UNDECIDED, "1 of 3", Interval(0.1234, -1, 1), None, (4,), 0, "of the mean"),),
    ),
    Verdict("three", "D.", "text", UNDECIDED, (Effect("v", UNDECIDED, "no a", None, 2.0, (), 0),)),
)


def test_claims_are_told_apart_by_shape_and_words():
    one, two, three = judgements(VERDICTS)
    assert [each.verdict for each in (one, two)] == ["✗ does not hold", "? not decidable here"]
    assert [[texts(cell) for cell in row.cells] for row in one.effects.rows] == [
        [
            ["x"],
            ["+1.3", "+0.1 to +2.0"],
            ["+3.1 (paper)"],
            ["3 seeds × 500 images"],
            ["✓ holds", "above"],
        ],
        [
            ["y"],
            ["−4.0", "−5.5 to −3.0"],
            ["—"],
            ["3 seeds × 500 images"],
            ["✗ does not hold", "below"],
        ],
    ]
    (row,) = two.effects.rows
    assert texts(row.cells[1]) == ["+0.123", "−1.000 to +1.000", "of the mean"]
    assert [texts(cell) for cell in row.cells[2:]] == [["—"], ["1 seed"], ["1 of 3"]]
    (row,) = three.effects.rows
    assert [texts(cell) for cell in row.cells[1:]] == [["—"], ["+2.0 (paper)"], ["—"], ["no a"]]
    assert summary(VERDICTS) == "✗ does not hold: 1, ? not decidable here: 2"


def test_markdown_has_the_pages_tables(tmp_path):
    page = page_of("table4", tmp_path, missing={model("alp"): [FAILED]})
    page = page._replace(verdicts=VERDICTS)
    html = ParsedPage(write(tmp_path, page).read_text(encoding="utf-8"))
    lines = (tmp_path / "report.md").read_text(encoding="utf-8").splitlines()
    rows = [
        [re.sub(r"\[report\]\(.*\)", "report", cell).strip() for cell in line[1:-1].split(" |")]
        for line in lines
        if line.startswith("|") and not line.startswith("|---")
    ]
    widths = [
        len(row) for rows_of_table in html.tables for row in [rows_of_table[0]] * len(rows_of_table)
    ]
    assert [len(row) for row in rows] == widths
    shown = [
        [re.sub(r"\\(.)", r"\1", cell.replace("<br>", " ")).replace("**", "") for cell in row]
        for row in rows
    ]
    unescaped = [
        [cell.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for cell in row]
        for row in shown
    ]
    flat = [row for table in html.tables for row in table]
    assert [[cell for cell in row if cell] for row in unescaped] == flat


def test_markup_in_texts_is_shown(tmp_path):
    odd = "<script>alert(1)</script> | *a* `b` _c_ [d](http://e) $f$"
    page = page_of("table6", tmp_path)
    page = page._replace(scale=odd, budget=((odd, odd),), commands=(f"echo ```` '{odd}'",))
    html = ParsedPage(write(tmp_path, page).read_text(encoding="utf-8"))
    assert "script" not in html.tags and html.text.count(odd) == 5
    assert not any("http" in one for one in html.references)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert f"`````text\necho ```` '{odd}'\n`````" in text
    rest = text.replace(f"echo ```` '{odd}'", "")
    assert "<script" not in rest and rest.count(r"\| \*a\* \`b\` \_c\_ \[d\]") == 3
