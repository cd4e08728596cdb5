"""The record and the page of an evaluation hold everything that was measured."""

import json

import numpy as np
from shared.tiny_evaluator import AUTOATTACK, make_evaluator

from tfadv.evaluation.gradient_masking import substitute
from tfadv.evaluation.report import worst_of_all, write_report


def test_the_record_and_the_page_hold_everything(tmp_path, monkeypatch):
    monkeypatch.setattr(substitute, "STEPS", 20)  # its transfer is not what is tested
    _, evaluator = make_evaluator(
        *AUTOATTACK,
        "Evaluation.attacks = ('autoattack', 'pgd10/pgd')",
        "Evaluation.corruptions = ('contrast',)",
        "Evaluation.doctor = True",
        "eval/AutoAttack.epsilon = 1.5",
        "eval/PGD.epsilon = 6.0",
        "eval/Checkup.steps = 4",
        "eval/Checkup.queries = 10",
    )
    record = {
        "model": {"name": "tiny", "branches": ["main"]},
        "epsilon": None,
    } | evaluator.evaluate()
    json.dumps(record)
    clean = record["clean"]["main"]
    assert sum(row["examples"] for row in clean["per_class"]) == 20
    assert 0 <= clean["calibration_error"] <= 1 and "top5" not in clean  # of four classes
    rows = record["corruptions"]["main"]
    assert [row["severity"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0]["accuracy"] > rows[-1]["accuracy"]  # its labels are the clean images'
    assert len(record["doctor"]["main"]) == 10
    worst = worst_of_all(evaluator, record)
    page = write_report(evaluator, record, worst, tmp_path / "report")
    text = page.read_text().lower()
    for words in ("autoattack", "black box", "contrast"):
        assert words in text, words
    assert worst and all(shown.prediction != shown.label for shown in worst)
    lowest = min(record["attacks"], key=lambda row: row["accuracy"])
    assert lowest["attack"] == "pgd" and {shown.name for shown in worst} == {"PGD-10"}
    assert "PGD-10: " in page.read_text()  # its confusion matrix
    confidences = [shown.confidence for shown in worst]
    assert confidences == sorted(confidences, reverse=True)
    for shown in worst:
        assert np.abs(shown.adversarial - shown.image).max() <= 6 + 1e-3
