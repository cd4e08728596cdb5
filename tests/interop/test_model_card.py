"""What a card says: the run's own settings, and numbers of records alone."""

import dataclasses
import re

import pytest
from shared.evaluation_records import full_record, listed_record, share
from shared.random_bundles import bundle_of, random_run

from tfadv.interop.model_card import model_card


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return random_run(tmp_path_factory.mktemp("card") / "run")


@pytest.fixture(scope="module")
def card_of(run, tmp_path_factory):
    """Returns a function from records to the card of the run's bundle."""
    metadata, _ = bundle_of(run, tmp_path_factory.mktemp("out") / "bundle")

    def card(*evaluations, of=run, **changes):
        return model_card(of, metadata | {"evaluations": list(evaluations)} | changes)

    return card


def rows(card):
    """Returns the tables' lines: branch, attack, accuracy, interval."""
    lines = [line.strip("|").split("|") for line in card.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line] for line in lines if line[0].strip() != "branch"]


def test_it_tells_data_threat_model_and_recipe(run, card_of):
    data = {"train": {"examples": 1297, "pixels": "12ab"}, "test": {"examples": 500, "sizes": "f"}}
    card = card_of(of=dataclasses.replace(run, data=data))
    for text in (
        "Training: digits train, 1,297 images, SHA-256 of their pixels 12ab.",
        "Test: digits test, 500 images, SHA-256 of their sizes f.",
        "logits of 10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9.",
        "Attacked in training within ε = 64 of 255 (L∞).",
        "0..1: 0.25098.",  # 64 / 255
        "Strategy logit\\_pairing, norm mixture\\_batch\\_norm",
        "PGD-10 targeted ε=64",
        "batches of 6 images",
        "tfadv at commit 1234abc.",
        "CC0. The training images have a licence of their own.",
        "arxiv.org/abs/1906.03787",
    ):
        assert text in card, text
    assert "no digest recorded" in card_of()
    many = card_of(classes=21, class_names=[f"name {number}" for number in range(21)])
    assert "logits of 21 classes (`class_names` in metadata.json)." in many


def test_without_a_record_it_has_no_number(card_of):
    card = card_of()
    assert rows(card) == [] and "%" not in card.split("## Intended use")[0].split("## Accuracy")[1]
    assert "The run has not measured this checkpoint: nothing is known of it here." in card
    assert card.count("**AutoAttack: not measured** on the branch") == 2


def test_its_tables_are_the_records(card_of):
    results = {**full_record(), "examples": 321}
    card = card_of(listed_record("digits test"), accuracy=results)
    assert "As the training run measured it, on 321 images of digits test:" in card
    assert "As tfadv.evaluate measured it, on 10,000 images of digits test:" in card
    found = rows(card)
    assert ["adv", "PGD-100 targeted ε=16", "65.0%", "61.0% to 69.0%"] in found
    assert ["adv", "worst case", "51.0%", "47.0% to 55.0%"] in found
    assert ["clean", "clean", "90.0%", "86.0% to 94.0%"] in found
    assert len(found) == len(results["attacks"]) + 2 + 1 + 2 + 2
    assert [row[:2] for row in found[:4]] == [  # the default branch first, attack by attack
        ["adv", "clean"],
        ["clean", "clean"],
        ["adv", "PGD-100 targeted ε=16"],
        ["clean", "PGD-100 targeted ε=16"],
    ]
    only = rows(card_of(accuracy=results, branches=["adv"]))
    of_adv = [row for row in results["attacks"] if row["branch"] == "adv"]
    assert {branch for branch, *_ in only} == {"adv"} and len(only) == len(of_adv) + 2


def test_autoattack_is_said_apart_branch_by_branch(card_of):
    record = listed_record("digits test", left_out={"square": "why"}, version="custom")
    del record["attacks"][0]
    card = card_of(record)
    measured = (
        "**AutoAttack: 45.7%** (41.7% to 49.7%) on the branch `adv`, 10,000 images of digits "
    )
    assert f"{measured}test, ε = 8 of 255 (L∞); without" in card
    assert "; without `square`; not with its standard settings." in card
    assert "**AutoAttack: not measured** on the branch `clean`." in card
    assert "standard settings" not in card_of(listed_record("digits test"))


def test_what_was_left_by_others_and_fewer_classes_are_marked(card_of):
    record = full_record() | {"classes": {"asked_about": 5, "of": 10}}
    record["attacks"] = [record["attacks"][0] | {"after": ["PGD-10"]}]
    record["worst_case"] = {"adv": share(0.5)}
    card = card_of(record)
    assert "between 5 of the classes" in card
    assert any(attack.endswith("\\*") for _, attack, *_ in rows(card))
    assert re.search(r"^\\\* of the images that other attacks left\.$", card, re.MULTILINE)
