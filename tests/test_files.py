"""What is written is strict JSON."""

import json

import pytest

from tfadv.files import write_json


def test_json_is_strict(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"accuracy": float("nan")})
    assert not (tmp_path / "a.json").exists()
    write_json(tmp_path / "a.json", {"accuracy": 0.5})
    assert json.loads((tmp_path / "a.json").read_text()) == {"accuracy": 0.5}
