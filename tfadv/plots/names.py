"""What a reader calls branches, classes and attacks."""

from collections.abc import Mapping, Sequence

import numpy as np

from tfadv.attacks.threat_model import BALL_NAMES


def branches(record: Mapping) -> list[str]:
    """Returns every branch that a record measured."""
    return list(dict.fromkeys([*record["clean"], *(row["branch"] for row in record["attacks"])]))


def branch_name(branch: str) -> str:
    """Returns what a reader calls a branch; a model without branches reports as 'main'."""
    return "this model" if branch == "main" else f"{branch} branch"


def class_name(label: int | str, class_names: Sequence[str]) -> str:
    """Returns the name of a class, or its number where there is none."""
    named = isinstance(label, int | np.integer) and 0 <= label < len(class_names)
    return str(class_names[label] if named else label)


def attack_title(row: dict) -> str:
    """Returns what a table calls an attack, such as ``PGD-100``."""
    steps = f"-{row['steps']}" if row.get("steps", 1) > 1 else ""
    return f"{row.get('title') or row['attack'].upper()}{steps}"


def attack_name(row: dict) -> str:
    """Returns an attack with its goal and threat model, such as ``PGD-100 targeted ε=16``."""
    words = [attack_title(row), "targeted" if row["targeted"] else "untargeted"]
    if row.get("loss", "cross_entropy") != "cross_entropy":
        words.append(f"by {row['loss']}")
    if row.get("epsilon") is not None:
        words.append(f"ε={row['epsilon']:g}")
    if row.get("ball", "linf") != "linf":
        words.append(BALL_NAMES[row["ball"]])
    return " ".join(words)
