"""Rules that find what commonly goes wrong in adversarial training, in a run's validations.

Each is a function of the validations so far, oldest first, which returns a line that says what
is seen and what to do, or ``""``. A validation is a mapping, as `Validator` makes it:

    ``branches``    by norm branch: ``clean`` and ``robust`` accuracy (the lowest under attack;
                    None without attacks), ``one_step`` accuracy under FGSM from the image, and the
                    shares ``zero_gradients`` and ``unmoved`` (None without an ε)
    ``attacked``    those of the branches that training attacks
    ``training``    means since the validation before: ``loss``, and accuracies by kind
    ``robust_training``   the mean accuracy of training's attacked kinds, None without any
    ``largest``     absolute values by what they are of: ``loss``, ``logits``, ``variables``
    ``drift``       how far running statistics are apart, by ``branches`` and ``replicas``
    ``chance``      1/K of K classes
    ``examples``    N, ``epoch``

Thresholds without a source are ours.
"""

import math
from collections.abc import Callable, Mapping, Sequence

Rows = Sequence[Mapping]
Rule = Callable[[Rows], str]

# Of validations in a row, before a slow change counts.
_IN_A_ROW = 3
_AT_CHANCE = 8  # as many first epochs of a healthy run on digits came near it
_FALL = 0.5  # a collapse at least halves what was robust
_GAP = 0.2  # by which one step then overestimates
_ZERO_SHARE, _UNMOVED_SHARE = 0.1, 0.5
_LEAST_MOVE = 0.02  # of an accuracy, whatever the number of images
_LARGE, _GROWTH, _SQUARE_ROOT_OF_OVERFLOW = 1e4, 3.0, 1e18  # of float32
_APART = 1.0  # mean |a - b| over mean (|a| + |b|)/2: on average one is three times the other


def collapse(rows: Rows) -> str:
    """Robust accuracy has fallen to half of its best or less, and one step doesn't show it.

    Catastrophic overfitting of one-step training (Wong et al., 2020;
    Andriushchenko & Flammarion, 2020): within an epoch the model learns to withstand the one
    step alone, whose accuracy rises, while PGD's falls to nothing.
    """
    now = rows[-1]
    for branch in now["attacked"]:
        robust = [row["branches"][branch]["robust"] for row in rows]
        if robust[-1] is None or len(rows) < 2:
            continue
        best = max(robust[:-1])
        at_best = rows[robust.index(best)]
        easy, easy_before = (_easiest(row, branch) for row in (now, at_best))
        fell = robust[-1] <= _FALL * best and best - robust[-1] > _noise(best, now["examples"])
        if (
            fell
            and easy - robust[-1] >= _GAP
            and easy >= easy_before - _noise(easy, now["examples"])
        ):
            return (
                f"sudden collapse of branch '{branch}': robust accuracy {robust[-1]:.1%} after "
                f"{best:.1%} in epoch {at_best['epoch']:g}, and one step {easy:.1%} (before: "
                f"{easy_before:.1%}): take --checkpoint=best, and train with more attack steps, a "
                "random start, a smaller step or ε, or a lower rate"
            )
    return ""


def robust_overfitting(rows: Rows) -> str:
    """Robust accuracy on held-out images falls from its best, and on training images rises.

    Rice et al., 2020: what early stopping on held-out images undoes.
    """
    now = rows[-1]
    if len(rows) <= _IN_A_ROW or now["robust_training"] is None:
        return ""
    for branch in now["attacked"]:
        robust = [row["branches"][branch]["robust"] for row in rows]
        if robust[-1] is None:
            continue
        best = max(robust)
        at_best = rows[robust.index(best)]
        below = best - max(robust[-_IN_A_ROW:]) > _noise(best, now["examples"])
        if below and now["robust_training"] - at_best["robust_training"] > _LEAST_MOVE:
            return (
                f"robust overfitting of branch '{branch}': {robust[-1]:.1%} on held-out images "
                f"after {best:.1%} in epoch {at_best['epoch']:g}, while training's robust accuracy "
                f"rises ({at_best['robust_training']:.1%} to {now['robust_training']:.1%}): take "
                "--checkpoint=best, stop early (Validation.patience), or average the weights"
            )
    return ""


