"""Which checkpoint is taken: the best, the last or that of a step, or a line that says why not."""

import numpy as np
import pytest
from shared.small_checkpoints import SmallRun, values_at

from tfadv.errors import UserError
from tfadv.runs.checkpoints import read_model, read_step
from tfadv.runs.chosen_step import best_of, chosen, write_best

NAME = "pgd-main-trained"


@pytest.fixture
def folder(tmp_path):
    """Returns the folder of checkpoints of a run."""
    return tmp_path / "checkpoints"


def steps(folder):
    return sorted(int(path.name.removeprefix("step-")) for path in folder.glob("step-*"))


def best(step):
    return {"step": step, "value": 0.5, "weights": "trained"}


def test_the_best_of_each_newest_checkpoint_stays(folder):
    """A run may resume from the one before the newest, whose best is another."""
    best_at = {1: 1, 2: 1, 3: 3, 4: 3, 5: 3, 6: 6, 7: 6}
    run = SmallRun(folder, best_at=best_at.get)
    kept = []
    for step in best_at:
        run.save(step)
        kept.append(steps(folder))
    assert kept == [[1], [1, 2], [1, 2, 3], [3, 4], [3, 4, 5], [3, 5, 6], [6, 7]]


def test_each_is_taken_by_its_name(folder):
    SmallRun(folder, best_at=lambda step: 1).save(1, 2, 3)
    with pytest.raises(UserError, match="no best checkpoint: Validation.every_epochs makes"):
        chosen(folder, {}, "best")
    write_best(folder, NAME, best(1))
    for choice, step in (("best", 1), ("last", 3), ("2", 2)):
        found, values = read_step(folder, checkpoint=choice)
        assert found == step
        np.testing.assert_equal(values, values_at(step))
    write_best(folder, NAME, best(3))
    assert best_of(folder)["step"] == 3
    write_best(folder, NAME, None)
    assert not list(folder.glob("best-*"))


@pytest.mark.parametrize("choice", ["4", "best"])
def test_one_that_is_gone_is_not_replaced_by_another(folder, choice):
    SmallRun(folder).save(1, 2)
    write_best(folder, NAME, best(4))
    with pytest.raises(UserError, match="no checkpoint of step 4 in .*: there are 1, 2"):
        read_model(folder, checkpoint=choice)


def test_one_that_is_damaged_is_refused(folder):
    SmallRun(folder).save(1, 2)
    write_best(folder, NAME, best(1))
    (folder / "step-1/variables.index").write_bytes(b"")
    with pytest.raises(UserError, match=r"step-1' is not whole \(variables.index has 0 bytes"):
        read_model(folder, checkpoint="best")
    (pointer,) = folder.glob("best-*")
    pointer.write_text(pointer.read_text().replace("0.5", "0.6"))
    with pytest.raises(UserError, match="not as it was written, by its digest: put it back"):
        read_model(folder, checkpoint="best")


@pytest.mark.parametrize("choice", ["bst", "-1", "", "1.5", "9" * 30])
def test_what_is_no_checkpoint_is_one_line(folder, choice):
    with pytest.raises(UserError, match="--checkpoint must be 'best', 'last' or the number"):
        chosen(folder, {}, choice)


def test_a_step_that_is_saved_can_be_gone_back_to(folder):
    run = SmallRun(folder).save(1, 2)
    with run.checkpoints.at(1):
        np.testing.assert_equal(run.values(), values_at(1))
    np.testing.assert_equal(run.values(), values_at(2))
