"""What is written is strict JSON."""

import json
from pathlib import Path

import pytest

from tfadv.errors import UserError
from tfadv.files import check_place, write_json


def test_json_is_strict(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"accuracy": float("nan")})
    assert not (tmp_path / "a.json").exists()
    write_json(tmp_path / "a.json", {"accuracy": 0.5})
    assert json.loads((tmp_path / "a.json").read_text()) == {"accuracy": 0.5}


def test_where_nothing_can_be_written_is_told_at_once(tmp_path):
    (tmp_path / "file").write_text("mine")
    check_place(tmp_path / "file", "output_dir")
    check_place(tmp_path / "new", "output_dir")
    check_place(tmp_path / "some" / "new", "output_dir")
    for place, reason in (
        (tmp_path / "file" / "new", "file' is no folder"),
        (tmp_path / ("x" * 300), "name too long"),
        (tmp_path / ("x" * 250), "name too long"),
    ):
        with pytest.raises(UserError, match=f"(?i)--output_dir: '.*' can't be written: .*{reason}"):
            check_place(place, "output_dir")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no /proc")
def test_what_takes_no_files_is_told_at_once(monkeypatch, tmp_path):
    """Whoever is root may write anywhere, as the system says, and can't."""
    monkeypatch.setattr("os.access", lambda *_: True)
    with pytest.raises(UserError, match="--output: '/proc/x' can't be written: '/proc' takes no"):
        check_place(Path("/proc/x"), "output")
    check_place(tmp_path / "new", "output")
    assert list(tmp_path.iterdir()) == []
