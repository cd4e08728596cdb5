"""The paper's claims as effects, most of them sums of accuracies, that must be above zero."""

import functools
from collections.abc import Callable, Mapping

from tfadv.norms.mode import ADV, CLEAN, MAIN
from tfadv.paper import Number
from tfadv.reproduction.experiment import PGD_2000, model, trained_with, under
from tfadv.reproduction.norm_distance import (
    beyond_batches,
    mean_distance,
    share_larger,
    variance_distance,
)
from tfadv.reproduction.results import Results
from tfadv.reproduction.verdicts import Claim, Effect, Verdict, by_norm, contrast

CLAIMS: dict[str, Claim] = {}


def verdict(name: str, results: Results) -> Verdict:
    """Judges the claim of a name."""
    return CLAIMS[name].judge(name, results)


def claim(text: str, where: str):
    """Makes a function of the results the measure of the claim of its name."""

    def register(effects: Callable[[Results], tuple[Effect, ...]]):
        CLAIMS[effects.__name__] = Claim(text, where, effects)
        return effects

    return register


def _difference(one: Number, other: Number) -> dict[Number, float]:
    return {one: 1.0, other: -1.0}


def _mean(groups: list[dict[Number, float]]) -> dict[Number, float]:
    """Returns the mean of several sums."""
    total: dict[Number, float] = {}
    for group in groups:
        for number, weight in group.items():
            total[number] = total.get(number, 0.0) + weight / len(groups)
    return total


def _minus(one: Mapping[Number, float], other: Mapping[Number, float]) -> dict[Number, float]:
    return _mean([{n: 2 * w for n, w in one.items()}, {n: -2 * w for n, w in other.items()}])


_MIXED, _ADV_ONLY, _MBN = model("adv_100_clean_100"), model("adv_100_clean_0"), model("mbn")
_WEAK = ("adv_100_clean_100", "alp")
_STRONG = ("adv_100_clean_0", "mbn", "mbn_alp")


@claim("Training without clean images makes models more robust.", "section 4.1, figure 1")
def removing_clean_images_helps(results: Results) -> tuple[Effect, ...]:
    """PGD-2000 of '100% adv + 0% clean' and of '100% adv + 100% clean'."""
    what = f"{PGD_2000}: without clean images, minus with all of them in one batch norm"
    return (contrast(results, what, _difference(under(_ADV_ONLY), under(_MIXED))),)


@claim(
    "With a batch norm for each kind of images, models are robust though clean images are "
    "trained on.",
    "section 4.2, figure 3, table 1",
)
def mbn_secures_robustness(results: Results) -> tuple[Effect, ...]:
    """PGD-2000 of MBN's adversarial branch and of one batch norm for both."""
    what = f"{PGD_2000}: the adversarial branch of MBN, minus one batch norm for both kinds"
    return (contrast(results, what, _difference(under(_MBN), under(_MIXED))),)


@claim("Each branch of MBN is good at its own images.", "section 4.2, table 1")
def branches_are_good_at_their_own(results: Results) -> tuple[Effect, ...]:
    """Clean accuracy and PGD-2000 of MBN's two branches."""
    clean = _difference(Number(_MBN, CLEAN, "clean"), Number(_MBN, ADV, "clean"))
    robust = _difference(under(_MBN), Number(_MBN, CLEAN, PGD_2000))
    return (
        contrast(results, "clean images: the clean branch, minus the adversarial one", clean),
        contrast(results, f"{PGD_2000}: the adversarial branch, minus the clean one", robust),
    )


@claim(
    "Running statistics in the last epochs' training make models more robust.",
    "section 4.3, tables 2 and 5",
)
def freezing_helps(results: Results) -> tuple[Effect, ...]:
    """PGD-2000 with and without '*', on average over the paper's three strategies."""
    pairs = [_difference(under(model(f"{r}_frozen")), under(model(r))) for r in _STRONG]
    what = f"{PGD_2000}: with (*), minus without, mean of three strategies"
    return (contrast(results, what, _mean(pairs)),)


