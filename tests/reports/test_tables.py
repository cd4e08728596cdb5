"""The page's tables."""

from shared.evaluation_records import full_record, share

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
