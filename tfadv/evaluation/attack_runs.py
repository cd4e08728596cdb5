"""In which runs a list of attacks is carried out."""

from collections.abc import Mapping
from typing import NamedTuple

from tfadv.attacks import Attack
from tfadv.evaluation.trajectory.curve import has_curve, trajectory

# From so many steps on it is worth looking for cycles.
LONG = 50


class Run(NamedTuple):
    """One attack on a set of images.

    Attributes:
        draws: names the random draws that are made for it.
        attack: the attack.
        specs: the attacks of the list that it tells about.
        lengths: steps of each of them along one trajectory; none, where the attack
            is called as it is.
        stage: which of the attack's stages it is, if it has some.
    """

    draws: str
    attack: Attack
    specs: tuple[str, ...]
    lengths: tuple[int, ...] = ()
    stage: str = ""

    @property
    def name(self) -> str:
        """The name of the run: other runs of one list have other names."""
        return f"{self.draws}/{self.stage}" if self.stage else self.draws


def planned(
    attacks: Mapping[str, Attack], shared: bool = True, worst_case: bool = False
) -> list[list[Run]]:
    """Returns the runs, in sequences of which each run attacks what the ones before left.

    Args:
        attacks: by spec.
        shared: whether attacks that differ in their steps alone are one run.
        worst_case: whether every iterate counts, wherever an attack has a curve.
    """
    together: dict[object, list[str]] = {}
    for spec, attack in attacks.items():
        key = trajectory(attack) if shared and _walks(attack) else spec
        together.setdefault(key, []).append(spec)
    return [
        _sequence({spec: attacks[spec] for spec in specs}, worst_case)
        for specs in together.values()
    ]


def _sequence(attacks: dict[str, Attack], worst_case: bool) -> list[Run]:
    specs = tuple(attacks)
    first = attacks[specs[0]]
    if first.stages():
        return [Run(specs[0], attack, specs, (), stage) for stage, attack in first.stages().items()]
    if not _walks(first) or not (worst_case or len(specs) > 1 or first.steps >= LONG):
        return [Run(specs[0], first, specs)]
    leader = max(specs, key=lambda spec: attacks[spec].steps)
    lengths = tuple(attack.steps for attack in attacks.values())
    return [Run(leader, attacks[leader], specs, lengths)]


def _walks(attack: Attack) -> bool:
    return has_curve(attack) and attack.steps > 0
