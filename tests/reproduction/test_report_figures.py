"""A reproduction's figures: their lines are the runs' and the paper's, on the paper's axes."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from shared.reproduction_pages import ATTACKS, page_of

from tfadv.paper import row_of
from tfadv.plots.style import DARK
from tfadv.reproduction.experiment import branch_of, model
from tfadv.reproduction.report.drawings import drawings
from tfadv.reproduction.report.figures import curves_figure, points_figure

STEPS = [int(attack.removeprefix("PGD-")) for attack in ATTACKS if attack != "clean"]
FAILED = "failed: ValueError: no more memory"


def lines_of(figure):
    """Returns (colour, dashed, x, y) of each line with points in it."""
    (axes,) = figure.axes
    return [
        (
            to_hex(line.get_color()),
            line.get_linestyle() == "--",
            list(line.get_xdata()),
            list(line.get_ydata()),
        )
        for line in axes.lines
        if len(line.get_xdata())
    ]


def legend_of(figure):
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def mean_of(page, files, branch, attack):
    return np.mean([run.right[branch, attack].mean() for run in page.results.by_model[files]])


@pytest.mark.parametrize("name", ["figure2", "figure3"])
def test_curves_are_the_runs_and_the_papers_in_one_colour(name, tmp_path):
    page = page_of(name, tmp_path)
    (curves,) = page.experiment.curves
    figure = curves_figure(curves, page.results, DARK)
    found = lines_of(figure)
    assert len(found) == 2 * len(curves.lines)
    for number, (label, files, branch) in enumerate(curves.lines):
        here, paper = found[2 * number : 2 * number + 2]
        assert here[0] == paper[0] == DARK.series[number]
        assert (here[1], paper[1]) == (False, True)
        assert here[2] == STEPS
        means = [mean_of(page, files, branch, f"PGD-{steps}") for steps in STEPS]
        assert here[3] == pytest.approx(means)
        printed = row_of(files).published[branch_of(files)]
        assert paper[2] == STEPS
        assert paper[3] == pytest.approx([printed[f"PGD-{steps}"] / 100 for steps in STEPS])
        assert legend_of(figure)[number] == label
    (axes,) = figure.axes
    assert axes.get_xscale() == "log" and "iterations" in axes.get_xlabel()
    assert legend_of(figure)[-2:] == ["solid: here, with 95% intervals", "dashed: the paper"]


def test_bands_are_the_intervals(tmp_path):
    page = page_of("figure2", tmp_path)
    (curves,) = page.experiment.curves
    figure = curves_figure(curves, page.results)
    for band, (_, files, branch) in zip(figure.axes[0].collections, curves.lines, strict=True):
        y = band.get_paths()[0].vertices[:, 1]
        found = page.results.curve(files, branch).values()
        assert y.min() == pytest.approx(min(one.accuracy.low for one in found))
        assert y.max() == pytest.approx(max(one.accuracy.high for one in found))


def test_figure_1_goes_from_all_clean_images_to_none(tmp_path):
    page = page_of("figure1", tmp_path)
    (points,) = page.experiment.points
    figure = points_figure(points, page.results)
    here, paper = lines_of(figure)
    assert here[2] == paper[2] == [100, 80, 60, 40, 20, 0]
    assert paper[3] == pytest.approx([0.209, 0.203, 0.153, 0.291, 0.321, 0.392])
    shares = [model(f"adv_100_clean_{share}") for share in here[2]]
    assert here[3] == pytest.approx([mean_of(page, f, "main", "PGD-2000") for f in shares])
    (axes,) = figure.axes
    left, right = axes.get_xlim()
    assert left > 100 and right < 0
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [f"{x}%" for x in here[2]]


def test_figure_7_has_both_curves_and_what_the_paper_printed(tmp_path):
    page = page_of("figure7", tmp_path)
    ((_, drawing),) = drawings(page)
    robust, papers_robust, clean, papers_clean = lines_of(drawing.draw())
    depths = [152, 200, 338, 518, 638]
    assert robust[2] == clean[2] == papers_robust[2] == depths
    assert papers_robust[3] == pytest.approx([0.422, 0.438, 0.446, 0.462, 0.467])
    assert (papers_clean[2], papers_clean[3]) == ([152, 338], pytest.approx([0.789, 0.794]))
    assert "drew more points than it printed" in drawing.caption


def test_what_is_missing_is_named_and_the_papers_curve_stays(tmp_path):
    page = page_of("figure2", tmp_path, missing={model("alp"): [FAILED]})
    ((_, drawing),) = drawings(page)
    figure = drawing.draw()
    assert len(lines_of(figure)) == 5
    assert legend_of(figure)[1] == "100% adv + 100% clean, ALP (not measured)"
    assert f"Of ‘100% adv + 100% clean, ALP’: {FAILED}." in drawing.caption
    gaps = page_of("figure1", tmp_path, missing={model("adv_100_clean_60"): ["not run"]})
    ((_, drawing),) = drawings(gaps)
    assert lines_of(drawing.draw())[0][2] == [100, 80, 40, 20, 0]
    assert "a share of the clean images’ at 60: not run." in drawing.caption


def test_without_any_run_the_papers_curves_are_drawn(tmp_path):
    models = page_of("figure3", tmp_path).experiment.models
    page = page_of("figure3", tmp_path, missing={files: ["not run"] for files in models})
    ((_, drawing),) = drawings(page)
    assert [dashed for _, dashed, _, _ in lines_of(drawing.draw())] == [True] * 5


def test_what_the_paper_did_not_print_is_said(tmp_path):
    ((_, drawing),) = drawings(page_of("exceptional_epsilon8", tmp_path))
    assert "The paper printed no numbers of ‘ε = 8’." in drawing.caption
