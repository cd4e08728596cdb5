"""What a card says was measured: a table for each record, and AutoAttack by itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tfadv.attacks.threat_model import ThreatModel
from tfadv.reports.console import attack_name
from tfadv.reports.robustbench import ATTACK as AUTOATTACK
from tfadv.reports.templates import Raw, code_in_markdown, in_markdown


class Row(NamedTuple):
    """A line of a table, as it is shown."""

    branch: str
    attack: str
    accuracy: str
    interval: str


class Table(NamedTuple):
    """What one record says.

    Attributes:
        caption: who measured it, on what.
        rows: a line for each branch and attack.
        starred: whether a line is of images that other attacks left.
    """

    caption: str
    rows: list[Row]
    starred: bool


def tables(metadata: Mapping) -> list[Table]:
    """Returns a table for each record in a bundle's metadata."""
    return [_table(caption, record, metadata["branches"]) for caption, record in _records(metadata)]


def autoattack(metadata: Mapping) -> list[Raw]:
    """Returns, in Markdown, what AutoAttack left of each branch, or that it was not run."""
    lines = []
    for branch in metadata["branches"]:
        found = [
            _measured(row, record["dataset"])
            for _, record in _records(metadata)
            for row in record["attacks"]
            if (row["attack"], row["branch"]) == (AUTOATTACK, branch)
        ]
        where = code_in_markdown(branch)
        lines += found or [Raw(f"**AutoAttack: not measured** on the branch {where}.")]
    return lines


def _records(metadata: Mapping) -> Iterator[tuple[str, Mapping]]:
    """Yields each record, and who measured it."""
    if metadata["accuracy"]:
        yield "As the training run measured it", metadata["accuracy"]
    for record in metadata["evaluations"]:
        yield "As tfadv.evaluate measured it", record


def _table(caption: str, record: Mapping, branches: Sequence[str]) -> Table:
    attacked = [row for row in record["attacks"] if row["branch"] in branches]
    names = [_name(row) for row in attacked]
    attacked.sort(key=lambda row: (names.index(_name(row)), branches.index(row["branch"])))
    rows = [
        *_by_branch("clean", record["clean"], branches),
        *(_row(row["branch"], _name(row), row) for row in attacked),
        *_by_branch("worst case", record.get("worst_case", {}), branches),
    ]
    images = f"{record['examples']:,} images of {record['dataset']}"
    if "classes" in record:
        images += f", between {record['classes']['asked_about']} of the classes"
    return Table(f"{caption}, on {images}", rows, any("after" in row for row in attacked))


def _by_branch(name: str, shares: Mapping, branches: Sequence[str]) -> list[Row]:
    return [_row(branch, name, shares[branch]) for branch in branches if branch in shares]


def _name(row: Mapping) -> str:
    return f"{attack_name(row)} *" if "after" in row else attack_name(row)


def _row(branch: str, attack: str, share: Mapping) -> Row:
    return Row(branch, attack, f"{share['accuracy']:.1%}", _interval(share))


def _interval(share: Mapping) -> str:
    low, high = share["ci95"]
    return f"{low:.1%} to {high:.1%}"


def _measured(row: Mapping, dataset: str) -> Raw:
    text = (
        f"**AutoAttack: {row['accuracy']:.1%}** ({_interval(row)}) on the branch "
        f"{code_in_markdown(row['branch'])}, {row['examples']:,} images of {in_markdown(dataset)}, "
        f"{ThreatModel(row['epsilon'], row['ball'])}"
    )
    if row.get("left_out"):
        text += f"; without {', '.join(map(code_in_markdown, row['left_out']))}"
    if row.get("version") == "custom":
        text += "; not with its standard settings"
    if "after" in row:
        text += f"; of the images that {', '.join(map(in_markdown, row['after']))} left"
    return Raw(f"{text}.")
