"""The report's figures: their lines are the record's and the paper's."""

import numpy as np
import pytest
from shared.evaluation_records import ODD, bare_record, full_record, pgd, share, trained_by

from tfadv import plots
from tfadv.errors import UserError
from tfadv.reports.drawings import drawings


def lines_of(figure):
    (axes,) = figure.axes
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines
    }


def test_robustness_curve_draws_the_record_and_the_paper():
    figure = plots.accuracy_curve(trained_by(full_record(), "gin/mbn.gin"))
    lines = lines_of(figure)
    assert lines["adv branch"] == ([10, 100], [0.84, 0.65])
    assert lines["clean branch"] == ([10, 100], [0.64, 0.45])
    label = "MBN, 100% adv + 100% clean, adv branch"
    paper = lines[f"paper: ImageNet, ResNet-152, ε = 16\n({label})"]
    assert paper == ([10, 20, 100], [0.518, 0.491, 0.409])
    assert len(lines) == 3 and figure.axes[0].get_xscale() == "log"
    low, high = (
        figure.axes[0].collections[0].get_paths()[0].vertices[:, 1].min(),
        figure.axes[0].collections[0].get_paths()[0].vertices[:, 1].max(),
    )
    assert (low, high) == pytest.approx((0.61, 0.88))


PAPERS = "paper: ImageNet, "


def papers(record):
    """Returns the paper's lines in a record's figure, and what stands beneath it."""
    lines = {
        label: points
        for label, points in lines_of(plots.accuracy_curve(record)).items()
        if label.startswith(PAPERS)
    }
    return lines, next(drawings(record, ODD, [], [])).caption


def two_lengths(*branches, longest=100, **more):
    record = bare_record(*branches)
    record["attacks"] = [pgd(b, steps, 0.5, **more) for b in branches for steps in (10, longest)]
    return record


@pytest.mark.parametrize(
    ("files", "branch", "label", "published"),
    [
        (
            ["gin/mbn_alp.gin"],
            "adv",
            "ResNet-152, ε = 16\n(MBN, 100% adv + 100% clean, ALP, adv",
            38.3,
        ),
        (["gin/mbn.gin", "gin/attack/pgd10.gin"], "adv", "ResNet-152, ε = 16\n(MBN, 100%", 38.7),
        (["gin/gn.gin"], "main", "ResNet-152, ε = 16\n(GN, 100% adv + 100% clean)", 41.9),
        (["gin/adv_100_clean_20.gin"], "main", "ResNet-152, ε = 16\n(100% adv + 20%", 40.6),
        (["gin/adv_100_clean_0_frozen.gin", "gin/depth/638.gin"], "main", "ResNet-638, ε", 48.7),
    ],
)
def test_the_paper_s_curve_is_the_recipe_s_own(files, branch, label, published):
    lines, caption = papers(trained_by(two_lengths(branch), *files))
    ((found, (x, y)),) = lines.items()
    assert found.startswith(PAPERS + label)
    assert x == [10, 20, 100] and y[-1] == pytest.approx(published / 100)
    assert "Dashed: as printed in Xie & Yuille (2020), " in caption and "No curve" not in caption


NO_ROW = ("gin/nobody.gin", "gin/s.gin")


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (two_lengths("adv", "main"), "the record doesn't say by which recipe"),
        (trained_by(two_lengths("adv", "weak")), "its configuration is none of the paper's rows"),
        (trained_by(two_lengths("adv"), *NO_ROW), "gin/nobody.gin + gin/s.gin is no row"),
        (trained_by(two_lengths("main"), "gin/mbn.gin"), "beside this model: none is printed"),
        (
            trained_by(two_lengths("clean"), "gin/mbn.gin"),
            "beside clean branch: none is printed of 'MBN, 100% adv + 100% clean'.",
        ),
        (trained_by(two_lengths("main"), "gin/clean.gin"), "none is printed of '0% adv + 100%"),
        (trained_by(two_lengths("main", longest=15), "gin/gn.gin"), "are longer than these"),
        *(
            (
                trained_by(two_lengths("main", **change), "gin/gn.gin"),
                "attack is targeted PGD in L∞",
            )
            for change in (
                {"targeted": False},
                {"ball": "l2"},
                {"loss": "margin"},
                {"worst_case": True},
                {"runs": 5},
                {"attack": "mi_fgsm"},
            )
        ),
    ],
)
def test_without_the_like_in_the_paper_no_curve_and_why(record, why):
    lines, caption = papers(record)
    assert not lines and why in caption and "Dashed" not in caption


def test_each_branch_has_its_own_or_a_reason():
    lines, caption = papers(trained_by(two_lengths("clean", "adv", "weak"), "gin/mbn_alp.gin"))
    assert len(lines) == 1
    assert "Dashed" in caption
    assert "beside clean branch: none" in caption and "beside weak branch: none" in caption
    assert "beside adv branch" not in caption


