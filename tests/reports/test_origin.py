"""Whose numbers a record holds."""

from shared.evaluation_records import bare_record, trained_by

from tfadv.reports import origin

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def whole_record():
    record = trained_by(bare_record("main"), "gin/gn.gin") | {"epsilon": 8.0, "ball": "linf"}
    record["model"] |= {
        "threat_model": {"epsilon": 16.0, "ball": "l2"},
        "checkpoint": "best",
        "step": 120,
        "weights_kind": "average",
        "tried": {"x": 1},
    }
    record["provenance"] = {
        "run": "runs/gn",
        "trained": "2026-11-02",
        "trained_commit": COMMIT,
        "evaluated": "2026-11-29",
        "commit": f"{COMMIT} with local changes",
        "version": "0.1.0",
    }
    return record


def test_a_reader_sees_first_what_was_trained_and_measured_when_and_by_what():
    assert origin.identity(whole_record()) == [
        ("run", "runs/gn (checkpoint best, step 120, weights average)"),
        (
            "recipe",
            "the paper's row 'GN, 100% adv + 100% clean', section 4.2 and table 7: gin/gn.gin",
        ),
        ("strategy", "adversarial"),
        ("norm", "batch_norm"),
        ("scale", "digits"),
        ("model", "resnet, 75,290 parameters"),
        ("threat model", "trained to withstand L2, ε = 16, attacked within L∞, ε = 8"),
        ("data", "500 images of digits test"),
        ("date", "trained 2026-11-02, evaluated 2026-11-29"),
        ("commit", "trained 0123456789ab, evaluated 0123456789ab with local changes"),
    ]


def test_what_a_record_lacks_is_left_out():
    record = bare_record("main")
    assert [name for name, _ in origin.identity(record)] == ["model", "data"]
    record["provenance"] = {"bundle": "exported", "trained_commit": None}
    assert origin.identity(record)[0] == ("bundle", "exported")
    record["model"]["threat_model"] = None
    assert ("threat model", "trained to withstand no attack") in origin.identity(record)


def test_the_rest_is_told_further_below():
    facts = dict(origin.facts(whole_record()))
    assert facts["tried"] == '{"x": 1}' and facts["tfadv"] == "0.1.0"
    assert facts["branches"] == "main" and "norm" not in facts
