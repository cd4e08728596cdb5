"""The paper's tables as experiments."""

from tfadv.norms.mode import CLEAN, MAIN
from tfadv.paper import ROWS, TABLE7_COLUMNS, Number
from tfadv.reproduction.experiment import (
    PGD_2000,
    Experiment,
    Files,
    Table,
    branch_of,
    label,
    model,
    on_clean,
    trained_with,
    under,
)

STEPS_IN_TRAINING = (30, 20, 10, 5)
BATCHES = (512, 1024, 2048, 4096, 8192)
_CLEAN, _ADV_ONLY, _ALP = model("clean"), model("adv_100_clean_0"), model("alp")
_MBN, _MBN_ALP = model("mbn"), model("mbn_alp")
_FROZEN = "adv_100_clean_0_frozen"
_MAY_BE_FROZEN = ("adv_100_clean_0", "mbn", "mbn_alp")


def _row(number: Number) -> tuple[str, tuple[Number]]:
    return label(number.files, number.branch), (number,)


def _one_column(title: str, attack: str, *numbers: Number) -> Table:
    return Table(title, "training strategy", (attack,), tuple(map(_row, numbers)))


def _table1() -> Experiment:
    branches = [on_clean(_CLEAN), on_clean(_MBN, CLEAN), on_clean(_MBN_ALP, CLEAN)]
    robust = [under(_ADV_ONLY), under(_MBN), under(_MBN_ALP)]
    return Experiment(
        "table1",
        "table 1",
        "Each branch of mixture batch norm is good at its own images",
        (
            _one_column("On clean images", "clean", *branches),
            _one_column("Under attack", PGD_2000, *robust),
        ),
        claims=("branches_are_good_at_their_own",),
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


TABLES = (_table1(), _table2(), _table3(), _table4(), _table5(), _table6(), _table7())
