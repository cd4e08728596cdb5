"""Where the paper says two things, both of them, and which the rows follow."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Contradiction:
    """One thing that the paper prints in two ways.

    Attributes:
        what: it is about.
        printed: what stands there, by where: percent, points or words.
        followed: the place that the rows follow.
        why: the reason.
    """

    what: str
    printed: Mapping[str, float | str]
    followed: str
    why: str


CONTRADICTIONS = (
    Contradiction(
        "ResNet-638's clean accuracy, '100% adv + 0% clean*'",
        {"table 7": 67.2, "section 5": 68.7},
        "table 7",
        "table 7 prints it beside the other attacks on the same model",
    ),
    Contradiction(
        "points of clean accuracy by which ResNet-638 outperforms ResNet-152",
        {"table 7": 5.1, "section 5": 6.1},
        "table 7",
        "67.2 - 62.1; section 5's 68.7 - 6.1 is no ResNet-152 of table 7 with batches of 4096",
    ),
    Contradiction(
        "what MBN's rows in table 5 were trained on",
        {
            "table 5": "MBN, 100% adv + 0% clean",
            "tables 2, 4 and 7": "MBN, 100% adv + 100% clean",
        },
        "tables 2, 4 and 7",
        "the accuracies are the same ones, and without clean images MBN has nothing to separate",
    ),
)
