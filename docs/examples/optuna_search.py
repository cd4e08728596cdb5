"""Searches hyperparameters with Optuna, by robust accuracy on held-out training images.

    python -m pip install 'tfadv[optuna]'
    python docs/examples/optuna_search.py --trials=20 --folder=runs/search

Each trial is a ``tfadv.train`` of its own in ``FOLDER/trial-N``. Its validations are reported as
they come, and a trial whose accuracy is below the median of others at that epoch is stopped. The
test images have no part in the search. The same command goes on with it.
"""

import argparse
import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import optuna

from tfadv.files import read_json_lines

RECIPE = ["gin/adv_100_clean_0.gin", "gin/eval/validation.gin"]
SECONDS_BETWEEN_LOOKS = 1.0


def bindings(trial: optuna.Trial) -> dict[str, object]:
    """Returns what a trial binds: this is the search space."""
    return {
        "LearningRate.rate_per_256": trial.suggest_float("rate", 0.01, 0.5, log=True),
        "Training.weight_decay": trial.suggest_float("weight_decay", 1e-5, 1e-3, log=True),
        "Experiment.norm": trial.suggest_categorical("norm", ["batch_norm", "group_norm"]),
    }


def validations(run: Path) -> list[dict]:
    """Returns the records of a run's validations so far."""
    lines = read_json_lines(run / "metrics.jsonl", "step")
    return [line for line in lines if line.get("kind") == "validation"]


def train(files: list[str], bound: dict[str, object], run: Path) -> subprocess.Popen:
    """Starts a run."""
    bound = bound | {"Evaluation.attacks": (), "Experiment.trackers": ()}
    words = [sys.executable, "-m", "tfadv.train", f"--model_dir={run}"]
    words += [f"--gin_file={file}" for file in files]
    words += [f"--gin_bindings={key} = {value!r}" for key, value in bound.items()]
    run.parent.mkdir(parents=True, exist_ok=True)
    with open(run.with_suffix(".log"), "w", encoding="utf-8") as log:
        return subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)


def follow(process: subprocess.Popen, run: Path, trial: optuna.Trial) -> float:
    """Returns the best accuracy of a run, once it ends; stops one that is not worth its time."""
    reported = 0
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS_BETWEEN_LOOKS)
        found = validations(run)
        for record in found[reported:]:
            trial.report(record["value"], round(record["epoch"]))
        reported = len(found)
        if process.returncode is not None:
            break
        if found and trial.should_prune():
            process.send_signal(signal.SIGTERM)  # it saves, and could be resumed
            process.wait()
            raise optuna.TrialPruned
    if process.returncode:
        last = run.with_suffix(".log").read_text(encoding="utf-8").strip().splitlines()[-1]
        raise RuntimeError(f"{run} ended with {process.returncode}: {last}")
    return max(record["value"] for record in found)


def main() -> None:
    """Searches, and prints the best trial and how to train it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=Path("runs/search"))
    parser.add_argument("--gin_file", action="append", default=[], help="a scale, overlays")
    arguments = parser.parse_args()
    files = [*RECIPE, *arguments.gin_file]
    arguments.folder.mkdir(parents=True, exist_ok=True)

    def objective(trial: optuna.Trial) -> float:
        run = arguments.folder / f"trial-{trial.number}"
        return follow(train(files, bindings(trial), run), run, trial)

    study = optuna.create_study(
        study_name="tfadv",
        storage=f"sqlite:///{arguments.folder / 'optuna.db'}",
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
        load_if_exists=True,
    )
    study.optimize(objective, n_trials=arguments.trials)
    best = study.best_trial
    print(f"best: trial {best.number}, {best.value:.1%} on held-out images, {best.params}")
    print(
        f"measure it on the test images: python -m tfadv.evaluate --model_dir={arguments.folder}/"
        f"trial-{best.number} --checkpoint=best"
    )


if __name__ == "__main__":
    main()
