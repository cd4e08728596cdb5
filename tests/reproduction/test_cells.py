"""The grid of runs: names, what each starts from, and how machines share it."""

import pytest

from tfadv.errors import UserError
from tfadv.reproduction import cells
from tfadv.reproduction.catalogue import EXPERIMENTS
from tfadv.reproduction.experiment import model, trained_with

SMOKE = cells.setting_of(["gin/scale/smoke.gin"], [])


def grid(name, seeds=(0,), setting=SMOKE):
    return cells.grid(EXPERIMENTS[name].models, seeds, setting)


@pytest.fixture(scope="module")
def everything():
    """Returns the runs of everything with two seeds."""
    return grid("everything", (0, 1))


def test_experiments_share_runs(everything):
    for name in EXPERIMENTS:
        assert set(grid(name)) <= set(everything)
    assert set(grid("table1")) & set(grid("table2"))


def test_models_that_are_the_same_at_a_scale_are_one_run(everything):
    of = {cells.cell_of(trained_with("mbn", steps), 0, SMOKE) for steps in (20, 10, 5)}
    assert len(of) == 1  # each is PGD-1 where the scale has PGD-2
    assert of != {cells.cell_of(model("mbn"), 0, SMOKE)}
    assert len(everything) < 2 * len(EXPERIMENTS["everything"].models)


def test_names_differ(everything, tmp_path):
    assert len({cell.run(tmp_path) for cell in everything}) == len(everything)


def test_a_finetuned_model_comes_after_the_one_it_starts_from(tmp_path):
    found = grid("finetune_bn", (3,))
    for cell in found:
        if cell.start:
            assert found.index(cell.start) < found.index(cell)
            bound = f"Experiment.initial_weights = '{cell.start.run(tmp_path)}'"
            assert bound in cell.bindings(tmp_path)
            assert cell.start.seed == 3
    assert sum(cell.start is not None for cell in found) == 2


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shards_are_all_of_it_once(everything, count):
    parts = [cells.shard(everything, f"{number}/{count}") for number in range(1, count + 1)]
    assert sorted(map(str, sum(parts, []))) == sorted(map(str, everything))
    for part in parts:
        assert all(cell.start is None or cell.start in part for cell in part)
        assert len(part) <= len(everything) / count + 3


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0"])
def test_a_shard_that_is_none_is_refused(text):
    with pytest.raises(UserError, match="--shard must be i/n"):
        cells.shard(grid("table1"), text)


def test_what_measures_alone_is_kept_apart(tmp_path):
    (tmp_path / "mine.gin").write_text("Training.epochs = 3\neval/PGD.step_size = 2.0\n")
    files = ["gin/eval/autoattack.gin", "gin/scale/smoke.gin", str(tmp_path / "mine.gin")]
    bindings = ["Evaluation.examples = 10", "PGD.epsilon = 4.0", "eval/PGD.targeted = False"]
    setting = cells.setting_of(files, bindings)
    assert setting.evaluation_files == ("gin/eval/autoattack.gin",)
    assert setting.files == ("gin/scale/smoke.gin", str(tmp_path / "mine.gin"))
    assert setting.evaluation_bindings == ("Evaluation.examples = 10", "eval/PGD.targeted = False")
    assert setting.bindings == ("PGD.epsilon = 4.0",)
    assert (setting.values["Training.epochs"], setting.values["PGD.epsilon"]) == (3, 4.0)
    assert setting.evaluation_name != SMOKE.evaluation_name
    # The user's own sizes are the scale's, of which the paper's take their share.
    assert cells.cell_of(model("adv_100_clean_100", "attack/epsilon8"), 0, setting).sizes == (
        "PGD.epsilon = 2.0",
    )


def test_recipes_and_seeds_are_chosen_elsewhere():
    with pytest.raises(UserError, match="recipe; --experiment chooses the recipes"):
        cells.setting_of(["gin/mbn.gin"], [])
    with pytest.raises(UserError, match="Experiment.seed must be chosen by --seeds"):
        cells.setting_of([], ["Experiment.seed = 1"])
