"""Which folders are runs, and mistakes in naming one."""

import pytest

from tfadv.errors import UserError
from tfadv.status.places import runs_in


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    for name in ("runs/b", "runs/a/seed1", "runs/a/seed0", "others"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("b", "a/seed1", "a/seed0"):
        (tmp_path / "runs" / name / "run.json").write_text("{}")
    (tmp_path / "runs/b/non_finite/step-3").mkdir(parents=True)
    (tmp_path / "runs/b/non_finite/step-3/config.gin").write_text("")
    monkeypatch.chdir(tmp_path)


def test_without_a_name_all_runs_are_meant_in_order():
    assert [str(run) for run in runs_in([])] == ["runs/a/seed0", "runs/a/seed1", "runs/b"]


def test_a_folder_stands_for_its_runs_and_none_comes_twice():
    assert [str(run) for run in runs_in(["runs/b", "runs/a", "runs/b"])] == [
        "runs/b",
        "runs/a/seed0",
        "runs/a/seed1",
    ]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("runs/seedb", "'runs/seedb' is no folder: name runs"),
        ("rns", "'rns' is no folder: name runs. Did you mean 'runs'?"),
        ("others", "'others' holds no run"),
        ("runs/b/run.json", "'runs/b/run.json' is a file, not a folder"),
    ],
)
def test_what_is_no_run_is_refused_in_a_line(place, message):
    with pytest.raises(UserError) as raised:
        runs_in([place])
    assert message in raised.value.message
