"""Kinds of images that are called after the attacks that make them."""

from collections.abc import Sequence

from tfadv.errors import check
from tfadv.norms.mode import ADV, CLEAN, is_branch_name


def kinds_of_attacks(
    attacks: Sequence[str], parameter: str, others: Sequence[str] = (CLEAN,)
) -> dict[str, str]:
    """Returns the specs of attacks by the kinds of images that they make.

    A kind is called after the attack's scope, ``weak`` of ``weak/pgd``, and ``adv`` without one.

    Args:
        attacks: each ``name`` or ``scope/name``.
        parameter: that gave them, for the error.
        others: names of the strategy's other kinds.

    Raises:
        UserError: there is none, or two kinds would have one name, or that of another.
    """
    kinds = [spec.rpartition("/")[0].replace("/", "_") or ADV for spec in attacks]
    distinct = kinds and len({*kinds, *others}) == len(kinds) + len(others)
    rule = "be attacks in scopes of different names, such as ('pgd', 'weak/pgd')"
    check(distinct and all(map(is_branch_name, kinds)), parameter, rule, tuple(attacks))
    return dict(zip(kinds, attacks, strict=True))
