"""The table that a comparison of recipes makes."""

import json

import pytest
from shared.evaluation_records import pgd, share

from tfadv.errors import UserError
from tfadv.runs import comparison


def test_rows_are_means_over_the_seeds(tmp_path):
    for seed, (clean, attacked, speeds) in enumerate(
        [(0.5, 0.2, (1, 100, 200)), (0.7, 0.3, (1, 400))]
    ):
        folder = tmp_path / f"seed{seed}"
        folder.mkdir()
        attack = {"attack": "pgd", "branch": "main", "steps": 10, "accuracy": attacked}
        record = {"clean": {"main": {"accuracy": clean}}, "attacks": [attack]}
        (folder / "results.json").write_text(json.dumps(record))
        lines = [json.dumps({"images_per_second": speed}) for speed in speeds]
        (folder / "metrics.jsonl").write_text("\n".join(lines))
        (folder / "config.gin").write_text("Training.batch_size = 10\n")
    (row,) = comparison.summaries({"gn": [tmp_path / "seed0", tmp_path / "seed1"], "mbn": []})
    assert row["accuracies"] == {"clean": [0.5, 0.7], "pgd-10": [0.2, 0.3]}
    assert row["step_ms"] == 50.0  # of 100, 50 and 25; first records include tracing
    columns = ["clean", "pgd-10"]
    assert comparison.columns([row]) == columns
    assert comparison.cells(row, columns) == ["gn", "60.0 ± 14.1", "25.0 ± 7.1", "50"]
    (short,) = comparison.summaries({"gn": [tmp_path / "seed1"]})
    assert comparison.cells(short, columns) == ["gn", "70.0", "30.0", "25"]
    table = comparison.markdown([row]).splitlines()
    assert table[0] == "| recipe (branch) | clean % | pgd-10 % | ms a step |"
    assert table[2] == "| gn | 60.0 ± 14.1 | 25.0 ± 7.1 | 50 |"


def test_names_are_text_in_markdown():
    row = {"recipe": "<script>a|b `c`", "branch": "adv", "accuracies": {}, "step_ms": None}
    row |= {"checkpoint": "last", "weights": "trained"}
    head, rule, line = comparison.markdown([row]).splitlines()
    assert head.count("|") == rule.count("|") == 3
    assert line == r"| &lt;script&gt;a\|b \`c\` (adv) | — |"


def finished(folder, branches, *attacks):
    folder.mkdir()
    rows = [pgd(branch, 20, accuracy, **more) for branch in branches for accuracy, more in attacks]
    record = {"clean": {branch: share(0.9) for branch in branches}, "attacks": rows}
    (folder / "results.json").write_text(json.dumps(record))
    (folder / "metrics.jsonl").write_text(json.dumps({"images_per_second": 1}))
    (folder / "config.gin").write_text("Training.batch_size = 10\n")
    return [folder]


def test_attacks_that_differ_are_columns_of_their_own(tmp_path):
    """Of one name, in one recipe and between two: another radius is another number."""
    runs = {
        "mine": finished(tmp_path / "mine", ["main"], (0.5, {}), (0.3, {"epsilon": 32.0})),
        "three": finished(tmp_path / "three", ["clean", "adv", "weak"], (0.4, {"targeted": False})),
    }
    rows = comparison.summaries(runs)
    assert [(row["recipe"], row["branch"]) for row in rows] == [
        ("mine", "main"),
        *(("three", branch) for branch in ("clean", "adv", "weak")),
    ]
    targeted, far = "pgd-20, targeted, ε = 16", "pgd-20, targeted, ε = 32"
    assert rows[0]["accuracies"] == {"clean": [0.9], targeted: [0.5], far: [0.3]}
    assert rows[3]["accuracies"] == {"clean": [0.9], "pgd-20, untargeted, ε = 16": [0.4]}
    table = [line.strip("|").split("|") for line in comparison.markdown(rows).splitlines()]
    assert {len(line) for line in table} == {6}
    assert [cell.strip() for cell in table[-1]] == ["three (weak)", "90.0", "—", "—", "40.0", "—"]


def test_the_best_checkpoint_and_the_average_are_rows(tmp_path):
    """Of two seeds, one of which keeps no average."""
    folders = []
    for seed in (0, 1):
        folders += finished(tmp_path / f"seed{seed}", ["clean", "adv"], (0.1 * seed, {}))
        file = folders[-1] / "results.json"
        record = json.loads(file.read_text())
        attacks = [pgd(branch, 20, 0.3 + 0.1 * seed) for branch in ("clean", "adv")]
        record["best"] = {"clean": record["clean"], "attacks": attacks}
        if seed:
            attacks = [pgd(branch, 20, 0.8) for branch in ("clean", "adv")]
            record["best"]["weight_average"] = {"clean": record["clean"], "attacks": attacks}
        file.write_text(json.dumps(record))
    rows = comparison.summaries({"mbn": folders})
    found = {(row["checkpoint"], row["weights"], row["branch"]): row for row in rows}
    columns = comparison.columns(rows)
    shown = {what: comparison.cells(row, columns)[:3] for what, row in found.items()}
    assert shown == {
        ("last", "trained", "clean"): ["mbn (clean)", "90.0 ± 0.0", "5.0 ± 7.1"],
        ("last", "trained", "adv"): ["mbn (adv)", "90.0 ± 0.0", "5.0 ± 7.1"],
        ("best", "trained", "clean"): ["mbn (clean, best)", "90.0 ± 0.0", "35.0 ± 7.1"],
        ("best", "trained", "adv"): ["mbn (adv, best)", "90.0 ± 0.0", "35.0 ± 7.1"],
        ("best", "average", "clean"): ["mbn (clean, best, average)", "90.0", "80.0"],
        ("best", "average", "adv"): ["mbn (adv, best, average)", "90.0", "80.0"],
    }


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "name recipes to compare"),
        (["gin/gn.gin", "mine/gn.gin"], "have one name, 'gn'"),
    ],
)
def test_wrong_recipes_are_refused(files, message):
    with pytest.raises(UserError, match=message):
        comparison.chosen_recipes(files)


def test_without_a_recipe_the_first_file_that_is_no_scale_is_one():
    files = ["gin/scale/smoke.gin", "gin/gn.gin", "gin/eval/full.gin"]
    assert comparison.chosen_recipes([], files) == {"gn": "gin/gn.gin"}
    assert comparison.chosen_recipes(["gin/mbn.gin"], files) == {"mbn": "gin/mbn.gin"}


@pytest.mark.parametrize("seeds", [["0", "x"], ["1", "1"], []])
def test_wrong_seeds_are_refused(seeds):
    with pytest.raises(UserError, match="--seeds must be distinct numbers"):
        comparison.chosen_seeds(seeds)
