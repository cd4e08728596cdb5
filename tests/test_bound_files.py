"""Files that are bound to what made them: an evaluation's state, a run's folder."""

import numpy as np
import pytest
from absl import flags
from smoke import SMOKE

from tfadv import config, evaluate
from tfadv.errors import UserError
from tfadv.evaluation.outcome_log import OutcomeLog, Unit
from tfadv.runs.run_directory import default_path


@pytest.mark.parametrize(
    ("line", "old", "new"), [(2, '"prediction": [1', '"prediction": [2'), (3, "[3, 4]", "[3, 5]")]
)
def test_a_state_that_was_changed_is_refused(tmp_path, line, old, new):
    path = tmp_path / "images.jsonl"
    kept = OutcomeLog(path, {})
    for index in (0, 3):
        columns = {"index": np.arange(index, index + 2), "prediction": np.array([1, 0])}
        kept.add(Unit("main", "clean"), columns)
    assert OutcomeLog(path, {}).progress() == kept.progress()
    lines = path.read_text().splitlines(keepends=True)
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new)
    path.write_text("".join(lines))
    with pytest.raises(UserError, match=f"line {line} is not as it was written"):
        OutcomeLog(path, {})
    path.write_text("".join([lines[0], *lines[2:]]))  # one is missing
    with pytest.raises(UserError, match="line 2 is not as it was written"):
        OutcomeLog(path, {})


def test_every_flag_of_an_evaluation_is_part_of_what_it_is_about():
    defined = {flag.name for flag in flags.FLAGS.flags_by_module_dict()[evaluate.__name__]}
    # The first two by the weights' digest, --branch by the branches; --output is where it goes.
    told_otherwise = {"model_dir", "saved_model", "branch", "output"}
    shared = {"weights"}  # with the export
    assert defined | shared == told_otherwise | set(evaluate._FLAGS_OF_MODEL)


def test_long_names_of_different_runs_differ():
    read = config.read(["gin/clean.gin", SMOKE])
    bindings = [f"ResNet.blocks = {tuple(range(1, 80))}", "Experiment.seed = 1"]
    one, other = default_path(read, bindings), default_path(read, [*bindings[:1], "PGD.steps = 3"])
    assert one != other and max(len(one.name), len(other.name)) <= 200
    assert one == default_path(read, bindings)
