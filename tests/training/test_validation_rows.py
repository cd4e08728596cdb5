"""Validations are rows below one line of titles."""

from tfadv.training.validation_rows import ValidationRows


def record(step, value, **weights):
    accuracy = weights or {"trained": {"clean": {"clean": 0.9, "v/pgd": 0.1}}}
    accuracy["trained"]["adv"] = {"clean": 0.8, "v/pgd": value}
    return {"step": step, "epoch": step / 10, "value": value, "accuracy": accuracy}


def test_rows_stand_below_their_titles():
    rows, first, second = ValidationRows(), record(10, 0.25), record(20, 0.125)
    lines = [*rows(first, first), *rows(second, first)]
    assert lines == [
        "validation  clean: clean  clean: pgd  adv: clean  adv: pgd  best",
        "epoch 1            90.0%       10.0%       80.0%     25.0%  new best",
        "epoch 2            90.0%       10.0%       80.0%     12.5%  25.0% in epoch 1",
    ]


def test_attacks_of_one_kind_and_the_average_are_told_apart():
    branches = {"main": {"clean": 1.0, "weak/pgd": 0.5, "strong/pgd": 0.25}}
    found = record(10, 0.5, trained={}, average=branches)
    found["accuracy"]["trained"] = {}
    (titles, _) = ValidationRows()(found, found)
    assert titles.split("  ") == [
        "validation",
        *("main average: clean", "main average: weak/pgd", "main average: strong/pgd"),
        "best",
    ]
