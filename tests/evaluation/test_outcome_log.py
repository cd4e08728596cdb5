"""The log beside a record: it resumes its own evaluation and refuses any other."""

import json

import numpy as np
import pytest
from shared.tiny_evaluator import make_evaluator

from tfadv.errors import UserError
from tfadv.evaluation.outcome_log import OutcomeLog, Unit


@pytest.mark.parametrize(
    ("line", "old", "new"), [(2, '"prediction": [1', '"prediction": [2'), (3, "[3, 4]", "[3, 5]")]
)
def test_a_log_that_was_changed_is_refused(tmp_path, line, old, new):
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


class StoppedError(Exception):
    """What `StopsAfter` raises."""


class StopsAfter(OutcomeLog):
    """Fails as a machine would, in the midst of an evaluation."""

    def __init__(self, path, lines):
        super().__init__(path, {})
        self.lines = lines

    def add(self, unit, columns):
        super().add(unit, columns)
        self.lines -= 1
        if not self.lines:
            with open(self._path, "a") as file:
                file.write('{"unit": ["ad')  # a line half written
            raise StoppedError


def evaluate(log=None):
    bindings = (
        "Evaluation.attacks = ('fgsm', 'pgd20/pgd', 'apgd')",
        "Evaluation.batch_size = 10",
        "Evaluation.worst_case = True",
        "eval/PGD.epsilon = 3.0",
        "eval/pgd20/PGD.steps = 8",
        "eval/APGD.steps = 5",
    )
    _, evaluator = make_evaluator(*bindings, log=log)
    return evaluator.evaluate()


def test_a_stopped_evaluation_resumes(tmp_path):
    whole = evaluate()
    path = tmp_path / "images.jsonl"
    for lines in (2, 5):
        with pytest.raises(StoppedError):
            evaluate(StopsAfter(path, lines))
    log = OutcomeLog(path, {})
    assert evaluate(log) == whole
    seen = [tuple(json.loads(line)["unit"]) for line in path.read_text().splitlines()[1:]]
    for unit in set(seen):
        index = log.found(Unit(*unit))["index"]
        assert len(index) == len(set(index)), "an image was attacked twice"
    again = OutcomeLog(path, {})
    assert again.progress() == log.progress()


def test_another_evaluation_is_not_resumed(tmp_path):
    path = tmp_path / "images.jsonl"
    OutcomeLog(path, {"weights": "a", "branches": ["adv"]}).add(Unit("adv", "x"), {})
    before = path.read_text()
    with pytest.raises(UserError, match=r"another evaluation \(other weights\): choose another"):
        OutcomeLog(path, {"weights": "b", "branches": ["adv"]})
    assert path.read_text() == before
    (tmp_path / "half").write_text('{"about": {"wei')
    assert OutcomeLog(tmp_path / "half", {"weights": "b"}).progress() == "{}"
