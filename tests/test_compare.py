"""The comparison of recipes: the runs that it starts and the table that it makes."""

import json
import statistics
import subprocess
import sys

import pytest

from tfadv import compare
from tfadv.errors import UserError

SMALL = ["--gin_file=gin/scale/smoke.gin", "--gin_bindings=Training.steps_per_call = 1"]


def run(*flags):
    return subprocess.run(
        [sys.executable, "-m", "tfadv.compare", *SMALL, *flags], capture_output=True, text=True
    )


def test_recipes_become_rows_and_a_failing_one_takes_no_other_down(tmp_path):
    (tmp_path / "diverges.gin").write_text(
        "include 'gin/gn.gin'\nExperiment.initial_weights = 'nowhere'\n"
    )
    recipes = ["--recipe=gin/mbn.gin", f"--recipe={tmp_path / 'diverges.gin'}"]
    out = tmp_path / "compared"
    first = run(*recipes, "--seeds=0,1", f"--output_dir={out}")
    assert first.returncode == 1
    assert "diverges/seed0 ended with 2: error:" in first.stderr
    rows = json.loads((out / "comparison.json").read_text())
    assert [(row["recipe"], row["branch"], row["seeds"]) for row in rows] == [
        ("mbn", "clean", 2),
        ("mbn", "adv", 2),
    ]
    for row in rows:
        for seed in range(2):
            results = json.loads((out / "mbn" / f"seed{seed}" / "results.json").read_text())
            branch = row["branch"]
            assert row["accuracies"]["clean"][seed] == results["clean"][branch]["accuracy"]
            (attack,) = (a for a in results["attacks"] if a["branch"] == branch)
            assert row["accuracies"]["pgd-10"][seed] == attack["accuracy"]
    lines = [
        json.loads(line)
        for seed in range(2)
        for line in (out / "mbn" / f"seed{seed}" / "metrics.jsonl").read_text().splitlines()[1:]
    ]
    expected = statistics.median(16_000 / line["images_per_second"] for line in lines)
    assert rows[0]["step_ms"] == pytest.approx(expected)
    table = (out / "comparison.md").read_text().splitlines()
    assert table[0] == "| recipe (branch) | clean % | pgd-10 % | ms a step |"
    assert table[2].startswith("| mbn (clean) | ") and " ± " in table[2]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: compare.chosen_recipes([]), "name recipes to compare"),
        (lambda: compare.chosen_recipes(["gin/gn.gin", "mine/gn.gin"]), "have one name, 'gn'"),
        (lambda: compare.chosen_seeds(["0", "x"]), "--seeds must be distinct numbers"),
        (lambda: compare.chosen_seeds(["1", "1"]), "--seeds must be distinct numbers"),
        (lambda: compare.chosen_seeds([]), "--seeds must be distinct numbers"),
    ],
)
def test_mistakes_are_told(call, told):
    with pytest.raises(UserError, match=told):
        call()


def test_one_seed_has_no_deviation():
    row = {"recipe": "gn", "branch": "main", "step_ms": 12.3, "accuracies": {"clean": [0.5]}}
    assert compare.cells(row) == ["gn", "50.0", "12"]
    row["accuracies"]["clean"] = [0.5, 0.6]
    assert compare.cells(row)[1] == "55.0 ± 7.1"
