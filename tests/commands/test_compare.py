"""The comparison of recipes: the runs that it starts."""

import json
import subprocess
import sys

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
