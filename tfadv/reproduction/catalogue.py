"""Every experiment of the paper, by name."""

from tfadv.errors import UserError, nearest
from tfadv.norms.mode import CLEAN, MAIN
from tfadv.paper import ROWS, TABLE7_COLUMNS, Number, row_of
from tfadv.reproduction.experiment import (
    PGD_2000,
    Curves,
    Experiment,
    Files,
    Points,
    Statistics,
    Table,
    branch_of,
    model,
    trained_with,
    under,
)

EVERYTHING = "everything"
STEPS_IN_TRAINING = (30, 20, 10, 5)
BATCHES = (512, 1024, 2048, 4096, 8192)
DEPTHS = (152, 200, 338, 518, 638)
CLEAN_SHARES = (100, 80, 60, 40, 20, 0)

_CLEAN, _ADV_ONLY, _MIXED = model("clean"), model("adv_100_clean_0"), model("adv_100_clean_100")
_ALP, _MBN, _MBN_ALP, _GN = model("alp"), model("mbn"), model("mbn_alp"), model("gn")
_FROZEN = "adv_100_clean_0_frozen"
_ON_CLEAN, _ON_ADVERSARIAL = (model(f"finetune/{kind}_images") for kind in ("clean", "adversarial"))
_AT_EPSILON_8 = model("adv_100_clean_100", "attack/epsilon8")
_MAY_BE_FROZEN = ("adv_100_clean_0", "mbn", "mbn_alp")


def chosen(name: str) -> Experiment:
    """Returns an experiment by its name.

    Raises:
        UserError: there is none of this name.
    """
    if name not in EXPERIMENTS:
        raise UserError(
            f"--experiment: there is no '{name}'; there are {', '.join(EXPERIMENTS)}."
            + nearest(name, EXPERIMENTS)
        )
    return EXPERIMENTS[name]


def label(files: Files, branch: str = MAIN) -> str:
    """Returns the paper's words for a model and one of its norm branches."""
    row = row_of(files)
    name = row.name if row else " + ".join(files)
    return name.replace("MBN,", f"MBN {branch},") if branch != MAIN else name


def _clean(files: Files, branch: str = MAIN) -> Number:
    return Number(files, branch, "clean")


def _row(number: Number) -> tuple[str, tuple[Number]]:
    return label(number.files, number.branch), (number,)


def _one_column(title: str, attack: str, *numbers: Number) -> Table:
    return Table(title, "training strategy", (attack,), tuple(map(_row, numbers)))


def _line(files: Files) -> tuple[str, Files, str]:
    return label(files, branch_of(files)), files, branch_of(files)


def _at_depth(recipe: str, depth: int) -> Files:
    return model(recipe) if depth == 152 else model(recipe, f"depth/{depth}")


def _table1() -> Experiment:
    branches = [_clean(_CLEAN), _clean(_MBN, CLEAN), _clean(_MBN_ALP, CLEAN)]
    robust = [under(_ADV_ONLY), under(_MBN), under(_MBN_ALP)]
    return Experiment(
        "table1",
        "table 1",
        "Each branch of mixture batch norm is good at its own images",
        (
            _one_column("On clean images", "clean", *branches),
            _one_column("Under attack", PGD_2000, *robust),
        ),
        claims=("mbn_secures_robustness", "branches_are_good_at_their_own"),
    )


def _table2() -> Experiment:
    numbers = [
        under(model(recipe + suffix)) for recipe in _MAY_BE_FROZEN for suffix in ("", "_frozen")
    ]
    return Experiment(
        "table2",
        "table 2",
        "Running statistics in the last epochs' training (*) add robustness",
        (_one_column("With and without running statistics", PGD_2000, *numbers),),
        claims=("freezing_helps",),
    )


