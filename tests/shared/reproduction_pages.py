"""Pages of reproductions with made-up results, for the tests of their reports."""

import numpy as np

from tfadv.norms.mode import ADV, CLEAN, MAIN
from tfadv.reproduction.catalogue import chosen
from tfadv.reproduction.claims import verdict
from tfadv.reproduction.experiment import branch_of
from tfadv.reproduction.page import Compared, Page
from tfadv.reproduction.results import Results, SeedResult

ATTACKS = ("clean", "PGD-10", "PGD-20", "PGD-100", "PGD-500", "PGD-2000")
IMAGES = 200
SETTINGS = (
    Compared("training images", "10,000", "1,281,167"),
    Compared("network", "ResNet-20 <of 3 stages>", "ResNet-152"),
    Compared("ε", "16", "16"),
)
BUDGET = (("runs finished", "3 of 4"), ("processor", "2 cores & no accelerator"))
COMMANDS = ("python -m tfadv.reproduce --experiment=x --gin_bindings='A.b = \"<c>\"'",)
VERSIONS = (("tfadv", "0.1"), ("tensorflow", "2.21.0"))


def seed_result(files, seed, folder, images=IMAGES):
    """Returns a run whose images are right at random, rarely under long attacks."""
    rng = np.random.default_rng([seed, *map(ord, "".join(files))])
    branches = (CLEAN, ADV) if branch_of(files) == ADV else (MAIN,)
    right = {
        (branch, attack): rng.random(images) < rate
        for branch in branches
        for attack, rate in zip(ATTACKS, np.sort(rng.uniform(0.05, 0.8, 6))[::-1], strict=True)
    }
    run = folder / "runs" / "-".join(file.replace("/", "_") for file in (*files, f"seed{seed}"))
    report = run.with_suffix(".html")
    return SeedResult(seed, run, {}, report, np.arange(images), right)


def results_of(experiment, folder, seeds=(0, 1, 2), missing=None, has_reports=False):
    """Returns results of all models but the missing ones; their reports may lie on disk."""
    missing = missing or {}
    by_model = {
        files: [seed_result(files, seed, folder) for seed in seeds]
        for files in experiment.models
        if files not in missing and seeds
    }
    if has_reports:
        (folder / "runs").mkdir(parents=True)
        for run in (run for runs in by_model.values() for run in runs):
            run.report.write_text("a report")
    return Results(by_model, missing)


def page_of(name, folder, sizes=None, **more):
    """Returns what a report of an experiment says."""
    experiment = chosen(name)
    results = results_of(experiment, folder, **more)
    verdicts = tuple(verdict(claim, results) for claim in experiment.claims)
    sizes = sizes or {
        files: "" if len(files) == 1 else str(files[1:]) for files in experiment.models
    }
    return Page(
        experiment, "digits", results, verdicts, SETTINGS, BUDGET, sizes, COMMANDS, VERSIONS
    )
