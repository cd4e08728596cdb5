"""The report of a reproduction: its numbers are the runs' and the paper's, and it is whole."""

import re
import shutil
import xml.etree.ElementTree as ElementTree
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image
from shared.html_pages import ParsedPage
from shared.reproduction_pages import BUDGET, VERSIONS, page_of

from tfadv.paper import ROWS
from tfadv.plots import style
from tfadv.reports.drawings import Drawing
from tfadv.reproduction.catalogue import EVERYTHING, EXPERIMENTS
from tfadv.reproduction.experiment import model
from tfadv.reproduction.report import page as report
from tfadv.reproduction.report.page import write

PARTS = [name for name in EXPERIMENTS if name != EVERYTHING]
NOTHING, ONE_SEED, THREE_SEEDS = (), (0,), (0, 1, 2)
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Draws figures small: these tests don't look at them."""
    monkeypatch.setattr(style, "DOTS_PER_INCH", 10)


def parsed(path):
    return ParsedPage(path.read_text(encoding="utf-8"))


def printed(number):
    """Returns the paper's number, looked up in its rows."""
    return next(
        (
            row.published.get(number.branch, {}).get(number.attack)
            for row in ROWS
            if row.files == number.files
        ),
        None,
    )


def reached(page, number):
    """Returns the mean over seeds in %, or None."""
    runs = page.results.by_model.get(number.files, ())
    found = [run.right.get((number.branch, number.attack)) for run in runs]
    return None if not found or found[0] is None else 100 * np.mean([np.mean(r) for r in found])


def difference(value, paper):
    return f"{value - paper:+.1f}".replace("-", "−").replace("+0.0", "0.0").replace("−0.0", "0.0")


def tables_of(page, html):
    """Returns the rows of the experiment's tables on the page, without their titles."""
    first = 1 + len(page.verdicts)
    return [rows[1:] for rows in html.tables[first : first + len(page.experiment.tables)]]


def own_cells(table, cells):
    """Returns the text beside each number of a row."""
    if len(table.columns) == 1 and not table.chain:
        return [" ".join(cells[1:])]
    return cells[1::2] if table.chain else cells[1:]


@pytest.mark.parametrize("name", [one for one in PARTS if EXPERIMENTS[one].tables])
def test_every_number_is_the_runs_beside_the_papers(name, tmp_path):
    page = page_of(name, tmp_path)
    html = parsed(write(tmp_path / name, page))
    for table, rows in zip(page.experiment.tables, tables_of(page, html), strict=True):
        for (label, numbers), cells in zip(table.rows, rows, strict=True):
            assert cells[0].startswith(label)
            for number, text in zip(numbers, own_cells(table, cells), strict=True):
                value, paper = reached(page, number), printed(number)
                if value is None:
                    assert text.startswith("not measured")
                    continue
                assert text.startswith(f"{value:.1f} ")
                assert ("(paper)" in text) == (paper is not None)
                if paper is not None:
                    assert f"{paper:.1f} (paper)" in text
                    assert difference(value, paper) in re.split(r"[ ,]+", text)


def cases():
    """Yields every experiment with three seeds, with none, and those without figures with one."""
    for name in PARTS:
        experiment = EXPERIMENTS[name]
        yield name, THREE_SEEDS, {}
        yield name, NOTHING, {files: ["not run"] for files in experiment.models}
        if not (experiment.curves or experiment.points):
            yield name, ONE_SEED, {}
    failed = dict.fromkeys(EXPERIMENTS[EVERYTHING].models[::4], ["failed: <why>", "not run"])
    yield EVERYTHING, ONE_SEED, failed


@pytest.mark.parametrize(("name", "seeds", "missing"), cases())
def test_every_page_is_whole(name, seeds, missing, tmp_path):
    has_reports = seeds == THREE_SEEDS
    page = page_of(name, tmp_path, missing=missing, seeds=seeds, has_reports=has_reports)
    path = write(tmp_path / "of" / name, page)
    text = path.read_text(encoding="utf-8")
    html = ParsedPage(text)
    assert POLICY in text and "script" not in html.tags
    inside = {one.removeprefix("#") for one in html.references if one.startswith("#")}
    assert inside <= set(html.anchors) and len(set(html.anchors)) == len(html.anchors)
    leading = [one for one in html.references if not one.startswith(("data:image/png", "#"))]
    assert all((path.parent / unquote(one)).is_file() for one in leading)
    reports = has_reports * sum(map(len, page.results.by_model.values()))
    figures = len(page.experiment.curves) + len(page.experiment.points)
    assert len(leading) == reports + 2 * figures and html.tags.count("img") == figures
    drawn = list(path.parent.glob("figures/*"))
    assert len(drawn) == 2 * figures
    for figure in drawn:
        if figure.suffix == ".svg":
            assert ElementTree.parse(figure).getroot().tag.endswith("svg")
        else:
            Image.open(figure).load()
    order = ["Scale and budget", "The paper's claims", "Tables", "Figures", "Commands and versions"]
    places = [text.find(f">{one}</h2>") for one in order]
    there = [place for place in places if place > 0]
    assert there == sorted(there) and min(places[0], places[-1]) > 0


