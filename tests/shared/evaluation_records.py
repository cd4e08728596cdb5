"""Records of evaluations, and what goes with them, for the tests of reports."""

import numpy as np

from tfadv.reports.evaluation import Judged, Shown

ODD = ['<html> & "cat"', "dog's $x$ $y$", "{{ 7 * 7 }}"]


def share(accuracy, spread=0.04):
    return {"accuracy": accuracy, "ci95": [accuracy - spread, accuracy + spread]}


def pgd(branch, steps, accuracy, epsilon=16.0, **more):
    settings = {"attack": "pgd", "branch": branch, "targeted": True, "epsilon": epsilon}
    found = {"attack_success": 0.125, "examples": 500}
    return settings | {"steps": steps} | share(accuracy) | found | more


def bare_record(*branches):
    return {
        "model": {"name": "resnet", "branches": list(branches), "parameters": 75290},
        "dataset": "digits test",
        "epsilon": None,
        "pixel_range": [0, 255],
        "examples": 500,
        "clean": {branch: share(0.9) for branch in branches},
        "attacks": [pgd(branch, 10, 0.5) for branch in branches],
    }


def listed_record(dataset="cifar10 test", classes=10, examples=10_000, epsilon=8.0, **row):
    """Returns the record of two branches under AutoAttack, as one of RobustBench's lists asks."""
    record = bare_record("clean", "adv") | {"dataset": dataset, "examples": examples}
    found = {"targeted": False, "epsilon": epsilon, "ball": "linf", "examples": examples}
    settings = {"attack": "autoattack", "title": "AutoAttack", "version": "standard"}
    record["attacks"] = [
        settings | {"branch": branch} | found | share(accuracy) | row
        for branch, accuracy in (("clean", 0.01234), ("adv", 0.45678))
    ]
    for clean in record["clean"].values():
        clean["per_class"] = [{"class": str(label)} | share(0.9) for label in range(classes)]
    return record


def trained_by(record, *recipe):
    """Returns the record of a model that the paper's row of these files trained."""
    model = {"recipe": list(recipe) or None, "strategy": "adversarial", "norm": "batch_norm"}
    return record | {"model": record["model"] | model | {"scale": "digits"}}


def full_record(classes=3):
    record = bare_record("clean", "adv")
    record["attacks"] = [
        pgd(branch, steps, accuracy, passes=steps + 1.0, passes_per_image=86.25)
        for branch, reached in (("adv", (0.65, 0.84)), ("clean", (0.45, 0.64)))
        for steps, accuracy in zip((100, 10), reached, strict=True)
    ]
    record["attacks"] += [
        pgd("adv", 100, 0.3, epsilon=32.0),
        pgd("adv", 100, 0.8, epsilon=8.0, step_size=0.5),
        pgd("adv", 50, 0.6, targeted=False, worst_case=True, restarts=5, loss="margin", ball="l2"),
        {"attack": "auto", "branch": "adv", "targeted": False, "epsilon": 16.0, "examples": 500}
        | share(0.55)
        | {"attack_success": 0.4, "stages": [{"attack": "apgd", "steps": 20} | share(0.575)]},
    ]
    bins = [(0.55, 0.5, 30), (0.75, 0.0, 0), (0.95, 0.9, 70)]
    for clean in record["clean"].values():
        clean["top5"] = share(0.955)
        clean["calibration_error"] = 0.0345
        clean["reliability"] = [
            dict(zip(("confidence", "accuracy", "examples"), one, strict=True)) for one in bins
        ]
        clean["per_class"] = [
            {"class": label, "examples": 50} | share(0.9 - label / 10**4)
            for label in range(classes)
        ]
    record["worst_case"] = {"adv": share(0.51)}
    rows = [("fog", 1, 0.8), ("fog", 5, 0.4), ("pixelate", 1, 0.7), ("pixelate", 5, 0.6)]
    record["corruptions"] = {
        "adv": [{"corruption": c, "severity": s, "examples": 50} | share(a) for c, s, a in rows]
    }
    record["doctor"] = {
        "adv": [
            sign("zero gradients", 0.03, "fine"),
            sign("noise <b>", None, "not measured"),
            sign("no radius is enough", 0.12345, "suspicious"),
        ]
    }
    return record


def sign(name, value, verdict):
    return {"sign": name, "what": "Told.", "value": value, "limit": 0.05, "verdict": verdict}


def judged(*branches, classes=3):
    labels = np.arange(12) % classes
    shifts = {"clean": np.zeros(12, int), "PGD-10": np.arange(12) % 2, "PGD-100": np.ones(12, int)}
    return [
        Judged(branch, name, labels, (labels + shift) % classes)
        for branch in branches
        for name, shift in shifts.items()
    ]


def worst(branch="adv", count=1, channels=3, step=10):
    image = np.full((4, 6, channels), 100, np.float32)
    return [Shown(branch, "PGD-100", image, image + step, 0, 1, 0.97, 40 + i) for i in range(count)]
