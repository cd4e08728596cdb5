"""The cells of a grid: every combination, whatever values hold."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfadv import config
from tfadv.errors import UserError
from tfadv.planning.plan import build_plan
from tfadv.runs import comparison, grid

RECIPES = {"mbn": "gin/mbn.gin", "gn": "gin/gn.gin"}


def test_each_recipe_is_trained_under_each_combination():
    cells = grid.cells(
        RECIPES,
        ["gin/scale/smoke.gin"],
        ["PGD.epsilon=4, 8", "Training.average_decay = None,0.999"],
    )
    assert len(cells) == 8
    assert list(cells)[:2] == [
        "mbn, PGD.epsilon = 4, Training.average_decay = None",
        "mbn, PGD.epsilon = 4, Training.average_decay = 0.999",
    ]
    cell = cells["gn, PGD.epsilon = 8, Training.average_decay = 0.999"]
    assert cell.files == ("gin/gn.gin", "gin/scale/smoke.gin")
    assert cell.words == ["PGD.epsilon = 8", "Training.average_decay = 0.999"]


def test_without_a_grid_a_cell_is_a_recipe():
    cells = grid.cells(RECIPES, [], [])
    assert cells == {name: grid.Cell(name, (file,), {}) for name, file in RECIPES.items()}
    assert [grid.folder_name(name) for name in RECIPES] == ["mbn", "gn"]


def test_the_table_has_a_column_for_each_parameter():
    cells = grid.cells({"mbn": "gin/mbn.gin"}, [], ["PGD.epsilon=4,8", "A.b='x|y'"])
    about = {"branch": "main", "checkpoint": "last", "weights": "trained", "step_ms": None}
    rows = [{**about, "recipe": name, "accuracies": {"clean": [0.5]}} for name in cells]
    rows = grid.with_bindings(rows, cells)
    assert rows[1]["bindings"] == {"PGD.epsilon": "8", "A.b": "'x|y'"}
    table = comparison.markdown(rows).splitlines()
    assert table[0] == "| recipe (branch) | PGD.epsilon | A.b | clean % | ms a step |"
    assert table[3] == r"| mbn | 8 | 'x\|y' | 50.0 | — |"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab,()[]'\" =", max_size=6),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.lists(inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(values, min_size=1, max_size=4))
def test_values_of_any_kind_are_told_apart(chosen):
    """Tuples, lists and texts with commas, brackets and quotes in them, without escapes."""
    texts = [repr(value) for value in chosen]
    if any("\\" in text for text in texts):
        return
    assert [ast.literal_eval(text) for text in grid.split(",".join(texts))] == chosen


def test_cells_of_tuples_are_read_as_bindings():
    one = "Evaluation.attacks=('pgd10/pgd',),('pgd10/pgd', 'pgd20/pgd')"
    for name, cell in grid.cells({"mbn": "gin/mbn.gin"}, ["gin/scale/smoke.gin"], [one]).items():
        config.read(cell.files, cell.words)
        assert len(build_plan().evaluation_attacks) == name.count("/pgd")


def test_folders_tell_rows_apart():
    rows = ["mbn, A.b = 'x y'", "mbn, A.b = 'xy'", "mbn, A.b = " + "1" * 300, "mbn, A.b = 1"]
    names = [grid.folder_name(row) for row in rows]
    assert len(set(names)) == 4 and max(map(len, names)) < 200
    assert names[-1] == "mbn-A.b=1" and all("/" not in name and " " not in name for name in names)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (["PGD.epsilon"], "--grid must be a parameter and its values"),
        (["PGD.epsilon="], "--grid must be a parameter and its values"),
        (["PGD.epsilon=4,"], "--grid must be a parameter and its values"),
        (["PGD.epsilon=4", "PGD.epsilon=8"], "PGD.epsilon must be given once"),
        (["PGD.epsilon=4,4"], "PGD.epsilon must have each value once"),
        (["PGD.steps=1,2"], "PGD.steps must not be bound by --gin_bindings too"),
        (["Experiment.seed=1,2"], "is not for a grid: --seeds"),
    ],
)
def test_what_is_no_grid_is_refused(parts, message):
    with pytest.raises(UserError, match=message):
        grid.cells(RECIPES, [], parts, ["PGD.steps = 3"])
