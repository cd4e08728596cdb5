"""The rules on synthetic histories: those that must alarm, and their neighbours that must not."""

import pytest

from tfadv.training.alarms import RULES, alarms


def row(epoch, robust=0.4, clean=0.6, one_step=0.5, trained=0.5, **more):
    """Returns a validation of a run with one attacked branch, on 1,000 images of ten classes."""
    branch = {"clean": clean, "robust": robust, "one_step": one_step}
    branch |= {name: more.pop(name, 0.0) for name in ("zero_gradients", "unmoved")}
    return {
        "epoch": epoch,
        "examples": 1000,
        "chance": 0.1,
        "branches": {"adv": branch},
        "attacked": ["adv"],
        "training": {"loss": 1.0},
        "robust_training": trained,
        "largest": {"loss": 1.0, "variables": 3.0},
        "drift": {"branches": None, "replicas": None},
    } | more


def rows(count=6, **columns):
    """Returns validations whose values in some columns are given, one after the other."""
    return [
        row(n + 1, **{name: values[n] for name, values in columns.items()}) for n in range(count)
    ]


HEALTHY = rows(robust=[0.2, 0.3, 0.35, 0.38, 0.4, 0.4], clean=[0.4, 0.5, 0.55, 0.6, 0.62, 0.63])
RISING = [0.4, 0.45, 0.5, 0.55, 0.6, 0.65]
LONG_RISE = [0.3, 0.35, *RISING]
LARGE = [1.0, 10.0, 200.0, 3e3, 1e4, 5e4]
FALLING = [0.3, 0.45, 0.4, 0.37, 0.35, 0.33]


def of_loss(values):
    return rows(largest=[{"loss": value} for value in values])


def of_drift(name, values):
    none = {"branches": None, "replicas": None}
    return rows(drift=[none | {name: value} for value in values])


ALARMING = {
    "collapse": [
        rows(2, robust=[0.4, 0.0], one_step=[0.5, 0.9]),
        # Where FGSM without the random start is fooled too, training's accuracy shows it.
        rows(3, robust=[0.3, 0.35, 0.1], one_step=[0.4, 0.4, 0.05], trained=[0.4, 0.45, 0.8]),
    ],
    "robust_overfitting": [rows(robust=FALLING, trained=RISING)],
    "near_overflow": [of_loss(LARGE), of_loss([1.0] * 5 + [1e19])],
    "dead_gradients": [
        rows(1, zero_gradients=[0.2]),
        rows(2, unmoved=[0.1, 0.7]),
    ],
    "drifting_statistics": [
        of_drift("branches", [0.1, 0.3, 0.6, 0.8, 1.0, 1.2]),
        of_drift("replicas", [0.1, 0.3, 0.6, 0.8, 1.0, 1.2]),
    ],
    "robust_at_chance": [rows(8, robust=[0.09] * 8, one_step=[0.1] * 8, clean=LONG_RISE)],
}
QUIET = {
    "collapse": [
        rows(2, robust=[0.4, 0.3], one_step=[0.5, 0.9]),  # not halved
        rows(2, robust=[0.4, 0.1], one_step=[0.5, 0.15], trained=[0.5, 0.2]),  # one step sees it
        rows(2, robust=[0.02, 0.0], one_step=[0.1, 0.9]),  # noise of 1,000 images
        rows(1, robust=[0.0], one_step=[0.9]),  # nothing to fall from
        rows(2, robust=[None, None], one_step=[0.5, 0.9]),  # no attack
    ],
    "robust_overfitting": [
        rows(robust=FALLING, trained=[0.5] * 6),  # training's does not rise
        rows(robust=[0.4, 0.395, 0.39, 0.385, 0.39, 0.39], trained=RISING),  # noise
        rows(robust=[0.3, 0.4, 0.3, 0.3, 0.3, 0.41], trained=RISING),  # it comes back
        rows(3, robust=FALLING, trained=RISING),  # too soon to say
    ],
    "near_overflow": [of_loss([0.1 * v for v in LARGE[:5]] + [2.0]), of_loss([1e4] * 6)],
    "dead_gradients": [rows(1, zero_gradients=[0.01], unmoved=[0.4]), rows(1, unmoved=[None])],
    "drifting_statistics": [
        of_drift("branches", [1.5] * 6),  # apart, and no further
        of_drift("branches", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),  # still near
        of_drift("replicas", [0.0] * 6),
    ],
    "robust_at_chance": [
        rows(8, robust=[0.1] * 8, clean=[0.6] * 8),  # clean accuracy does not rise
        rows(8, robust=[0.1] * 6 + [0.2, 0.25], clean=LONG_RISE),
        rows(7, robust=[0.1] * 7, clean=LONG_RISE),  # the first epochs of any run
    ],
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_alarms_and_says_what_to_do(name):
    for history in ALARMING[name]:
        line = RULES[name](history)
        assert line and "\n" not in line and ": " in line
        assert alarms(history)[name] == line


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_quiet_where_nothing_is_wrong(name):
    for history in (HEALTHY, *(HEALTHY[:count] for count in range(1, 6)), *QUIET[name]):
        assert RULES[name](history) == ""


def test_what_is_seen_is_in_the_line():
    history = rows(3, robust=[0.3, 0.45, 0.01], one_step=[0.4, 0.5, 0.93])
    assert list(alarms(history)) == ["collapse"]
    line = alarms(history)["collapse"]
    for text in ("'adv'", "1.0%", "45.0% in epoch 2", "93.0%", "--checkpoint=best"):
        assert text in line


def test_branches_that_training_does_not_attack_are_their_owners_affair():
    history = rows(2, robust=[0.4, 0.0], one_step=[0.5, 0.9])
    for one in history:
        one["attacked"] = []
    assert alarms(history) == {}
