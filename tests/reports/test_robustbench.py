"""Entries of RobustBench's lists: their keys and values, and what is none."""

import pytest
from shared.evaluation_records import listed_record

from tfadv.errors import UserError
from tfadv.reports.robustbench import LEADERBOARDS, TO_FILL_IN, entry

# Those of an entry in RobustBench/robustbench, such as
# model_info/imagenet/Linf/Singh2023Revisiting_ConvNeXt-T-ConvStem.json, and `ModelInfo`'s footnote.
KEYS = ["link", "name", "authors", "additional_data", "number_forward_passes", "dataset", "venue"]
KEYS += ["architecture", "eps", "clean_acc", "reported", "autoattack_acc", "footnote"]


def test_an_entry_has_the_lists_keys_and_its_way_of_writing_numbers():
    found = entry(listed_record(), "e.json", "adv")
    assert list(found) == KEYS
    assert (found["dataset"], found["eps"]) == ("cifar10", "8/255")
    assert (found["clean_acc"], found["autoattack_acc"], found["reported"]) == (
        "90.00",
        "45.68",
        "45.68",
    )
    assert found["number_forward_passes"] == 1
    assert [key for key, value in found.items() if value is None] == list(TO_FILL_IN)
    assert "10,000 images of cifar10 test" in found["footnote"]
    assert entry(listed_record(), "e.json", "clean")["autoattack_acc"] == "1.23"


@pytest.mark.parametrize(
    ("leaderboard", "changes", "eps"),
    [
        ("cifar10", {"epsilon": 127.5, "ball": "l2"}, "0.5"),
        ("cifar100", {"classes": 100}, "8/255"),
        ("imagenet", {"classes": 1000, "examples": 5000, "epsilon": 4.0}, "4/255"),
    ],
)
def test_each_list_has_its_radius_and_number_of_images(leaderboard, changes, eps):
    record = listed_record("npz.test", **changes)
    found = entry(record, "e.json", "adv", leaderboard)
    assert (found["dataset"], found["eps"]) == (leaderboard, eps)
    with pytest.raises(UserError, match="npz.test.*--leaderboard=cifar10 or cifar100 or imagenet"):
        entry(record, "e.json", "adv")
    for other in LEADERBOARDS.keys() - {leaderboard}:
        with pytest.raises(UserError, match=f"is no entry of RobustBench's {other}:"):
            entry(record, "e.json", "adv", other)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"examples": 9_999}, "9,999 images instead of 10,000"),
        ({"epsilon": 16.0}, r"ε = 16/255 \(linf\), ε = 8/255"),
        ({"ball": "l2"}, r"ε = 8/255 \(l2\)"),
        ({"version": "custom"}, "AutoAttack was not its standard version"),
        ({"version": None}, "AutoAttack was not its standard version"),
        ({"attack": "pgd"}, "AutoAttack was not run on branch adv"),
        ({"after": ["PGD-10"]}, r"judged in another way \(after\)"),
        ({"runs": 2, "dtype": "bfloat16"}, r"judged in another way \(runs, dtype\)"),
    ],
)
def test_other_evaluations_are_refused_with_what_is_missing(changes, message):
    with pytest.raises(UserError, match=message) as refused:
        entry(listed_record(**changes), "e.json", "adv")
    assert "--gin_file=gin/eval/robustbench_cifar.gin" in refused.value.message


def test_all_that_is_missing_is_said_at_once():
    record = listed_record(examples=500, epsilon=16.0) | {"classes": {"asked_about": 10, "of": 20}}
    record["model"]["tried"] = {"randomized": 0.5}
    with pytest.raises(UserError, match="500 images.*left out.*randomized.*ε = 16/255"):
        entry(record, "e.json", "adv")


def test_a_branch_is_chosen_where_there_are_several():
    record = listed_record()
    with pytest.raises(UserError, match="'e.json' has the branches clean, adv.*choose it"):
        entry(record, "e.json", "all")
    with pytest.raises(UserError, match="--branch is 'avd'.*Did you mean 'adv'"):
        entry(record, "e.json", "avd")
    del record["clean"]["clean"]
    assert entry(record, "e.json", "all") == entry(record, "e.json", "adv")


def test_of_several_radii_the_lists_own_is_taken():
    record = listed_record()
    record["attacks"] = [row | {"epsilon": 16.0, "accuracy": 0.1} for row in record["attacks"]] + (
        record["attacks"]
    )
    assert entry(record, "e.json", "adv")["autoattack_acc"] == "45.68"
