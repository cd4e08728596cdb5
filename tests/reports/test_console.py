"""The tables on the terminal."""

import io

import pytest
from rich.console import Console
from shared.evaluation_records import bare_record, pgd, share

from tfadv.reports.console import average_record, results_table


def printed(record):
    console = Console(file=io.StringIO(), width=80)
    console.print(results_table(record))
    return console.file.getvalue()


def cells(line):
    return [cell.strip() for cell in line.strip("│┃\n").replace("┃", "│").split("│")]


@pytest.mark.parametrize("attacks", [1, 6])
def test_every_number_is_whole_on_a_narrow_terminal(attacks):
    """A row a branch, or with many attacks a row an attack."""
    record = bare_record("clean", "adv")
    record["attacks"] = [
        pgd(branch, 10 * number, 0.1 * number)
        for number in range(1, attacks + 1)
        for branch in ("clean", "adv")
    ]
    record["worst_case"] = {"adv": share(0.05), "clean": share(0.04)}
    text = printed(record)
    rows = [cells(line) for line in text.splitlines() if line[0] in "│┃"]
    names = ["clean", *(f"PGD-{10 * n} targeted ε=16" for n in range(1, attacks + 1)), "worst case"]
    if attacks == 1:
        rows = [list(column) for column in zip(*rows, strict=True)]
    assert rows[0] == ["branch", "clean", "adv"]
    assert [row[0] for row in rows[1:]] == names
    assert rows[2][1:] == ["10.0% (6.0%–14.0%)"] * 2
    assert rows[-1][1:] == ["4.0% (0.0%–8.0%)", "5.0% (1.0%–9.0%)"]
    assert "*" not in text


def test_attacks_of_one_name_are_all_there():
    record = bare_record("clean", "adv")
    record["attacks"] = [
        pgd(branch, 10, accuracy, loss=loss)
        for loss, accuracy in (("cross_entropy", 0.5), ("margin", 0.25))
        for branch in ("clean", "adv")
    ]
    lines = printed(record).splitlines()
    header = [cells(line)[2:] for line in lines if line.startswith("┃")]
    names = [" ".join(filter(None, column)) for column in zip(*header, strict=True)]
    assert names == ["PGD-10 targeted ε=16", "PGD-10 targeted by margin ε=16"]
    rows = [cells(line) for line in lines if line.startswith("│")]
    assert [row[2:] for row in rows] == [["50.0% (46.0%–54.0%)", "25.0% (21.0%–29.0%)"]] * 2


def test_what_others_left_is_marked():
    record = bare_record("main")
    row = pgd("main", 10, 0.25, title="MI-FGSM", after=["PGD-100"])
    record["attacks"] = [pgd("main", 100, 0.5), row]
    text = printed(record)
    header = [cells(line)[2:] for line in text.splitlines() if line.startswith("┃")]
    names = [" ".join(filter(None, column)) for column in zip(*header, strict=True)]
    assert names == ["PGD-100 targeted ε=16", "MI-FGSM-10 targeted ε=16 *"]
    assert "* of the images that other attacks left" in text


def test_the_best_checkpoint_is_beside_the_last_one():
    record = bare_record("clean", "adv")
    record["attacks"] = [pgd(branch, 10, 0.2) for branch in ("clean", "adv")]
    best = bare_record("clean", "adv")
    best["attacks"] = [pgd(branch, 10, 0.3) for branch in ("clean", "adv")]
    record["weight_average"] = {**record}
    best["weight_average"] = {**best}
    record["best"] = best | {"chosen_by": {"epoch": 7.0}}
    for shown in (record, average_record(record)):
        rows = [cells(line) for line in printed(shown).splitlines() if line[0] in "│┃"]
        by_branch = {row[0]: row[2] for row in rows[1:]}
        assert list(by_branch) == [
            *("clean (last)", "adv (last)"),
            *("clean (best, epoch 7)", "adv (best, epoch 7)"),
        ]
        accuracies = [cell.partition("%")[0] for cell in by_branch.values()]
        assert accuracies == ["20.0"] * 2 + ["30.0"] * 2
    assert average_record(bare_record("main")) is None
