"""The comparison of recipes: the runs that it starts and the table that it makes."""

import json
import subprocess
import sys

import pytest
from evaluation_records import pgd, share

from tfadv.errors import UserError
from tfadv.runs import comparison

SMALL = ["--gin_file=gin/scale/smoke.gin", "--gin_bindings=Training.steps_per_call = 1"]


def run(*flags):
    return subprocess.run(
        [sys.executable, "-m", "tfadv.compare", *SMALL, *flags], capture_output=True, text=True
    )


def test_a_recipe_becomes_rows_and_a_failing_one_takes_it_not_down(tmp_path):
    (tmp_path / "diverges.gin").write_text(
        "include 'gin/gn.gin'\nExperiment.initial_weights = 'nowhere'\n"
    )
    recipes = [f"--recipe={tmp_path / 'diverges.gin'}", "--recipe=gin/mbn.gin"]
    out = tmp_path / "compared"
    first = run(*recipes, "--seeds=3", f"--output_dir={out}")
    assert first.returncode == 1
    assert "diverges/seed3 ended with 2: error:" in first.stderr
    rows = json.loads((out / "comparison.json").read_text())
    named = [(row["recipe"], row["branch"], row["seeds"]) for row in rows]
    assert named == [("mbn", "clean", 1), ("mbn", "adv", 1)]
    results = json.loads((out / "mbn/seed3/results.json").read_text())
    for row in rows:
        assert row["accuracies"]["clean"] == [results["clean"][row["branch"]]["accuracy"]]
    assert "Experiment.seed = 3" in (out / "mbn/seed3/config.gin").read_text()
    assert (out / "comparison.md").read_text().startswith("| recipe (branch) | clean % | pgd-10 %")


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


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: comparison.chosen_recipes([]), "name recipes to compare"),
        (lambda: comparison.chosen_recipes(["gin/gn.gin", "mine/gn.gin"]), "have one name, 'gn'"),
        (lambda: comparison.chosen_seeds(["0", "x"]), "--seeds must be distinct numbers"),
        (lambda: comparison.chosen_seeds(["1", "1"]), "--seeds must be distinct numbers"),
        (lambda: comparison.chosen_seeds([]), "--seeds must be distinct numbers"),
    ],
)
def test_mistakes_are_told(call, told):
    with pytest.raises(UserError, match=told):
        call()
