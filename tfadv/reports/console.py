"""Records as a terminal shows them: tables, and what they call an attack."""

from rich.table import Table

from tfadv.plots.names import attack_name, attack_title

__all__ = ["attack_name", "attack_title", "average_record", "indicators_table", "results_table"]

COLUMNS = 4  # of accuracies: more don't fit on a terminal


def results_table(record: dict, of: str = "") -> Table:
    """Returns a results record as a table of branches and attacks.

    Few attacks are columns, many are rows. The best checkpoint's accuracies, if the record has
    some, are beside the last one's.

    Args:
        record: as in ``results.json``.
        of: what was measured, if it isn't the model itself.
    """
    record = _with_best(record)
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


def average_record(record: dict) -> dict | None:
    """Returns what a record says of the moving average of the weights; None for nothing."""
    average = record.get("weight_average")
    if average is None or "best" not in record:
        return average
    best = record["best"]
    return average | {"best": best["weight_average"] | {"chosen_by": best["chosen_by"]}}


def _with_best(record: dict) -> dict:
    """Returns a record in which the best checkpoint's branches are beside the last one's."""
    best = record.get("best")
    if best is None:
        return record
    titles = {"last": record, f"best, epoch {best['chosen_by']['epoch']:g}": best}
    branches = [
        (of, branch, f"{branch} ({title})")
        for title, of in titles.items()
        for branch in of["clean"]
    ]
    together = {
        "clean": {name: of["clean"][branch] for of, branch, name in branches},
        "attacks": [
            row | {"branch": name}
            for of, branch, name in branches
            for row in of["attacks"]
            if row["branch"] == branch
        ],
    }
    if "worst_case" in record:
        together["worst_case"] = {name: of["worst_case"][branch] for of, branch, name in branches}
    return record | together


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


def indicators_table(record: dict) -> Table:
    """Returns the indicators of masked gradients: one row per indicator, one column per branch.

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


def _cell(row: dict) -> str:
    low, high = row["ci95"]
    return f"{row['accuracy']:.1%} ({low:.1%}–{high:.1%})"
