"""The report's figures: their lines and pictures are the record's."""

import numpy as np
import pytest
from evaluation_records import ODD, bare_record, full_record, judged, pgd, worst

from tfadv.paper import ROWS
from tfadv.reports import figures, pictures
from tfadv.reports.drawings import drawings
from tfadv.reports.evaluation import Judged


def lines_of(figure):
    (axes,) = figure.axes
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines
    }


def test_robustness_curve_draws_the_record_and_the_paper():
    figure = figures.robustness_curve(full_record())
    lines = lines_of(figure)
    assert lines["adv branch"] == ([10, 100], [0.84, 0.65])
    assert lines["clean branch"] == ([10, 100], [0.64, 0.45])
    (row,) = (row for row in ROWS if row.files == ("gin/mbn.gin",))
    paper = lines[f"paper: ImageNet, ResNet-152, ε = 16\n({row.name})"]
    published = [row.published[f"PGD-{steps}"] / 100 for steps in (10, 20, 100)]
    assert paper == ([10, 20, 100], published) == ([10, 20, 100], [0.518, 0.491, 0.409])
    assert len(lines) == 3 and figure.axes[0].get_xscale() == "log"
    low, high = (
        figure.axes[0].collections[0].get_paths()[0].vertices[:, 1].min(),
        figure.axes[0].collections[0].get_paths()[0].vertices[:, 1].max(),
    )
    assert (low, high) == pytest.approx((0.61, 0.88))


@pytest.mark.parametrize(
    ("change", "papers"), [({}, 2), ({"targeted": False}, 0), ({"ball": "l2"}, 0)]
)
def test_the_paper_stands_beside_its_own_attack_alone(change, papers):
    record = bare_record("main")
    record["attacks"] = [pgd("main", steps, 0.5, **change) for steps in (10, 20)]
    assert len(lines_of(figures.robustness_curve(record))) == 1 + papers


def test_attacks_that_differ_otherwise_are_lines_of_their_own():
    record = bare_record("main")
    record["attacks"] = [
        pgd("main", steps, 0.5, loss=loss, step_size=16 / steps)
        for loss in ("margin", "cross_entropy")
        for steps in (10, 20)
    ] + [pgd("main", 40, 0.4, loss="dlr")]
    lines = lines_of(figures.robustness_curve(record))
    assert {"this model, loss margin", "this model, loss cross entropy"} < set(lines)
    assert len(lines) == 2 + 2  # of the paper; one length is no curve


def test_what_other_attacks_left_is_no_point_of_a_curve():
    record = bare_record("main")
    record["attacks"] = [pgd("main", steps, steps / 1000) for steps in (20, 100)]
    record["attacks"].append(pgd("main", 10, 0.01, after=["PGD-20", "PGD-100"]))
    assert lines_of(figures.robustness_curve(record))["this model"] == ([20, 100], [0.02, 0.1])


def test_accuracy_by_epsilon_begins_at_the_clean_images():
    lines = lines_of(figures.accuracy_by_epsilon(full_record()))
    assert lines == {"adv branch": ([0, 8, 16, 32], [0.9, 0.8, 0.65, 0.3])}


def test_reliability_draws_the_bins_that_hold_images():
    lines = lines_of(figures.reliability(full_record()))
    assert lines["adv branch: calibration error 3.5%"] == ([0.55, 0.95], [0.5, 0.9])
    assert lines["calibrated"] == ([0, 1], [0, 1])


def test_corruptions_draws_means():
    figure = figures.corruptions(full_record())
    x, y = lines_of(figure)["adv branch: mean and range of the severities"]
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["fog", "pixelate"]
    assert x == pytest.approx([0.6, 0.65]) and y == [0, 1]
    (ranges,) = figure.axes[0].collections
    assert [list(one[:, 0]) for one in ranges.get_segments()] == [[0.4, 0.8], [0.6, 0.7]]


def test_confusion_is_the_share_of_each_class():
    found = Judged("main", "PGD-10", np.array([0, 0, 0, 0, 2]), np.array([0, 1, 1, 1, 2]))
    shares = pictures.confusion(found, 3)
    np.testing.assert_array_equal(shares, [[0.25, 0.75, 0], [np.nan] * 3, [0, 0, 1]])
    figure = pictures.confusion_matrix(found, ODD)
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array().filled(np.nan), shares)
    assert figure.axes[0].get_title(loc="left") == "this model, PGD-10: 40.0% right"
    assert [text.get_text() for text in figure.axes[0].texts] == ["25", "75", "100"]
    many = Judged("main", "clean", np.arange(1000), np.arange(1000))
    np.testing.assert_array_equal(pictures.confusion(many, 1000), np.eye(100))


def test_the_strongest_attack_of_each_branch_is_drawn():
    drawn = [one.file for one in drawings(bare_record("adv"), ODD, judged("adv"), [])]
    assert drawn == ["confusion_adv_clean.png", "confusion_adv_pgd_100.png"]


@pytest.mark.parametrize(("step", "gain", "grey"), [(10, 12, 247.5), (0, 1, 127.5), (155, 1, 255)])
def test_worst_images_are_amplified_as_said(step, gain, grey):
    figure = pictures.worst_images(worst(step=step, channels=1), ODD)
    (axes,) = figure.axes
    clean, adversarial, difference = (image.get_array() for image in axes.images)
    np.testing.assert_allclose(clean, 100 / 255)
    np.testing.assert_allclose(adversarial, (100 + step) / 255)
    np.testing.assert_allclose(difference, grey / 255)
    assert axes.get_xticklabels()[2].get_text() == f"difference × {gain}"
    assert pictures.caption(worst()[0], ODD) == '<html> & "cat" → dog\'s $x$ $y$ (97%)'
