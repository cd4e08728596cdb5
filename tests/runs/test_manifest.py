"""Runs are bound to the manifest that ``Experiment.manifest`` names."""

import pytest
from rich.console import Console
from shared.image_sets import write_pictures
from shared.smoke_trainers import SMOKE

from tfadv import config
from tfadv.errors import UserError
from tfadv.inspection import data_sets
from tfadv.inspection.inspect import inspect
from tfadv.planning.plan import build_plan
from tfadv.runs import identity
from tfadv.runs.run_directory import RunDirectory

RECIPE = ["gin/clean.gin", SMOKE]


@pytest.fixture
def photos(tmp_path):
    """Returns the bindings of a run on a folder of images, and its manifest beside them."""
    write_pictures(tmp_path / "photos", ("train", "test"), each=12)
    looked_at = data_sets.folder(str(tmp_path / "photos"))
    inspect(looked_at, tmp_path / "report", 1, Console(quiet=True))
    return [
        "Experiment.dataset = 'image_folder'",
        "image_folder.image_size = 8",
        *(f"image_folder.{split} = '{tmp_path}/photos/{split}'" for split in ("train", "test")),
        "Training.batch_size = 8",
        f"Experiment.manifest = '{tmp_path}/report/manifest.jsonl'",
    ]


def started_on(path, bindings):
    config.read(RECIPE, bindings)
    return identity.check_run(RunDirectory(path), build_plan(), identity.alone())


def test_a_run_starts_with_the_images_that_its_manifest_lists(photos, tmp_path):
    assert set(started_on(tmp_path / "run", photos)["data"]) == {"train", "test"}
    file = tmp_path / "photos" / "train" / "red" / "3.png"
    data = bytearray(file.read_bytes())
    data[60] ^= 1
    file.write_bytes(data)
    fast = [*photos, "Experiment.data_digest = 'fast'"]
    assert started_on(tmp_path / "run", fast)
    with pytest.raises(UserError, match=r"train: 1 of other contents \('red/3.png'\)$") as raised:
        started_on(tmp_path / "run", photos)
    assert raised.value.parameter == "Experiment.manifest"
    file.unlink()
    with pytest.raises(UserError, match=r"lists other images: train: 1 gone \('red/3.png'\)$"):
        started_on(tmp_path / "run", fast)
    (tmp_path / "report" / "manifest.jsonl").unlink()
    with pytest.raises(UserError, match=r"Experiment.manifest: no '.*manifest.jsonl'"):
        started_on(tmp_path / "run", fast)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("held_out", "sources"),
    [
        (("HeldOut.images = 8",), {"train", "test"}),
        (("Validation.every_epochs = 1", "Validation.images = 8"), {"train", "test", "validation"}),
    ],
)
def test_images_that_are_held_out_are_listed_where_they_were_taken_from(
    photos, tmp_path, held_out, sources
):
    bindings = [*photos, *held_out]
    assert set(started_on(tmp_path / "run", bindings)["data"]) == sources
    (tmp_path / "photos" / "train" / "red" / "3.png").unlink()
    with pytest.raises(UserError, match=r"lists other images: train: 1 gone \('red/3.png'\)$"):
        started_on(tmp_path / "run", bindings)
