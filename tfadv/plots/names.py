"""What a reader calls branches and classes."""

from collections.abc import Mapping, Sequence

import numpy as np


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
