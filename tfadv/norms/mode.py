"""How a norm acts in one call: which branch, which statistics, and what is written."""

import dataclasses
from collections.abc import Sequence

from tfadv.errors import UserError, check, check_choice, nearest

MAIN = "main"
# The paper's two kinds of images; a norm with a branch for each calls it so.
CLEAN = "clean"
ADV = "adv"
ACROSS_REPLICAS = ("mean", "sync", "local")


@dataclasses.dataclass(frozen=True)
class NormMode:
    """The three choices that Keras' ``training=`` fuses into one.

    Attributes:
        branch: whose statistics and γ, β to use, such as ``clean`` or ``adv``;
            None takes the norm's default. One that there isn't is refused.
        statistics: ``running`` (collected in training) or ``batch``.
        update: whether to write the batch's statistics into the running ones.
        ghost_batches: number of parts of the batch that are normalized each by
            its own statistics. Part i is the images i, i + ghost_batches, … so
            that a prefix of the batch is a prefix of every part.
        across_replicas: what replicas share. ``mean``: each normalizes its own
            images, and the running statistics are averaged at each update;
            ``sync``: batch statistics of the images of all replicas;
            ``local``: nothing, and a checkpoint keeps the first replica's.
    """

    branch: str | None = None
    statistics: str = "running"
    update: bool = False
    ghost_batches: int = 1
    across_replicas: str = "mean"

    def __post_init__(self):
        check_choice("NormMode.statistics", self.statistics, ("running", "batch"))
        check(self.ghost_batches >= 1, "NormMode.ghost_batches", "be >= 1", self.ghost_batches)
        check_choice("NormMode.across_replicas", self.across_replicas, ACROSS_REPLICAS)


INFERENCE = NormMode()


def is_branch_name(name: object) -> bool:
    """Returns whether variables, endpoints and files can be called after a branch."""
    return isinstance(name, str) and name.isidentifier()


def chosen_branch(
    branch: str | None, branches: Sequence[str], default: str, parameter: str = "NormMode.branch"
) -> str:
    """Returns the branch that a mode names.

    Args:
        branch: its name; None takes the default.
        branches: the names that there are.
        default: one of them.
        parameter: what named it, for the error.

    Raises:
        UserError: there is no such branch; the line lists the known and the nearest.
    """
    name = default if branch is None else branch
    if name not in branches:
        raise UserError(
            f"{parameter} is {name!r}; the branches are {', '.join(branches)}."
            + nearest(name, branches),
            parameter,
        )
    return name
