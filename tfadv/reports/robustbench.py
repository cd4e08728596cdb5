"""An evaluation as an entry of RobustBench's lists (Croce et al., 2021).

The keys are those of ``ModelInfo`` in the list's ``robustbench/utils.py``, the values as in its
``model_info/DATASET/BALL/MODEL.json``: percentages of two decimals and ε as texts.
"""

from collections.abc import Mapping
from typing import NamedTuple

from tfadv.errors import UserError, check_choice

ATTACK = "autoattack"


class Leaderboard(NamedTuple):
    """What one list asks for.

    Attributes:
        classes: of the data set.
        examples: how many test images.
        radii: by ball, ε in pixels of 0..255, and as the list writes it.
        names: the first words by which TFDS' data sets are known.
        overlay: measures a model so.
    """

    classes: int
    examples: int
    radii: Mapping[str, tuple[float, str]]
    names: tuple[str, ...]
    overlay: str


_CIFAR = "gin/eval/robustbench_cifar.gin"
_EIGHT = {"linf": (8.0, "8/255")}
LEADERBOARDS = {
    "cifar10": Leaderboard(10, 10_000, _EIGHT | {"l2": (127.5, "0.5")}, ("cifar10",), _CIFAR),
    "cifar100": Leaderboard(100, 10_000, _EIGHT, ("cifar100",), _CIFAR),
    "imagenet": Leaderboard(
        1000,
        5_000,
        {"linf": (4.0, "4/255")},
        ("imagenet2012",),
        "gin/eval/robustbench_imagenet.gin",
    ),
}
# What a record can't know.
TO_FILL_IN = ("link", "name", "authors", "additional_data", "venue")


def entry(record: Mapping, name: str, branch: str, leaderboard: str | None = None) -> dict:
    """Returns an entry of one of the lists.

    Args:
        record: of an evaluation.
        name: of its file, for the error.
        branch: of the model; ``all`` takes the only one that was measured.
        leaderboard: which list, of `LEADERBOARDS`; None goes by the data set's name.

    Returns:
        JSON values; `TO_FILL_IN` are None.

    Raises:
        UserError: there is no such branch or list, or the evaluation isn't what the list asks for.
    """
    branch = _branch(record, name, branch)
    leaderboard = leaderboard or _by_name(record, name)
    check_choice("--leaderboard", leaderboard, LEADERBOARDS)
    asked = LEADERBOARDS[leaderboard]
    row = _attack(record, branch, asked)
    missing = _missing(record, branch, row, asked)
    if missing:
        raise UserError(
            f"--record: '{name}' is no entry of RobustBench's {leaderboard}: {'; '.join(missing)}. "
            f"--gin_file={asked.overlay} measures what it asks for"
        )
    robust = _percent(row["accuracy"])
    return {
        "link": None,
        "name": None,
        "authors": None,
        "additional_data": None,
        "number_forward_passes": 1,
        "dataset": leaderboard,
        "venue": None,
        "architecture": record["model"].get("name"),
        "eps": asked.radii[row["ball"]][1],
        "clean_acc": _percent(record["clean"][branch]["accuracy"]),
        "reported": robust,
        "autoattack_acc": robust,
        "footnote": f"Measured by tfadv's AutoAttack on {record['examples']:,} images of "
        f"{record['dataset']}, branch {branch}.",
    }


def _branch(record: Mapping, name: str, branch: str) -> str:
    measured = list(record["clean"])
    if branch == "all" and len(measured) > 1:
        raise UserError(
            f"--branch: '{name}' has the branches {', '.join(measured)}, and an entry is of one: "
            "choose it"
        )
    branch = measured[0] if branch == "all" else branch
    check_choice("--branch", branch, measured)
    return branch


def _by_name(record: Mapping, name: str) -> str:
    first = record["dataset"].partition(" ")[0]
    found = [key for key, asked in LEADERBOARDS.items() if first in asked.names]
    if not found:
        raise UserError(
            f"--record: '{name}' is of '{record['dataset']}', whose name is none of RobustBench's "
            f"lists: --leaderboard={' or '.join(LEADERBOARDS)} says whether it is one of them"
        )
    return found[0]


def _attack(record: Mapping, branch: str, asked: Leaderboard) -> Mapping | None:
    """Returns the row of AutoAttack, of the list's ε where there are several."""
    rows = [r for r in record["attacks"] if (r["attack"], r["branch"]) == (ATTACK, branch)]
    return max(rows, key=lambda row: _radius_fits(row, asked), default=None)


def _radius_fits(row: Mapping, asked: Leaderboard) -> bool:
    epsilon, _ = asked.radii.get(row["ball"], (None, ""))
    return row["epsilon"] == epsilon


def _missing(record, branch, row, asked: Leaderboard) -> list[str]:
    """Returns in what an evaluation is not what a list asks for."""
    radii = " or ".join(f"ε = {text} ({ball})" for ball, (_, text) in asked.radii.items())
    classes = len(record["clean"][branch].get("per_class", ()))
    missing = [
        (
            record["examples"] != asked.examples,
            f"{record['examples']:,} images instead of {asked.examples:,}",
        ),
        (classes != asked.classes, f"{classes} classes instead of {asked.classes:,}"),
        ("classes" in record, "logits of some classes were left out"),
        (record["model"].get("tried", {}).get("randomized"), "the model is randomized"),
        (row is None, f"AutoAttack was not run on branch {branch}"),
    ]
    if row is not None:
        changed = [key for key in ("after", "worst_case", "runs", "dtype") if key in row]
        missing += [
            (not _radius_fits(row, asked), f"ε = {row['epsilon']:g}/255 ({row['ball']}), {radii}"),
            (row.get("version") != "standard", "AutoAttack was not its standard version"),
            (changed, f"AutoAttack was judged in another way ({', '.join(changed)})"),
        ]
    return [text for is_missing, text in missing if is_missing]


def _percent(accuracy: float) -> str:
    return f"{100 * accuracy:.2f}"
