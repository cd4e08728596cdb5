"""The comparison of recipes: the runs that it starts."""

import json

from shared.commands import run_command
from shared.smoke_trainers import SMOKE


def test_a_recipe_that_fails_is_reported_and_the_others_become_rows(tmp_path):
    (tmp_path / "diverges.gin").write_text(
        "include 'gin/gn.gin'\nExperiment.initial_weights = 'nowhere'\n"
    )
    recipes = [f"--recipe={tmp_path / 'diverges.gin'}", "--recipe=gin/mbn.gin"]
    small = {"gin_file": SMOKE, "bindings": ["Training.steps_per_call = 1"]}
    out = tmp_path / "compared"
    done = run_command("compare", *recipes, **small, seeds=3, output_dir=out)
    assert done.returncode == 1
    assert "diverges/seed3 ended with 2: error:" in done.stderr
    rows = json.loads((out / "comparison.json").read_text())
    named = [(row["recipe"], row["branch"], row["seeds"]) for row in rows]
    assert named == [("mbn", "clean", 1), ("mbn", "adv", 1)]
    results = json.loads((out / "mbn/seed3/results.json").read_text())
    for row in rows:
        assert row["accuracies"]["clean"] == [results["clean"][row["branch"]]["accuracy"]]
    assert "Experiment.seed = 3" in (out / "mbn/seed3/config.gin").read_text()
    assert (out / "comparison.md").read_text().startswith("| recipe (branch) | clean % | pgd-10 %")
