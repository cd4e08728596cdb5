"""The notebooks run from top to bottom, show what they say, and are stored with their outputs."""

import subprocess
import sys

import pytest
from shared.notebooks import NOTEBOOKS, code_cells, script

# What each shows, in Python after its last line.
SHOWN = {
    "robust_digits": (
        "attacked = result.accuracy('untargeted_pgd20', 'adv')\n"
        "left = tfadv.evaluate(undefended, attacks=['untargeted_pgd20'], epsilon=32, quiet=True)\n"
        "assert attacked > left.accuracy('untargeted_pgd20') + 0.2"
    ),
    "own_keras_model": (
        "before = tfadv.evaluate(model, test, attacks=['untargeted_pgd20'], epsilon=32)\n"
        "after = result.accuracy('untargeted_pgd20', 'adv')\n"
        "assert after > before.accuracy('untargeted_pgd20') + 0.2\n"
        "accuracy = loaded.evaluate(*test, verbose=0)[1]\n"
        "assert abs(accuracy - result.accuracy('clean', 'adv')) < 1e-6"
    ),
    "own_norm": "assert passed >= 20 and set(results) == {'batch_norm', 'group_norm', 'rms_norm'}",
    "how_robust": (
        "signs = looked.record['doctor']['main']\n"
        "assert any(sign['verdict'] == 'suspicious' for sign in signs)\n"
        "weak, strong, blind = (row['accuracy'] for row in harder.record['attacks'])\n"
        "assert strong < weak - 0.2 and blind < weak - 0.2"
    ),
    "paper_in_pictures": (
        "mixture = results['adv + clean, MBN']\n"
        "assert set(mixture.branches) == {'clean', 'adv'}\n"
        "assert mixture.accuracy('pgd20', 'adv') > mixture.accuracy('pgd20', 'clean')"
    ),
}


def test_all_are_known():
    assert {path.stem for path in NOTEBOOKS} == set(SHOWN)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_stored_as_it_ran(path):
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output["output_type"] == "error"]
    printed = ["".join(output["text"]) for output in outputs if output.get("name") == "stderr"]
    assert all("UserWarning" in text for text in printed)  # ours, in words


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_from_top_to_bottom(path, tmp_path):
    (tmp_path / "notebook.py").write_text(f"{script(path)}\n{SHOWN[path.stem]}\n")
    command = [sys.executable, tmp_path / "notebook.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
