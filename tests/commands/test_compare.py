"""The comparison of recipes: the runs that it starts."""

import json

import numpy as np
import pytest
from shared.commands import last_error, run_command
from shared.evaluation_records import bare_record
from shared.smoke_trainers import SMOKE

from tfadv.files import write_record


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


def write_evaluation(path, right):
    """Writes a record of twenty images, and predictions of which so many are right."""
    write_record(path, bare_record("main") | {"examples": 20})
    label = np.arange(20) % 3
    predicted = np.where(np.arange(20) < right, label, label + 1)[None]
    content = {"index": np.arange(20), "label": label, "clean": predicted, "attacks": predicted}
    np.savez(path.with_suffix(".predictions.npz"), **content)
    return f"--record={path}"


def test_records_are_put_side_by_side(tmp_path):
    records = [
        write_evaluation(tmp_path / f"{name}.json", right) for name, right in (("a", 10), ("b", 17))
    ]
    out = tmp_path / "new" / "folder"
    done = run_command("compare", *records, output_dir=out)
    assert done.returncode == 0, done.stderr
    assert "0.016" in done.stdout and "different" in done.stdout
    assert (out / "side_by_side.html").read_text().startswith("<!DOCTYPE html>")
    found = json.loads((out / "side_by_side.json").read_text())
    assert found["sides"] == ["a", "b"]
    assert [(one["only_first"], one["only_second"]) for one in found["differences"]] == [(0, 7)] * 2
    again = run_command("compare", *records, output_dir=out)
    assert again.returncode == 2 and "side_by_side.html' already" in last_error(again)
    mixed = run_command("compare", records[0], "--recipe=gin/mbn.gin", output_dir=tmp_path)
    assert mixed.returncode == 2 and "--recipe trains and compares" in last_error(mixed)
    write_record(tmp_path / "b.json", bare_record("main") | {"examples": 19})
    warned = run_command("compare", *records, output_dir=tmp_path / "other")
    assert warned.returncode == 0 and "measured on 20 and 19 images" in warned.stderr
