"""The header of a card on the hub; interop/test_hub_folder.py has it read by the hub's library."""

import json

import pytest
from shared.evaluation_records import full_record, listed_record

from tfadv.interop.hub_header import header, in_yaml


def metadata(license_name="unspecified", evaluations=(), branches=("adv", "clean")):
    found = {"license": license_name, "branches": list(branches)}
    return found | {"accuracy": None, "evaluations": list(evaluations)}


@pytest.mark.parametrize(
    ("given", "identifier", "name"),
    [
        ("MIT", "mit", None),
        ("CC-BY-NC-4.0", "cc-by-nc-4.0", None),
        ("unspecified", "unknown", None),
        ("Our lab's", "other", "Our lab's"),
    ],
)
def test_the_hub_gets_a_licence_that_it_knows(given, identifier, name):
    found = header("run", "digits train", metadata(given))
    assert json.loads(found.license) == identifier
    assert (found.license_name and json.loads(found.license_name)) == name


def test_a_data_set_of_the_hub_is_named_as_the_hub_does():
    found = header("run", "cifar10 train[:90%]", metadata(evaluations=[listed_record()]))
    assert json.loads(found.dataset) == "uoft-cs/cifar10"
    (result,) = found.results
    assert (json.loads(result.type), json.loads(result.name)) == ("uoft-cs/cifar10", "cifar10 test")
    assert header("run", "digits train", metadata()).dataset is None


def test_each_accuracy_has_a_name_of_its_own():
    records = [full_record(), listed_record("digits test", examples=500), full_record()]
    (result,) = header("run", "digits train", metadata(evaluations=records)).results
    metrics = {json.loads(name): value for name, value in result.metrics.items()}
    assert metrics["branch adv, clean, 500 images"] == 0.9
    assert metrics["branch adv, AutoAttack untargeted ε=8, 500 images"] == 0.4568
    assert metrics["branch adv, PGD-100 targeted ε=16, 500 images"] == 0.65
    assert metrics["branch clean, PGD-10 targeted ε=16, 500 images"] == 0.64
    alone = header("run", "digits train", metadata(evaluations=records, branches=["adv"]))
    assert not any("branch clean" in name for name in alone.results[0].metrics)


def test_a_repository_gives_its_name():
    found = header("run", "digits train", metadata(), "me/robust-digits")
    assert (found.name, found.quoted_repo) == ('"robust-digits"', '"me/robust-digits"')
    assert header("run", "digits train", metadata()).quoted_repo == '"USER/MODEL"'


def test_a_scalar_is_one_line_of_text_alone():
    assert in_yaml('a "b"\n- c:\x7f #\u2028 d \U0001f600') == '"a \\"b\\" - c: # d \U0001f600"'
