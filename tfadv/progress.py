"""How far a run has come: a live bar on a terminal, a line now and then elsewhere."""

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from tfadv.attacks.threat_model import BALL_NAMES

SECONDS_BETWEEN_LINES = 10.0
COLUMNS = 4  # of accuracies: more don't fit on a terminal


class Progress:
    """Reports of one long piece of work; use it as a context manager.

    Args:
        title: what is being done.
        total: units of work in all.
        start: units already done.
        console: where to print.
        quiet: prints nothing at all.
    """

    def __init__(
        self,
        title: str,
        total: int,
        start: int = 0,
        console: Console | None = None,
        quiet: bool = False,
    ):
        self._quiet = quiet
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._title, self._total = title, total
        self._first: tuple[int, float] | None = None
        self._last_line = time.monotonic()
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[numbers]}"),
            console=self.console,
            disable=quiet or not self.console.is_terminal,
        )
        self._task = self._bar.add_task(title, total=total, completed=start, numbers="")

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(self, *_) -> None:
        self._bar.stop()

    def update(self, done: float, what: str = "", **numbers: float) -> None:
        """Says that `done` units are complete, of `what`, with the latest numbers."""
        text = "  ".join([what, *(f"{name} {value:.4g}" for name, value in numbers.items())])
        self._bar.update(self._task, completed=done, numbers=text)
        now = time.monotonic()
        # The first unit is left out of the estimate: it was traced and compiled.
        self._first = self._first or (done, now)
        first_done, first_time = self._first
        due = now - self._last_line >= SECONDS_BETWEEN_LINES or done == self._total
        if due and not self._quiet and not self.console.is_terminal:
            self._last_line = now
            line = f"{self._title} {done:g}/{self._total}  {text.strip()}"
            if done > first_done:
                left = (now - first_time) / (done - first_done) * (self._total - done)
                line += f"  {left:.0f} s left"
            self.console.print(line)


class Work:
    """Progress of work whose units differ in size, shown as a percentage.

    Args:
        title: what is being done.
        cost: of the whole, in any unit.
        quiet: prints nothing at all.
    """

    def __init__(self, title: str, cost: float, quiet: bool = False):
        self._progress = Progress(f"{title}, %:", 100, quiet=quiet)
        self._cost = cost
        self._spent = 0.0

    def __enter__(self) -> "Work":
        self._progress.__enter__()
        return self

    def __exit__(self, *raised) -> None:
        self._progress.__exit__(*raised)

    def add(self, cost: float, what: str = "") -> None:
        """Says that some more is done."""
        self._spent += cost
        self._progress.update(round(min(100 * self._spent / self._cost, 100), 1), what)


def results_table(record: dict, of: str = "") -> Table:
    """Returns a results record as a table of branches and attacks.

    Few attacks are columns, many are rows.

    Args:
        record: as in ``results.json``.
        of: what was measured, if it isn't the model itself.
    """
    measured = f"{of}, {record['dataset']}" if of else record["dataset"]
    title = f"{measured}: accuracy on {record['examples']} images (95% interval)"
    branches = list(record["clean"])
    found = [("clean", record["clean"]), *_by_attack(record["attacks"])]
    if "worst_case" in record:
        found.append(("worst case", record["worst_case"]))
    cells = [[name, *(_cell(by_branch[b]) for b in branches)] for name, by_branch in found]
    lines = [["branch", *branches], *cells]
    if len(found) <= COLUMNS:
        lines = zip(*lines, strict=True)
    header, *rows = lines
    starred = any("after" in row for row in record["attacks"])
    caption = "* of the images that other attacks left" if starred else None
    table = Table(*header, title=title, caption=caption)
    for row in rows:
        table.add_row(*row)
    return table


def _by_attack(rows: list[dict]) -> list[tuple[str, dict[str, dict]]]:
    """Returns each attack's name and its rows by branch; two attacks may have one name."""
    found: list[tuple[str, dict[str, dict]]] = []
    latest: dict[str, dict[str, dict]] = {}
    for row in rows:
        name = f"{attack_name(row)} *" if "after" in row else attack_name(row)
        if row["branch"] in latest.get(name, [row["branch"]]):
            latest[name] = {}
            found.append((name, latest[name]))
        latest[name][row["branch"]] = row
    return found


def signs_table(record: dict) -> Table:
    """Returns the doctor's signs: a row a sign, a column a branch.

    Args:
        record: with a ``doctor``.
    """
    branches = record["doctor"]
    table = Table("sign", *branches, "limit", title="signs of masked gradients (shares of images)")
    for signs in zip(*branches.values(), strict=True):
        table.add_row(signs[0]["sign"], *map(_sign, signs), f"{signs[0]['limit']:.0%}")
    return table


def _sign(sign: dict) -> str:
    if sign["value"] is None:
        return sign["verdict"]
    return f"{sign['value']:.1%} {sign['verdict']}"


def attack_title(row: dict) -> str:
    """Returns what a table calls an attack, such as ``PGD-100``."""
    steps = f"-{row['steps']}" if row.get("steps", 1) > 1 else ""
    return f"{row.get('title', row['attack'].upper())}{steps}"


def attack_name(row: dict) -> str:
    """Returns an attack with its goal and threat model, such as ``PGD-100 targeted ε=16``."""
    words = [attack_title(row), "targeted" if row["targeted"] else "untargeted"]
    if row.get("epsilon") is not None:
        words.append(f"ε={row['epsilon']:g}")
    if row.get("ball", "linf") != "linf":
        words.append(BALL_NAMES[row["ball"]])
    return " ".join(words)


def _cell(row: dict) -> str:
    low, high = row["ci95"]
    return f"{row['accuracy']:.1%} ({low:.1%}–{high:.1%})"
