"""What is written is strict JSON, whole, and known again if somebody changed it."""

import json
import resource
from pathlib import Path

import numpy as np
import pytest

from tfadv.errors import UserError
from tfadv.files import (
    check_place,
    read_arrays,
    read_json_lines,
    read_record,
    write_json,
    write_record,
)


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


RECORD = {"accuracy": 0.1 + 0.2, "attacks": [{"attack": "pgd", "steps": (1, 2)}], "name": "ε"}


def test_a_record_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "a.json"
    write_record(path, RECORD)
    assert read_record(path, "") == json.loads(json.dumps(RECORD))
    write_json(path, RECORD)  # as before there were digests
    assert read_record(path, "", {"attacks": list}) == json.loads(json.dumps(RECORD))
    with pytest.raises(UserError, match="a.json' is damaged, it has no 'examples': remove it"):
        read_record(path, "remove it", {"examples": int})


def test_a_record_that_was_changed_is_refused(tmp_path):
    """Every byte is flipped; whatever is read is what was written."""
    path = tmp_path / "a.json"
    write_record(path, RECORD)
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in (1, 16):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
            try:
                found = read_record(path, "remove it")
            except UserError as error:
                assert error.message.endswith(": remove it")
            else:
                found.pop(next((key for key in found if key not in RECORD), ""), None)
                assert found == json.loads(json.dumps(RECORD))
    for cut in range(len(whole) - 2):
        path.write_bytes(whole[:cut])
        with pytest.raises(UserError, match="no whole JSON record: remove it"):
            read_record(path, "remove it")


def test_damaged_lines_are_named_and_left_out(tmp_path, capsys):
    path = tmp_path / "a.jsonl"
    assert read_json_lines(path, "step") == []
    path.write_bytes(b'{"step": 1}\n{"st\n[]\n\xff\n{"step": "x"}\n{"step": 2}\n{"step": 3')
    assert read_json_lines(path, "step") == [{"step": 1}, {"step": 2}]
    said = capsys.readouterr().err
    assert said == f"warning: '{path}': left out what is damaged, line 2, 3, 4, 5\n"


def test_damaged_arrays_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    with pytest.raises(UserError, match="a.npz' is missing: get it"):
        read_arrays(path, "get it")
    np.savez_compressed(path, a=np.arange(1000))
    whole = path.read_bytes()
    assert read_arrays(path, "")["a"].tolist() == list(range(1000))
    for damaged in (b"", b"x", whole[:-30], whole[:200] + bytes(50) + whole[250:]):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="a.npz' is damaged, .+: get it"):
            read_arrays(path, "get it")


def test_what_has_no_room_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_json(path, {"a": "x" * 100})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert json.loads(path.read_text()) == {"a": 1} and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no /proc")
def test_what_takes_no_files_is_told_at_once(monkeypatch, tmp_path):
    """Whoever is root may write anywhere, as the system says, and can't."""
    monkeypatch.setattr("os.access", lambda *_: True)
    with pytest.raises(UserError, match="--output: '/proc/x' can't be written: '/proc' takes no"):
        check_place(Path("/proc/x"), "output")
    check_place(tmp_path / "new", "output")
    assert list(tmp_path.iterdir()) == []