def test_scale_and_budget_come_first_and_commands_last(tmp_path):
    html = parsed(write(tmp_path, page_of("table1", tmp_path)))
    assert "Xie & Yuille, Intriguing properties" in html.text
    assert "with other training images and network: compare the shapes" in html.text
    assert html.tables[0][1:] == [
        ["training images", "10,000", "1,281,167"],
        ["network", "ResNet-20 <of 3 stages>", "ResNet-152"],
        ["ε", "16", "16"],
    ]
    budget = " ".join(f"{name} {text}" for name, text in BUDGET)
    assert html.text.index(budget) < html.text.index("The paper's claims")
    versions = " ".join(f"{name} {text}" for name, text in VERSIONS)
    assert html.text.endswith(f"--gin_bindings='A.b = \"<c>\"' {versions}")


def test_the_papers_own_scale_needs_no_caution(tmp_path):
    page = page_of("table6", tmp_path)
    same = page._replace(settings=tuple(one._replace(here=one.paper) for one in page.settings))
    assert "The settings are the paper's own." in parsed(write(tmp_path, same)).text


def test_one_seed_says_what_its_interval_knows(tmp_path):
    sentence = "1 seed: the interval knows images only."
    one, three = (
        parsed(write(tmp_path / f"{len(seeds)}", page_of("table4", tmp_path, seeds=seeds)))
        for seeds in (ONE_SEED, THREE_SEEDS)
    )
    assert sentence in one.text and "Every number: 1 seed × 200 images." in one.text
    assert sentence not in three.text and "Every number: 3 seeds × 200 images." in three.text


def test_links_lead_to_the_runs_wherever_the_folder_goes(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new (2)"
    page = page_of("table2", old, has_reports=True)
    lost = page.results.by_model[page.experiment.models[0]][1]
    lost.report.unlink()
    write(old / "table2", page)
    shutil.move(old, new)
    links = [unquote(one) for one in parsed(new / "table2" / "report.html").references]
    found = {(new / "table2" / one).resolve() for one in links}
    expected = {run.report for runs in page.results.by_model.values() for run in runs} - {
        lost.report
    }
    assert found == {new / path.relative_to(old) for path in expected}


def test_runs_are_listed_with_their_accuracies(tmp_path):
    page = page_of("table1", tmp_path)
    rows = parsed(write(tmp_path, page)).tables[-1]
    mbn = next(n for n, row in enumerate(rows) if row[0].startswith("MBN, 100% adv + 100% clean "))
    assert rows[mbn][0].endswith("gin/mbn.gin")
    for row, run in zip(rows[mbn + 1 :], page.results.by_model[model("mbn")], strict=False):
        right = {where: f"{100 * one.mean():.1f}" for where, one in run.right.items()}
        clean = f"{right['clean', 'clean']} (clean) {right['adv', 'clean']} (adv)"
        attacked = [
            f"{right[branch, 'PGD-2000']} ({branch}, PGD-2000)" for branch in ("clean", "adv")
        ]
        assert row == [f"seed {run.seed}", clean, " ".join(attacked), "—"]


def extra(file, draw):
    return Drawing("", file, "Means & variances", "Of <20> channels.", draw)


def plain_figure(theme):
    return style.canvas(theme, "means", 2)[0]


def test_figures_of_others_come_last(tmp_path):
    drawings = [extra("figure5.png", plain_figure), extra("figure5.png", plain_figure)]
    html = parsed(write(tmp_path, page_of("figure5", tmp_path), drawings))
    assert html.text.count("Means & variances Of <20> channels.") == 2
    names = {f"figure5{number}.{ending}" for number in ("", "_2") for ending in ("png", "svg")}
    assert {path.name for path in (tmp_path / "figures").iterdir()} == names
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "![Means &amp; variances](figures/figure5_2.png)" in markdown


def test_a_report_is_replaced_and_what_is_not_its_own_stays(tmp_path):
    page = page_of("table6", tmp_path)
    write(tmp_path, page, [extra("kept.png", plain_figure), extra("more.png", plain_figure)])
    (tmp_path / "figures" / "mine.png").write_text("mine")
    write(tmp_path, page._replace(scale="another"), [extra("kept.png", plain_figure)])
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {"kept.png", "kept.svg", "mine.png"}
    for name in ("report.html", "report.md"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "another" in text and "figures/more" not in text
    assert not list(tmp_path.rglob("*.partial"))


def everything_in(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_figure_that_cannot_be_drawn_leaves_the_earlier_report(tmp_path):
    page = page_of("table6", tmp_path)
    write(tmp_path, page)
    before = everything_in(tmp_path)

    def broken(theme):
        raise RuntimeError("no ink")

    with pytest.raises(RuntimeError, match="no ink"):
        write(tmp_path, page._replace(scale="another"), [extra("a.png", broken)])
    assert everything_in(tmp_path) == before


def test_a_stop_on_the_way_leaves_pages_with_all_their_figures(tmp_path, monkeypatch):
    page = page_of("table6", tmp_path)
    write(tmp_path, page, [extra("more.png", plain_figure)])

    def stop(path, text):
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "write_text", stop)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, page, [extra("other.png", plain_figure)])
    html = parsed(tmp_path / "report.html")
    assert "figures/more.png" in html.references
    linked = [one for one in html.references if one.startswith("figures/")]
    assert all((tmp_path / one).is_file() for one in linked)


def test_the_same_results_make_the_same_files(tmp_path):
    one, other = tmp_path / "a", tmp_path / "b"
    for folder in (one, other):
        write(folder, page_of("figure1", tmp_path / "runs"))
    assert [path.read_bytes() for path in sorted(one.rglob("*.*"))] == [
        path.read_bytes() for path in sorted(other.rglob("*.*"))
    ]