def _table3() -> Experiment:
    changes = {
        "1_original": "original ALP: RMSProp, exponential decay, ResNet-101",
        "2_step_decay": "learning rate decays in steps",
        "3_rate_0.1": "initial learning rate 0.1",
        "4_momentum_sgd": "momentum SGD",
        "5_clean_starts": "a fifth of the attacks start from the clean image",
        "6_128_gpus": "batches of 128 GPUs",
        "7_resnet152": "ResNet-152",
        "8_pgd30": "PGD-30 in training",
    }
    # The last two are ALP of tables 4 and 7.
    files = {name: model(f"table3/{name}") for name in changes}
    files |= {"7_resnet152": trained_with("alp", 10), "8_pgd30": _ALP}
    attacks = ("PGD-10", PGD_2000)
    rows = tuple(
        (change, tuple(Number(files[name], MAIN, attack) for attack in attacks))
        for name, change in changes.items()
    )
    table = Table("From the original ALP to ours", "one change a row", attacks, rows, chain=True)
    title = "What makes adversarial logit pairing robust: the attack's steps in training"
    return Experiment("table3", "table 3, appendix A", title, (table,))


def _table4() -> Experiment:
    recipes = ("adv_100_clean_0", "adv_100_clean_100", "alp", "mbn", "mbn_alp")
    rows = tuple(
        (f"PGD-{steps}", tuple(under(trained_with(recipe, steps)) for recipe in recipes))
        for steps in STEPS_IN_TRAINING
    )
    columns = tuple(label(model(recipe), branch_of(model(recipe))) for recipe in recipes)
    return Experiment(
        "table4",
        "table 4, appendix B.1",
        "Weaker attacks in training cost the weak strategies most",
        (Table(f"{PGD_2000} by the training attack", "training attack", columns, rows),),
        claims=("fewer_steps_hurt_weak_strategies_most",),
    )


def _table5() -> Experiment:
    rows = tuple(
        (
            label(model(recipe + suffix), branch_of(model(recipe))),
            tuple(under(trained_with(recipe + suffix, steps)) for steps in STEPS_IN_TRAINING[::-1]),
        )
        for recipe in _MAY_BE_FROZEN
        for suffix in ("", "_frozen")
    )
    columns = tuple(f"PGD-{steps} in training" for steps in STEPS_IN_TRAINING[::-1])
    return Experiment(
        "table5",
        "table 5, appendix B.2",
        "Running statistics in the last epochs' training (*), by the training attack",
        (Table(f"{PGD_2000} by the training attack", "training strategy", columns, rows),),
        claims=("freezing_helps",),
    )


def _with_batch(size: int) -> Files:
    return model(_FROZEN) if size == 4096 else model(_FROZEN, f"batch/{size}")


def _table6() -> Experiment:
    rows = tuple((str(size), (under(_with_batch(size)),)) for size in BATCHES)
    table = Table("Robustness by the batch", "images a batch", (PGD_2000,), rows)
    title = "The batch that robustness likes best"
    return Experiment("table6", "table 6, appendix B.3", title, (table,))


def _table7() -> Experiment:
    files = [
        row.files
        for row in ROWS
        if set(TABLE7_COLUMNS) <= row.published.get(branch_of(row.files), {}).keys()
    ]
    rows = tuple(
        (
            label(one, branch_of(one)),
            tuple(Number(one, branch_of(one), attack) for attack in TABLE7_COLUMNS),
        )
        for one in files
    )
    table = Table("Every model under every attack", "model", TABLE7_COLUMNS, rows)
    return Experiment("table7", "table 7, appendix C", "All models", (table,))


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
        ("0% adv + 100% clean, clean", tuple(_clean(_at_depth("clean", d)) for d in DEPTHS)),
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
    rows = tuple((name, (_clean(files), under(files))) for name, files in numbers)
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


def _everything(parts: tuple[Experiment, ...]) -> Experiment:
    joined = {
        kind: tuple(dict.fromkeys(one for part in parts for one in getattr(part, kind)))
        for kind in ("tables", "curves", "points", "statistics", "claims")
    }
    return Experiment(EVERYTHING, "the paper", "Every table and figure", **joined)


_PARTS = (
    _table1(),
    _table2(),
    _table3(),
    _table4(),
    _table5(),
    _table6(),
    _table7(),
    _figure1(),
    _figure2(),
    _figure3(),
    _figure4(),
    _figure5(),
    _figure6(),
    _figure7(),
    _finetune_bn(),
    _exceptional_epsilon8(),
    _group_norm(),
)
EXPERIMENTS = {one.name: one for one in (*_PARTS, _everything(_PARTS))}
