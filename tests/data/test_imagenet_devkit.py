"""The flat validation folder, sorted by a development kit made here."""

import io
import tarfile

import numpy as np
import pytest
import scipy.io

from tfadv.data.class_lists import class_list
from tfadv.data.imagenet_devkit import FILE, sort_validation, validation_classes
from tfadv.errors import UserError

NAMES = class_list("imagenet", "")


def write_kit(path, names=NAMES, labels=None):
    """Writes a kit whose numbers are those of shuffled names; returns each image's name."""
    random = np.random.default_rng(0)
    order = random.permutation(len(names))
    fields = [("ILSVRC2012_ID", object), ("WNID", object), ("words", object)]
    synsets = np.array([(n + 1, names[k], "some") for n, k in enumerate(order)], fields)
    meta = io.BytesIO()
    scipy.io.savemat(meta, {"synsets": synsets[:, None]})
    labels = random.permutation(np.arange(len(names)).repeat(2)) if labels is None else labels
    truth = "".join(f"{label + 1}\n" for label in labels).encode()
    with tarfile.open(path, "w:gz") as kit:
        for name, data in (
            ("data/meta.mat", meta.getvalue()),
            ("data/ILSVRC2012_validation_ground_truth.txt", truth),
        ):
            member = tarfile.TarInfo(f"ILSVRC2012_devkit_t12/{name}")
            member.size = len(data)
            kit.addfile(member, io.BytesIO(data))
    return [names[order[label]] for label in labels]


@pytest.fixture
def flat(tmp_path):
    """Returns a kit, a folder of 2,000 empty images, and the name of each."""
    names = write_kit(tmp_path / "kit.tar.gz")
    folder = tmp_path / "val"
    folder.mkdir()
    for number in range(1, len(names) + 1):
        (folder / FILE.format(number)).touch()
    return tmp_path / "kit.tar.gz", folder, names


def test_images_go_to_the_folder_of_their_class_and_a_second_call_goes_on(flat, tmp_path):
    kit, folder, names = flat
    assert validation_classes(kit) == names
    (folder / names[0]).mkdir()
    (folder / FILE.format(1)).rename(folder / names[0] / FILE.format(1))
    assert sort_validation(folder, kit) == len(names) - 1
    assert sort_validation(folder, kit) == 0
    found = {path.name: path.parent.name for path in folder.rglob("*.JPEG")}
    assert found == {FILE.format(n): name for n, name in enumerate(names, 1)}
    with tarfile.open(kit) as opened:
        opened.extractall(tmp_path, filter="data")
    assert validation_classes(tmp_path / "ILSVRC2012_devkit_t12") == names


def test_nothing_is_moved_where_images_are_missing(flat):
    kit, folder, names = flat
    (folder / FILE.format(7)).unlink()
    with pytest.raises(UserError, match="lacks 1 of the 2,000 validation images, such as .*0007"):
        sort_validation(folder, kit)
    assert len(list(folder.glob("*.JPEG"))) == len(names) - 1


def test_another_kit_or_none_is_refused(tmp_path):
    write_kit(tmp_path / "other.tar.gz", NAMES[:999])
    with pytest.raises(UserError, match="labels no validation images of ILSVRC 2012"):
        validation_classes(tmp_path / "other.tar.gz")
    (tmp_path / "text.tar.gz").write_text("404")
    for kit in ("text.tar.gz", "none.tar.gz"):
        with pytest.raises(UserError, match="can't be read as a development kit"):
            validation_classes(tmp_path / kit)
