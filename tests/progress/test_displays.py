"""Progress is a bar on a terminal, few lines in a log, and one line in a notebook."""

import functools
import io

import pytest
from rich.console import Console

from tfadv.progress import Progress, TimeLeft, displays


@pytest.fixture
def clock(monkeypatch):
    """Returns a function that lets seconds pass."""
    now = [1000.0]
    monkeypatch.setattr(displays.time, "monotonic", lambda: now[0])
    told = functools.partial(TimeLeft, clock=lambda: now[0])
    monkeypatch.setattr("tfadv.progress.progress.TimeLeft", told)

    def passes(seconds):
        now[0] += seconds

    return passes


def logged(clock, hours):
    """Returns what a log has of a run of some hours with a metric a second."""
    output = io.StringIO()
    steps = hours * 3600
    progress = Progress("train", steps, console=Console(file=output, width=200))
    with progress:
        for step in range(1, steps + 1):
            clock(1)
            progress.update(step, f"epoch {step / 100:g}", loss=1.23456)
    return output.getvalue().splitlines()


def test_a_log_has_few_lines_and_the_last(clock):
    lines = logged(clock, hours=1)
    assert lines[0] == "train 10/3600  epoch 0.1  loss 1.235  59 min 50 s left"
    assert lines[-1] == "train 3600/3600  epoch 36  loss 1.235"
    assert 20 < len(lines) < 90
    assert len(logged(clock, hours=10)) < 140


def test_quiet_work_prints_nothing():
    output = io.StringIO()
    with Progress("x", 2, console=Console(file=output), quiet=True) as progress:
        progress.update(2)
    assert output.getvalue() == ""


def test_a_terminal_shows_a_bar_of_one_line():
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100, highlight=False)
    with Progress("train", 200, console=console) as progress:
        progress.update(100, "epoch 2.5/5  loss 2.31  clean 41.2%  adv 20.1%  812 images/s")
        with progress.paused():
            console.print("epoch 2  41.2%")
    text = output.getvalue()
    assert "100/200" in text and "812 images/s" in text and "epoch 2  41.2%" in text


NOTEBOOK = """
from tfadv.progress import Progress, Work
with Progress("train", 3, pauses=1) as progress:
    for step in range(1, 4):
        progress.update(step, f"loss {1 / step:.2f}")
        if step == 2:
            with progress.paused(), Work("evaluate", 1, says_end=False) as work:
                work.add(1)
            progress.console.print("epoch 1   50.0%  new best")
"""


@pytest.mark.slow
def test_a_notebook_keeps_one_line_and_the_rows():
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    assert [one.output_type for one in outputs] == ["display_data", "stream"]
    assert outputs[0].data["text/plain"] == f"train {'█' * 20} 3/3  loss 0.33"
    assert outputs[1].text == "epoch 1   50.0%  new best\n"