def test_a_branch_without_clean_images_is_drawn_too():
    record = bare_record("adv")
    record["attacks"] = [
        pgd("new", steps, 0.5, epsilon=epsilon) for steps in (10, 20) for epsilon in (8.0, 16.0)
    ]
    by_steps = lines_of(plots.accuracy_curve(record))
    assert set(by_steps) == {"new branch, ε = 8", "new branch, ε = 16"}
    radii = lines_of(plots.accuracy_against_epsilon(record))
    assert radii["new branch, steps 10"] == ([8, 16], [0.5, 0.5])


def test_attacks_that_differ_otherwise_are_lines_of_their_own():
    record = bare_record("main")
    record["attacks"] = [
        pgd("main", steps, 0.5, loss=loss, step_size=16 / steps)
        for loss in ("margin", "cross_entropy")
        for steps in (10, 20)
    ] + [pgd("main", 40, 0.4, loss="dlr")]
    lines = lines_of(plots.accuracy_curve(record))
    expected = {"this model, loss margin", "this model, loss cross entropy"}
    assert set(lines) == expected  # one length is no curve


def test_what_other_attacks_left_is_no_point_of_a_curve():
    record = bare_record("main")
    record["attacks"] = [pgd("main", steps, steps / 1000) for steps in (20, 100)]
    record["attacks"].append(pgd("main", 10, 0.01, after=["PGD-20", "PGD-100"]))
    assert lines_of(plots.accuracy_curve(record))["this model"] == ([20, 100], [0.02, 0.1])


def test_accuracy_by_epsilon_begins_at_the_clean_images():
    lines = lines_of(plots.accuracy_against_epsilon(full_record()))
    assert lines == {"adv branch": ([0, 8, 16, 32], [0.9, 0.8, 0.65, 0.3])}


def test_corruptions_draws_means():
    figure = plots.corruptions(full_record())
    x, y = lines_of(figure)["adv branch: mean and range of the severities"]
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["fog", "pixelate"]
    assert x == pytest.approx([0.6, 0.65]) and y == [0, 1]
    (ranges,) = figure.axes[0].collections
    assert [list(one[:, 0]) for one in ranges.get_segments()] == [[0.4, 0.8], [0.6, 0.7]]


def test_one_length_and_attacks_without_steps_are_drawn_where_there_is_no_curve():
    record = bare_record("main")
    record["attacks"] = [
        pgd("main", 100, 0.5, targeted=False),
        {"attack": "autoattack", "branch": "main", "targeted": False, "epsilon": 16.0}
        | share(0.25),
    ]
    figure = plots.accuracy_curve(record)
    lines = lines_of(figure)
    assert lines["this model"] == ([100], [0.5])
    assert lines["this model, attack autoattack"][1] == [0.25, 0.25]
    (bar,) = figure.axes[0].containers[0].lines[2]
    np.testing.assert_allclose(bar.get_segments()[0][:, 1], [0.46, 0.54])


def test_records_stand_beside_each_other():
    first, second = two_lengths("clean", "adv"), two_lengths("main", epsilon=8.0)
    lines = lines_of(plots.accuracy_curve(first, second, names=["MBN", "GN"]))
    assert list(lines) == ["MBN, clean branch, ε = 16", "MBN, adv branch, ε = 16", "GN, ε = 8"]
    for record in (first, second):
        record["attacks"] += [pgd(b, 10, 0.75, epsilon=4.0) for b in record["clean"]]
    radii = lines_of(plots.accuracy_against_epsilon(first, second, names=["MBN", "GN"]))
    assert radii["GN"] == ([0, 4, 8], [0.9, 0.75, 0.5])
    assert radii["MBN, adv branch"] == ([0, 4, 16], [0.9, 0.75, 0.5])


def test_records_without_names_are_called_as_their_models():
    lines = lines_of(plots.accuracy_curve(two_lengths("main"), two_lengths("main")))
    assert list(lines) == ["resnet (1)", "resnet (2)"]


def test_what_can_not_be_drawn_is_refused():
    nothing = bare_record("main") | {"attacks": []}
    for draw in (plots.accuracy_curve, plots.accuracy_against_epsilon):
        with pytest.raises(UserError, match="was run: there is no accuracy under attack"):
            draw(nothing)
        with pytest.raises(UserError, match="names must be 2 different ones"):
            draw(nothing, nothing, names=["a", "a"])
        with pytest.raises(UserError, match="records must be one or more"):
            draw()
    with pytest.raises(UserError, match=r"bind Evaluation\.corruptions"):
        plots.corruptions(nothing)
