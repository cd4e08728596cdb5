"""The log beside a record: it resumes its own evaluation and refuses any other."""

import json

import numpy as np
import pytest
from shared.tiny_evaluator import make_evaluator

from tfadv.errors import UserError
from tfadv.evaluation.outcome_log import OutcomeLog, Unit

UNIT = Unit("main", "clean")


@pytest.fixture
def log(tmp_path):
    """Returns the file of four batches of two images, and its lines."""
    path = tmp_path / "images.jsonl"
    kept = OutcomeLog(path, {"weights": "a"})
    for index in (0, 2, 4, 6):
        columns = {"index": np.arange(index, index + 2), "prediction": np.array([1, 0])}
        kept.add(UNIT, columns)
    return path, path.read_text().splitlines(keepends=True)


def without_its_digest(line):
    return line[: line.rindex(', "digest"')] + "}\n"


DAMAGE = {
    "a prediction": (lambda a, b, c, d: [a, b.replace("[1, 0]", "[0, 0]"), c, d], "3", {2, 3}),
    "an index": (lambda a, b, c, d: [a, b, c.replace("[4, 5]", "[4, 6]"), d], "4", {4, 5}),
    "a digest": (lambda a, b, c, d: [a, b[:-5] + "0000\n", c, d], "3, 4", {2, 3, 4, 5}),
    "no digest": (lambda a, b, c, d: [a, b, c, without_its_digest(d)], "5", {6, 7}),
    "no JSON": (lambda a, b, c, d: [a, b[:9] + "\n", c, d], "3, 4", {2, 3, 4, 5}),
    "twice": (lambda a, b, c, d: [a, b, b, c, d], "4", set()),
    "the last twice": (lambda a, b, c, d: [a, b, c, d, d], "6", set()),
    "missing": (lambda a, b, c, d: [a, c, d], "3", {2, 3, 4, 5}),
    "another order": (lambda a, b, c, d: [b, a, c, d], "2, 3, 4", {0, 1, 2, 3, 4, 5}),
    "cut": (lambda a, b, c, d: [a, b, c, d[:-1]], "", {6, 7}),
    "half": (lambda a, b, c, d: [a, b, c, d[:20]], "", {6, 7}),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_was_changed_is_said_and_left_out(log, capsys, damage):
    path, (head, *lines) = log
    change, named, missing = DAMAGE[damage]
    path.write_text("".join([head, *change(*lines)]))
    again = OutcomeLog(path, {"weights": "a"})
    index = again.found(UNIT)["index"].tolist()
    assert sorted(index) == sorted(set(range(8)) - missing)
    said = capsys.readouterr().err
    if named:
        assert f"': not as it was written, line {named}: " in said and said.count("\n") == 1
    else:
        assert not said
    again.add(UNIT, {"index": np.array([9]), "prediction": np.array([1])})
    assert sorted(OutcomeLog(path, {"weights": "a"}).found(UNIT)["index"]) == sorted([*index, 9])
    assert not capsys.readouterr().err  # what is left is whole


@pytest.mark.parametrize("head", [b'{"about": {"weights": "b"}}\n', b"\n", b"\xff\0\n"])
def test_without_its_first_line_a_log_is_refused(log, head):
    path, (_, *lines) = log
    path.write_bytes(head + "".join(lines).encode())
    before = path.read_bytes()
    with pytest.raises(UserError, match="the first line.* is not as it was written: remove"):
        OutcomeLog(path, {"weights": "a"})
    assert path.read_bytes() == before


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


def test_a_column_that_earlier_lines_lack_is_left_out(tmp_path):
    kept = OutcomeLog(tmp_path / "images.jsonl", {"weights": "a"})
    kept.add(UNIT, {"index": np.array([0]), "prediction": np.array([1])})
    later = {"index": np.array([1]), "passes": np.array([9]), "prediction": np.array([2])}
    kept.add(UNIT, later)
    found = OutcomeLog(tmp_path / "images.jsonl", {"weights": "a"}).found(UNIT)
    assert {name: column.tolist() for name, column in found.items()} == {
        "index": [0, 1],
        "prediction": [1, 2],
    }
