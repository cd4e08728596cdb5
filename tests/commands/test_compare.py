"""The comparison of recipes: the runs that it starts."""

import json

import pytest
from shared.commands import last_error, run_command
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


def test_a_mistake_in_any_cell_is_found_before_one_is_trained(tmp_path):
    grid = ["--grid=PGD.epsilon=4,-8", "--grid=Training.average_decay=None,0.9"]
    files = ["--gin_file=gin/mbn.gin", f"--gin_file={SMOKE}"]
    done = run_command("compare", *files, *grid, seeds=0, output_dir=tmp_path / "compared")
    assert done.returncode == 2 and not (tmp_path / "compared").exists()
    said = "error: --gin_bindings='PGD.epsilon = -8': PGD.epsilon must be >= 0"
    assert last_error(done).startswith(said)


@pytest.mark.slow
def test_a_grid_trains_each_cell_and_resumes(tmp_path):
    files, times = ["--gin_file=gin/gn.gin", f"--gin_file={SMOKE}"], []
    for values, trained in (("2.0", 1), ("2.0,4.0", 2)):
        grid = f"--grid=eval/PGD.epsilon={values}"
        done = run_command("compare", *files, grid, seeds=0, output_dir=tmp_path)
        assert done.returncode == 0, done.stderr
        rows = json.loads((tmp_path / "comparison.json").read_text())
        chosen = values.split(",")
        assert [row["bindings"] for row in rows] == [{"eval/PGD.epsilon": v} for v in chosen]
        runs = sorted(tmp_path.glob("gn-*/seed0/results.json"))
        assert len(runs) == trained
        times.append(runs[0].stat().st_mtime_ns)
    assert times[0] == times[1]
