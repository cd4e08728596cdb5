"""Records that are shown with weights are of these weights."""

import json

import pytest
from shared.evaluation_records import bare_record
from shared.random_bundles import random_run

from tfadv import digests
from tfadv.errors import UserError
from tfadv.files import write_record
from tfadv.runs.measured import check_weights, read_evaluation


def test_a_record_is_read_only_as_it_was_written(tmp_path):
    path = tmp_path / "evaluation.json"
    with pytest.raises(UserError, match="--record: there is no file '.*evaluation.json'"):
        read_evaluation(str(path))
    record = bare_record("adv")
    write_record(path, record)
    assert read_evaluation(str(path)) == record
    changed = json.loads(path.read_text())
    changed["attacks"][0]["accuracy"] = 0.99
    path.write_text(json.dumps(changed))
    with pytest.raises(UserError, match="is not as it was written"):
        read_evaluation(str(path))
    path.write_text(json.dumps({"accuracy": 0.99}))
    with pytest.raises(UserError, match="it has no 'model'"):
        read_evaluation(str(path))


def test_records_of_other_weights_are_refused(tmp_path):
    run = random_run(tmp_path / "run")
    record = bare_record("adv")
    record["model"]["weights"] = digests.of_model(run.model)
    check_weights(run, {"e.json": record})
    run.model.head.bias.assign_add([1.0] * 10)
    with pytest.raises(UserError, match="--record: 'e.json' was measured with other weights"):
        check_weights(run, {"e.json": record})
    del record["model"]["weights"]
    with pytest.raises(UserError, match="evaluate that run"):
        check_weights(run, {"e.json": record})
    check_weights(run, {})
