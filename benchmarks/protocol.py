"""How far the paper's measure, targeted PGD-2000, is from other attacks, image by image.

    python -m benchmarks.protocol --runs=docs/results/first_property/runs

reads the records and predictions that ``gin/eval/protocol.gin`` left in the folders
MODEL/SEED of `--runs`, and prints a table of the models' branches.
"""

import argparse
import collections
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import kendalltau

SUFFIX = ".predictions.npz"


class Attack(NamedTuple):
    """What an attack is known by in a record."""

    name: str
    steps: int | None
    targeted: bool


PAPERS = Attack("pgd", 2000, True)
OTHERS = {
    "untargeted PGD-100": Attack("pgd", 100, False),
    "AutoAttack": Attack("autoattack", None, False),
}


def main() -> None:
    """Prints the table, and how alike the orders are into which the attacks put the runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="holds MODEL/SEED folders")
    runs = {}
    for file in sorted(parser.parse_args().runs.glob(f"*/*/protocol*{SUFFIX}")):
        model, seed = file.parent.parent.name, file.parent.name
        for branch, right in right_by_branch(file).items():
            runs[model, branch, seed] = right
    print("| model, branch | images | PGD-2000 | " + " | ".join(OTHERS), end=" | ")
    print("broken of what PGD-2000 leaves | broken by PGD-2000 alone |")
    print("|---|" + "---:|" * (4 + len(OTHERS)))
    models = dict.fromkeys((model, branch) for model, branch, _ in runs)
    for model, branch in models:
        found = [right for key, right in runs.items() if key[:2] == (model, branch)]
        print(row(f"{model}, {branch}", joined(found)))
    means = [{attack: np.mean(right[attack]) for attack in right} for right in runs.values()]
    for name, attack in OTHERS.items():
        tau = kendalltau([m[PAPERS] for m in means], [m[attack] for m in means])
        print(f"order of the {len(means)} runs' branches by PGD-2000 and by {name}: ", end="")
        print(f"Kendall's tau {tau.statistic:.2f} (p = {tau.pvalue:.1g})")


def right_by_branch(file: Path) -> dict[str, dict[Attack, np.ndarray]]:
    """Returns by branch and attack whether each image was classified right, bool [N]."""
    record = json.loads(Path(str(file).replace(SUFFIX, ".json")).read_text(encoding="utf-8"))
    kept = np.load(file)
    found = collections.defaultdict(dict)
    for said, predicted in zip(record["attacks"], kept["attacks"], strict=True):
        attack = Attack(said["attack"], said.get("steps"), said["targeted"])
        found[said["branch"]][attack] = predicted == kept["label"]
    return found


def joined(found: list[dict[Attack, np.ndarray]]) -> dict[Attack, np.ndarray]:
    """Returns the images of several runs one after the other."""
    return {attack: np.concatenate([right[attack] for right in found]) for attack in found[0]}


def row(title: str, right: dict[Attack, np.ndarray]) -> str:
    """Returns a line of the table."""
    left, others = right[PAPERS], [right[attack] for attack in OTHERS.values()]
    accuracies = [f"{100 * np.mean(each):.1f}%" for each in (left, *others)]
    broken = ", ".join(f"{100 * np.mean(~other[left]):.0f}%" for other in others)
    alone = np.sum(~left & np.logical_and.reduce(others))
    return f"| {title} | {len(left)} | " + " | ".join(accuracies) + f" | {broken} | {alone} |"


if __name__ == "__main__":
    main()
