"""The evaluation's page: its numbers are the record's, and it needs nothing else."""

import base64
import io
import json
from importlib import resources

import pytest
from PIL import Image
from shared.evaluation_records import (
    ODD,
    bare_record,
    full_record,
    judged,
    pgd,
    trained_by,
    worst,
)
from shared.html_pages import ParsedPage

from tfadv.errors import UserError
from tfadv.plots import style
from tfadv.reports.evaluation import write

OPTIONAL = ("be trusted", "by class", "Corruptions", "confused", "Worst images", "passes per image")


@pytest.fixture
def coarse(monkeypatch):
    """Draws figures small: the page's tests don't look at them."""
    monkeypatch.setattr(style, "DOTS_PER_INCH", 20)


def written(folder, *arguments):
    return ParsedPage(write(folder, *arguments).read_text(encoding="utf-8"))


def test_full_report(tmp_path):
    page = written(tmp_path, full_record(), ODD, judged("clean", "adv"), worst(count=5))
    assert page.references and all(
        reference.startswith("data:image/png;base64,iVBOR") for reference in page.references
    )
    assert page.tags.count("img") == 4 + 4 + 2
    files = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {"accuracy_by_steps.png", "accuracy_by_epsilon.png", "reliability.png"} < files
    assert {"confusion_adv_pgd_100.png", "worst_adv_pgd_100_2.png"} < files
    assert len(files) == page.tags.count("img")
    first = base64.b64decode(page.references[1].partition(",")[2])
    assert first == (tmp_path / "figures" / "accuracy_by_steps.png").read_bytes()
    assert Image.open(io.BytesIO(first)).convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    text = page.text
    assert "PGD-100 targeted, ε = 16 of 0..255 final iterate" in text
    assert "untargeted, L2, ε = 16 of 0..255, restarts 5, loss margin worst case" in text
    assert "65.0% 61.0%–69.0% target reached 12.5%" in text
    assert "APGD-20 stage 1 — 57.5% 53.5%–61.5%" in text
    assert "no iterate, restart or attack within ε succeeded — 51.0% 47.0%–55.0%" in text
    assert "adv branch 90.0% 86.0%–94.0% 95.5% 91.5%–99.5% 3.5%" in text
    assert text.index("no radius is enough Told. 0.123 0.05 ▲ suspicious") < text.index("noise <b>")
    assert "noise <b> Told. — 0.05 not measured" in text and "✓ fine" in text
    assert "fog 80.0% 40.0% 60.0%" in text and "parameters 75,290" in text
    assert "PGD-10 adv branch 86.2" in text
    assert all(words in text for words in (*ODD, *OPTIONAL))


def test_what_the_record_lacks_is_left_out(tmp_path, coarse):
    page = written(tmp_path, bare_record("main"), ODD, [], [])
    assert "PGD-10 targeted, ε = 16 of 0..255 final iterate 50.0% 46.0%–54.0%" in page.text
    assert "this model 90.0% clean 50.0% PGD-10, ε = 16" in page.text
    assert not page.references
    assert not any(title in page.text for title in OPTIONAL)


def test_what_the_model_was_trained_by(tmp_path, coarse):
    record = trained_by(full_record(), "gin/mbn.gin", "gin/attack/pgd10.gin")
    text = written(tmp_path / "row", record, ODD, [], []).text
    name = "'MBN, 100% adv + 100% clean, PGD-10 in training', tables 4, 5 and 7"
    assert f"the paper's row {name}: gin/mbn.gin + gin/attack/pgd10.gin strategy" in text
    assert "strategy adversarial norm batch_norm scale digits name resnet" in text
    assert "Dashed: as printed in Xie & Yuille (2020), tables 4, 5 and 7." in text
    text = written(tmp_path / "none", trained_by(full_record()), ODD, [], []).text
    assert "the paper's row none: the configuration is another strategy adversarial" in text
    assert "No curve of the paper beside this model: its configuration is none" in text
    text = written(tmp_path / "unknown", full_record(), ODD, [], []).text
    assert "the paper's row" not in text
    assert "the record doesn't say by which recipe" in text


def test_many_classes(tmp_path, coarse):
    names = [f"class {label}" for label in range(1000)]
    record = full_record(classes=1000)
    page = written(tmp_path, record, names, judged("adv", classes=1000), worst(channels=1))
    assert "Accuracy by class: 1000 rows" in page.text and "class 999 50" in page.text
    assert page.tags.count("details") == 2 and "100 groups in all" in page.text
    assert page.text.index("class 999 50") < page.text.index("class 0 50")  # least accurate first


def test_text_is_escaped(tmp_path, coarse):
    record = bare_record("<i>")
    record["model"]["name"] = record["dataset"] = "</title><script src='http://x'>"
    record["model"]["page"] = {"https://x": '"><img src="//x">'}
    page = written(tmp_path, record, ODD, judged("<i>"), worst("<i>"))
    assert "script" not in page.tags and "i" not in page.tags
    assert all(reference.startswith("data:") for reference in page.references)
    assert "</title><script src='http://x'>" in page.text
    assert all(path.suffix == ".png" for path in (tmp_path / "figures").iterdir())


def test_branches_of_like_names_have_figures_of_their_own(tmp_path, coarse):
    branches = ("weak/1", "Weak.1", "strong")
    page = written(tmp_path, bare_record(*branches), ODD, judged(*branches), [])
    files = {path.name for path in (tmp_path / "figures").iterdir()}
    assert len(files) == page.tags.count("img") == 2 * 3
    assert {"confusion_weak_1_clean.png", "confusion_weak_1_clean_2.png"} < files
    assert "weak/1 branch 90.0% 86.0%–94.0% Weak.1 branch" in page.text


def test_nothing_is_overwritten(tmp_path, coarse):
    write(tmp_path / "new" / "report", bare_record("main"), ODD, [], [])
    with pytest.raises(UserError, match="report.html' already: choose another folder"):
        write(tmp_path / "new" / "report", bare_record("main"), ODD, [], [])


def test_template_is_installed():
    template = resources.files("tfadv.reports") / "evaluation.html.j2"
    assert "://" not in template.read_text(encoding="utf-8")


def test_the_same_record_makes_the_same_page(tmp_path, coarse):
    record = json.loads(json.dumps(bare_record("main")))
    record["attacks"].append(pgd("main", 20, 0.4))
    first, second = (
        write(tmp_path / name, record, ODD, [], []).read_bytes() for name in ("a", "b")
    )
    assert first == second