@claim(
    "Finetuning the norms alone recovers clean accuracy of an adversarially trained model, and "
    "gives no robustness to one that was trained on clean images.",
    "section 4.4",
)
def finetuning_norms_recovers_clean_accuracy(results: Results) -> tuple[Effect, ...]:
    """Clean accuracy after finetuning on clean images; PGD-2000 after the reverse."""
    on_clean, on_adversarial = (
        model(f"finetune/{kind}_images") for kind in ("clean", "adversarial")
    )
    clean = _difference(Number(on_clean, MAIN, "clean"), Number(_ADV_ONLY, MAIN, "clean"))
    robust = _difference(under(_ADV_ONLY), under(on_adversarial))
    return (
        contrast(results, "clean images: after finetuning on clean images, minus before", clean),
        contrast(
            results, f"{PGD_2000}: trained on attacks whole, minus in the norms alone", robust
        ),
    )


@claim("Deeper networks gain more under attack than on clean images.", "section 5, figure 7")
def deeper_helps_more_under_attack(results: Results) -> tuple[Effect, ...]:
    """What ResNet-338 adds to ResNet-152, under PGD-2000 and in clean training."""
    frozen = "adv_100_clean_0_frozen"
    robust = _difference(under(model(frozen, "depth/338")), under(model(frozen)))
    clean = _difference(
        Number(model("clean", "depth/338"), MAIN, "clean"), Number(model("clean"), MAIN, "clean")
    )
    what = f"gain from ResNet-152 to 338: {PGD_2000}, minus clean accuracy of clean training"
    return (contrast(results, what, _minus(robust, clean)),)


@claim(
    "Fewer attack steps in training cost the strategies most that are weak anyway.",
    "appendix B.1, table 4",
)
def fewer_steps_hurt_weak_strategies_most(results: Results) -> tuple[Effect, ...]:
    """What PGD-5 in training costs beside PGD-30, of weak and of strong strategies."""

    def cost(recipes: tuple[str, ...]) -> dict[Number, float]:
        pairs = [(under(trained_with(r, 30)), under(trained_with(r, 5))) for r in recipes]
        return _mean([_difference(*pair) for pair in pairs])

    what = f"{PGD_2000} lost by PGD-5 in training: one batch norm for both kinds, minus the others"
    return (contrast(results, what, _minus(cost(_WEAK), cost(_STRONG))),)


@claim("Only the curves of the strong strategies flatten.", "sections 4.1 and 4.2, figures 2 and 3")
def only_some_curves_flatten(results: Results) -> tuple[Effect, ...]:
    """What is lost from PGD-500 to PGD-2000, of weak and of strong strategies."""

    def lost(recipes: tuple[str, ...]) -> dict[Number, float]:
        files = [model(recipe) for recipe in recipes]
        return _mean([_difference(under(f, "PGD-500"), under(f)) for f in files])

    what = "lost from PGD-500 to PGD-2000: one batch norm for both kinds, minus the others"
    return (contrast(results, what, _minus(lost(_WEAK), lost(_STRONG))),)


@claim(
    "Clean and adversarial images have different running statistics, and the adversarial ones "
    "have the larger means and variances.",
    "section 4.2, figure 5",
)
def adversarial_statistics_are_larger(results: Results) -> tuple[Effect, ...]:
    """The running statistics of MBN's two branches, norm by norm.

    A larger mean is taken as one further from zero. Figure 5 shows means of both signs, and
    a channel's sign says nothing: with the kernel and γ both negated the network is the same
    function, and the mean has the other sign. It is also what the paper explains it by, noise
    and outliers in the features.
    """
    effect = functools.partial(by_norm, results, files=_MBN)
    beside = "of the branches, minus that of two batches of one branch"
    return (
        effect(
            what=f"distance of the running means {beside}",
            measure=lambda statistics: beyond_batches(statistics, mean_distance),
            unit="standard deviations",
        ),
        effect(
            what=f"distance of the running variances {beside}",
            measure=lambda statistics: beyond_batches(statistics, variance_distance),
            unit="doublings",
        ),
        effect(
            what="channels whose adversarial running variance is larger, minus half of them",
            measure=lambda statistics: 100 * (share_larger(statistics, "variance") - 0.5),
        ),
        effect(
            what="channels whose adversarial running mean is further from 0, minus half of them",
            measure=lambda statistics: 100 * (share_larger(statistics, "mean") - 0.5),
        ),
    )
