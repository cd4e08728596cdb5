"""The page's tables."""

from shared.evaluation_records import bare_record, full_record, pgd, share

from tfadv.reports import tables


def test_the_summary_keeps_to_the_record_s_radius():
    record = full_record() | {"epsilon": 16.0}
    assert tables.summary(record, "clean") == ("90.0%", "45.0%", "PGD-100, ε = 16")
    assert tables.summary(record, "adv") == ("90.0%", "51.0%", "all attacks, worst case")
    del record["worst_case"]
    assert tables.summary(record, "adv") == ("90.0%", "55.0%", "AUTO, ε = 16")
    assert tables.summary(record | {"epsilon": None}, "adv")[1] == "30.0%"
    record["attacks"].append({"attack": "mine", "branch": "adv"} | share(0.1))  # tells no ε
    assert tables.summary(record, "adv") == ("90.0%", "10.0%", "MINE")


def test_of_equally_strong_attacks_the_cheapest_is_named():
    record = bare_record("main")
    record["attacks"] = [
        pgd("main", 100, 0.25, passes=101.0),
        pgd("main", 20, 0.25, passes=21.0),
        pgd("main", 5, 0.5, passes=6.0),
    ]
    assert tables.summary(record, "main") == ("90.0%", "25.0%", "PGD-20, ε = 16")


def test_every_attack_has_its_row_though_two_are_alike():
    record = bare_record("clean", "adv")
    record["attacks"] += [pgd(branch, 10, 0.25) for branch in ("clean", "adv")]
    lines = [line for line in tables.headline(record) if line.kind == "attack"]
    assert [[cell.accuracy for cell in line.cells] for line in lines] == [
        ["50.0%", "50.0%"],
        ["25.0%", "25.0%"],
    ]