def near_overflow(rows: Rows) -> str:
    """The loss, logits, weights or the optimizer's sums grow towards what float32 can't hold."""
    for name in rows[-1]["largest"]:
        values = [row["largest"][name] for row in rows[-_IN_A_ROW - 1 :]]
        pairs = list(zip(values, values[1:], strict=False))
        grows = len(values) > _IN_A_ROW and all(b >= _GROWTH * a for a, b in pairs)
        if values[-1] >= _SQUARE_ROOT_OF_OVERFLOW or (grows and values[-1] >= _LARGE):
            return (
                f"near overflow: the largest of the {name} is {values[-1]:.3g}, and grows: lower "
                "the learning rate (--learning_rate_factor=0.5 when the run is resumed), warm up "
                "for longer, or clip gradients"
            )
    return ""


def dead_gradients(rows: Rows) -> str:
    """For many images the attack gets no gradient, or a step along it doesn't move the loss.

    Then robust accuracy says nothing of robustness (Athalye et al., 2018).
    """
    now = rows[-1]
    for branch in now["attacked"]:
        found = now["branches"][branch]
        for name, share, called in (
            ("zero_gradients", _ZERO_SHARE, "have no gradient"),
            ("unmoved", _UNMOVED_SHARE, "don't change their loss along it"),
        ):
            if found[name] is not None and found[name] >= share:
                return (
                    f"dead or saturated gradients in branch '{branch}': {found[name]:.1%} of the "
                    f"images {called}: robust accuracy may be an illusion; look for large "
                    "logits, evaluate with --gin_file=gin/eval/autoattack.gin and "
                    "Evaluation.doctor = True, or lower the rate"
                )
    return ""


def drifting_statistics(rows: Rows) -> str:
    """Running statistics of norm branches, or of replicas, get further and further apart."""
    remedies = {
        "branches": "see that every branch gets images, and the attack's ε",
        "replicas": "bind NormPolicy.across_replicas = 'mean' or 'sync', or larger shares",
    }
    for name, remedy in remedies.items():
        values = [row["drift"][name] for row in rows[-_IN_A_ROW:]]
        known = len(values) == _IN_A_ROW and None not in values
        if (
            known
            and values[-1] >= _APART
            and all(b > a for a, b in zip(values, values[1:], strict=False))
        ):
            return (
                f"running statistics of the {name} drift apart: {values[-1]:.2f} times their mean, "
                f"after {values[0]:.2f}: {remedy}"
            )
    return ""


def robust_at_chance(rows: Rows) -> str:
    """Robust accuracy stays at chance or below while clean accuracy rises: nothing is learned of
    the attack."""
    now, recent = rows[-1], rows[-_AT_CHANCE:]
    if len(recent) < _AT_CHANCE:
        return ""
    for branch in now["attacked"]:
        robust = [row["branches"][branch]["robust"] for row in recent]
        clean = [max(b["clean"] for b in row["branches"].values()) for row in recent]
        if None in robust:
            continue
        level = now["chance"] + 2 * math.sqrt(now["chance"] / now["examples"])
        rises = clean[-1] - clean[0] > _LEAST_MOVE and clean[-1] > 2 * level
        if max(robust) <= level and rises:
            return (
                f"robust accuracy of branch '{branch}' stays at chance ({robust[-1]:.1%}) while "
                f"clean accuracy rises ({clean[0]:.1%} to {clean[-1]:.1%}): begin with a smaller "
                "ε or more attack steps, or give adversarial images more weight"
            )
    return ""


RULES: dict[str, Rule] = {
    "collapse": collapse,
    "robust_overfitting": robust_overfitting,
    "near_overflow": near_overflow,
    "dead_gradients": dead_gradients,
    "drifting_statistics": drifting_statistics,
    "robust_at_chance": robust_at_chance,
}


def alarms(rows: Rows) -> dict[str, str]:
    """Returns the lines of the rules that a run's validations break, by the rules' names."""
    found = {name: rule(rows) for name, rule in RULES.items()}
    return {name: line for name, line in found.items() if line}


def _easiest(row: Mapping, branch: str) -> float:
    """Returns the accuracy under one step, or in training where that is more."""
    known = (row["branches"][branch]["one_step"], row["robust_training"])
    return max((value for value in known if value is not None), default=0.0)


def _noise(share: float, examples: float) -> float:
    """Returns what an accuracy may move by chance: three standard errors, and 2% at least."""
    return max(_LEAST_MOVE, 3 * math.sqrt(share * (1 - share) / examples))
