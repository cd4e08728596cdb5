"""Which numbers of a run are drawn over its steps, and what they are called."""

from collections.abc import Mapping

from tfadv.reports.console import attack_name, attack_title
from tfadv.strategies import Strategy

# Of the calls that traced something, these say how long that took.
_OF_TIME = ("images_per_second", "input_wait")


def training_curves(metrics: Mapping, is_first: bool = False) -> dict[str, float]:
    """Returns the points of training's curves, by their names.

    The step is what they are drawn over, and what is true or false is no curve until it is true.

    Args:
        metrics: a line of ``metrics.jsonl``.
        is_first: whether it is a process' first, whose time went into tracing.
    """
    return {
        name: float(value)
        for name, value in metrics.items()
        if name != "step" and value is not False and not (is_first and name in _OF_TIME)
    }


def validation_curves(record: Mapping, strategy: Strategy) -> dict[str, float]:
    """Returns the points of a validation's curves, by their names, each number once.

    Where training has a curve of a kind of images, validation's has the same name: the clean
    accuracy of its branch, or the accuracy under the first attack. Others are called by the
    weights, the branch and what was measured.

    Args:
        record: of the validation, as `Validator` makes it.
        strategy: says the branch of each kind.
    """
    found, named = {}, set()
    trained = record["accuracy"]["trained"]
    for kind, of_kind in strategy.kinds.items():
        branch = of_kind if of_kind in trained else next(iter(trained))
        clean, *attacked = trained[branch]
        for what in attacked[:1] if kind in strategy.attacked_kinds else [clean]:
            found[f"{kind}_accuracy"] = trained[branch][what]
            named.add(("trained", branch, what))
    for weights, branches in record["accuracy"].items():
        for branch, values in branches.items():
            for what, value in values.items():
                if (weights, branch, what) not in named:
                    found[f"{weights}/{branch}/{what}"] = value
    return found


def tested(record: Mapping) -> dict[str, float]:
    """Returns the accuracies of a run's results, by ``test/BRANCH/ATTACK``.

    Args:
        record: of ``results.json``; its best checkpoint's are ``best/BRANCH/ATTACK``.
    """
    found = {}
    for part, results in (("test", record), ("best", record.get("best"))):
        if not results:
            continue
        for branch, clean in results["clean"].items():
            found[f"{part}/{branch}/clean"] = clean["accuracy"]
        for row in results["attacks"]:
            key = f"{part}/{row['branch']}/{attack_title(row)}"
            key = f"{part}/{row['branch']}/{attack_name(row)}" if key in found else key
            found[key] = row["accuracy"]
    return found
