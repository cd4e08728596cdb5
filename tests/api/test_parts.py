"""Parts and values of Python as gin bindings."""

from pathlib import Path

import numpy as np
import pytest

import tfadv
from tfadv.api import gin_text
from tfadv.api.parts import chosen
from tfadv.attacks.pgd import PGD
from tfadv.config import read
from tfadv.config.isolated import isolated
from tfadv.registry import ATTACKS, NORMS, bound_value


@pytest.mark.parametrize(
    ("given", "spec", "values"),
    [
        ("pgd", "pgd", {}),
        ("mine/pgd", "mine/pgd", {}),
        (tfadv.part("fgsm", epsilon=4), "fgsm", {"FGSM.epsilon": 4}),
        (tfadv.FGSM(4.0), "fgsm", tfadv.FGSM(4.0).arguments),
    ],
)
def test_a_part_is_named_and_bound(given, spec, values):
    found, bound = chosen(ATTACKS, given, "attack")
    assert found == spec
    assert bound == {k if "." in k else f"FGSM.{k}": v for k, v in values.items()}


def test_a_scope_is_the_parts_own():
    spec, bound = chosen(ATTACKS, PGD(2, steps=5), "attack", "mine")
    assert spec == "mine/pgd"
    assert bound["mine/PGD.steps"] == 5


class Unregistered(PGD):
    """A class that nobody registered."""


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("pdg", "no attack is called 'pdg'.*Did you mean 'pgd'"),
        (Unregistered(2, steps=1), "Unregistered is registered as no attack: decorate"),
        (None, "a NoneType is no attack"),
    ],
)
def test_what_is_no_part_is_refused(given, message):
    with pytest.raises(tfadv.UserError, match=message):
        chosen(ATTACKS, given, "attack")


def test_values_are_read_back_as_they_were():
    values = {
        "PGD.epsilon": tfadv.Schedule(((0, 0.0), (2, 8.0)), "step"),
        "PGD.steps": np.int64(3),
        "PGD.step_size": np.float32(0.1),
        "ResNet.blocks": [1, 2],
        "npz.train": Path("a") / "it's.npz",
        "Training.class_weights": {"a": 1.0},
        "Training.average_decay": None,
    }
    with isolated():
        read(["gin/clean.gin"], list(gin_text.bindings(values)))
        schedule = bound_value("PGD.epsilon")
        assert (schedule.points, schedule.interpolation) == (((0, 0.0), (2, 8.0)), "step")
        assert bound_value("PGD.step_size") == float(np.float32(0.1))
        assert bound_value("ResNet.blocks") == (1, 2)
        assert bound_value("npz.train") == "a/it's.npz"
        assert bound_value("Training.class_weights") == {"a": 1.0}
        assert bound_value("Training.average_decay") is None


def test_names_are_offered():
    assert {"fit", "evaluate", "export", "load", "robust", "PGD", "data"} <= set(dir(tfadv))
    assert callable(tfadv.fit) and tfadv.part("x", a=1).parameters == {"a": 1}
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        _ = tfadv.fitt
    assert NORMS.names()
