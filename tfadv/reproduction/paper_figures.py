"""The paper's figures, and what stands in its text alone, as experiments."""

from tfadv.norms.mode import MAIN
from tfadv.paper import TABLE7_COLUMNS, Number
from tfadv.reproduction.experiment import (
    PGD_2000,
    Curves,
    Experiment,
    Files,
    Points,
    Statistics,
    Table,
    branch_of,
    label,
    model,
    on_clean,
    under,
)

DEPTHS = (152, 200, 338, 518, 638)
CLEAN_SHARES = (100, 80, 60, 40, 20, 0)
_CLEAN, _ADV_ONLY, _MIXED = model("clean"), model("adv_100_clean_0"), model("adv_100_clean_100")
_ALP, _MBN, _MBN_ALP, _GN = model("alp"), model("mbn"), model("mbn_alp"), model("gn")
_FROZEN = "adv_100_clean_0_frozen"
_ON_CLEAN, _ON_ADVERSARIAL = (model(f"finetune/{kind}_images") for kind in ("clean", "adversarial"))
_AT_EPSILON_8 = model("adv_100_clean_100", "attack/epsilon8")


def _line(files: Files) -> tuple[str, Files, str]:
    return label(files, branch_of(files)), files, branch_of(files)


def _at_depth(recipe: str, depth: int) -> Files:
    return model(recipe) if depth == 152 else model(recipe, f"depth/{depth}")


def _figure1() -> Experiment:
    numbers = tuple(under(model(f"adv_100_clean_{share}")) for share in CLEAN_SHARES)
    line = ("100% adv + a share of the clean images", numbers)
    points = Points(
        "Robustness by the clean images in training",
        "clean images kept, %",
        CLEAN_SHARES,
        (line,),
    )
    title = "Fewer clean images in training make more robust models"
    claims = ("removing_clean_images_helps",)
    return Experiment("figure1", "figure 1", title, points=(points,), claims=claims)


def _figure2() -> Experiment:
    title = "With clean images in one batch norm, longer attacks go on winning"
    lines = tuple(map(_line, (_ADV_ONLY, _ALP, _MIXED)))
    claims = ("removing_clean_images_helps", "only_some_curves_flatten")
    return Experiment("figure2", "figure 2", title, curves=(Curves(title, lines),), claims=claims)


def _figure3() -> Experiment:
    title = "Separate batch norms make the curves flat again"
    lines = tuple(map(_line, (_ADV_ONLY, _MBN, _MBN_ALP, _MIXED, _ALP)))
    claims = ("mbn_secures_robustness", "only_some_curves_flatten")
    return Experiment("figure3", "figure 3", title, curves=(Curves(title, lines),), claims=claims)


def _figure4() -> Experiment:
    statistics = (Statistics("diagram", _MIXED), Statistics("diagram", _MBN))
    title = "Which images a norm measures: one batch norm, and mixture batch norm"
    return Experiment("figure4", "figure 4", title, statistics=statistics)


def _figure5() -> Experiment:
    title = "Clean and adversarial images have other running statistics"
    claims = ("adversarial_statistics_are_larger",)
    statistics = (Statistics("branches", _MBN),)
    return Experiment("figure5", "figure 5", title, statistics=statistics, claims=claims)


def _figure6() -> Experiment:
    title = "Running statistics, and those of single batches"
    statistics = (Statistics("batches", _ADV_ONLY),)
    return Experiment("figure6", "figure 6", title, statistics=statistics)


def _figure7() -> Experiment:
    lines = (
        ("100% adv + 0% clean*, " + PGD_2000, tuple(under(_at_depth(_FROZEN, d)) for d in DEPTHS)),
        ("0% adv + 100% clean, clean", tuple(on_clean(_at_depth("clean", d)) for d in DEPTHS)),
    )
    title = "Deeper networks gain more under attack than on clean images"
    points = Points(title, "layers of the ResNet", DEPTHS, lines)
    claims = ("deeper_helps_more_under_attack",)
    return Experiment("figure7", "figure 7, section 5", title, points=(points,), claims=claims)


def _finetune_bn() -> Experiment:
    numbers = (
        ("trained on adversarial images", _ADV_ONLY),
        ("its norms finetuned on clean images", _ON_CLEAN),
        ("trained on clean images", _CLEAN),
        ("its norms finetuned on adversarial images", _ON_ADVERSARIAL),
    )
    rows = tuple((name, (on_clean(files), under(files))) for name, files in numbers)
    table = Table("Only the norms are finetuned", "model", ("clean", PGD_2000), rows)
    title = "Filters learned on adversarial images serve clean ones, and not the reverse"
    claims = ("finetuning_norms_recovers_clean_accuracy",)
    return Experiment("finetune_bn", "section 4.4", title, (table,), claims=claims)


def _exceptional_epsilon8() -> Experiment:
    rows = tuple(
        (name, tuple(Number(files, MAIN, attack) for attack in TABLE7_COLUMNS))
        for name, files in (("ε = 8", _AT_EPSILON_8), ("ε = 16", _MIXED))
    )
    table = Table("One batch norm for both kinds of images", "ε", TABLE7_COLUMNS, rows)
    curves = Curves(table.title, (("ε = 8", _AT_EPSILON_8, MAIN), ("ε = 16", _MIXED, MAIN)))
    title = "At half the radius one batch norm is enough"
    return Experiment("exceptional_epsilon8", "section 4.2", title, (table,), (curves,))


def _group_norm() -> Experiment:
    rows = tuple(
        (label(files), tuple(under(files, attack) for attack in ("PGD-500", PGD_2000)))
        for files in (_GN, _MIXED)
    )
    title = "Group norm needs no second branch"
    table = Table(title, "training strategy", ("PGD-500", PGD_2000), rows)
    curves = Curves(title, (_line(_GN), _line(_MIXED)))
    return Experiment("group_norm", "section 4.2", title, (table,), (curves,))


def _first_property() -> Experiment:
    """What section 4 is about, in its four cases, with all that the models were judged by."""
    models = (_MIXED, _ADV_ONLY, _MBN, _GN)
    rows = tuple(
        (label(files, branch_of(files)), tuple(under(files, attack) for attack in TABLE7_COLUMNS))
        for files in models
    )
    title = "Normalization decides whether adversarial training with clean images works"
    table = Table("Accuracy under longer and longer attacks", "training", TABLE7_COLUMNS, rows)
    claims = (
        "removing_clean_images_helps",
        "mbn_secures_robustness",
        "branches_are_good_at_their_own",
        "adversarial_statistics_are_larger",
    )
    return Experiment(
        "first_property",
        "section 4, figures 1 to 5",
        title,
        (table,),
        (Curves(title, tuple(map(_line, models))),),
        statistics=(Statistics("branches", _MBN),),
        claims=claims,
    )


FIGURES = (
    _figure1(),
    _figure2(),
    _figure3(),
    _figure4(),
    _figure5(),
    _figure6(),
    _figure7(),
)
SECTIONS = (_finetune_bn(), _exceptional_epsilon8(), _group_norm(), _first_property())
