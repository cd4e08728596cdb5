"""Images on TensorFlow's file systems, of which ``ram://`` needs no network."""

import zipfile

import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console
from shared.image_files import with_orientation
from shared.smoke_trainers import finish, make_plan, one_device
from shared.tiny_data import random_examples, write_npz

from tfadv.data import manifest_file, remote_path
from tfadv.data.alike import oddities
from tfadv.data.bad_images import BadImages, BadImagesError
from tfadv.data.class_lists import class_list
from tfadv.data.image_folder import image_folder
from tfadv.data.imagenet import imagenet
from tfadv.data.manifest import difference
from tfadv.data.npz import npz
from tfadv.data.packed import packed
from tfadv.data.remote_path import RemotePath
from tfadv.errors import UserError
from tfadv.inspection import data_sets
from tfadv.inspection.inspect import inspect

PER_CLASS, SIZE = 8, 32


def copied(folder, remote):
    """Copies a folder to a remote one."""
    for file in (file for file in folder.rglob("*") if file.is_file()):
        target = f"{remote}/{file.relative_to(folder)}"
        tf.io.gfile.makedirs(target.rpartition("/")[0])
        with tf.io.gfile.GFile(target, "wb") as opened:
            opened.write(file.read_bytes())


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Returns a folder of small JPEGs of three classes, and a remote copy of it."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("blue", "red", "yell.w"):
            (folder / split / name).mkdir(parents=True)
            for number in range(PER_CLASS):
                pixels = random.integers(0, 256, (40, 50, 3), np.uint8)
                jpeg = tf.io.encode_jpeg(pixels).numpy()
                (folder / split / name / f"{number}.JPEG").write_bytes(jpeg)
    (folder / "train" / "blue" / "lying.jpg").write_bytes(with_orientation(6))
    (folder / "train" / "red" / ".hidden.jpg").write_bytes(b"")
    (folder / "train" / "red" / "other.tif").write_bytes(b"")
    (folder / "train" / "loose.png").write_bytes(b"")
    copied(folder, "ram://photos")
    return folder


def both(folder, remote="ram://photos", **arguments):
    """Returns the splits of a folder and of its remote copy."""
    return (
        image_folder(f"{root}/train", f"{root}/test/", SIZE, **arguments)
        for root in (folder, remote)
    )


def of_imagenette(data_dir, target):
    """Copies some photographs of two classes."""
    for split in ("train", "val"):
        classes = sorted((data_dir / "imagenette10_224" / split).iterdir())[:2]
        for one in classes:
            (target / split / one.name).mkdir(parents=True)
            for file in sorted(one.glob("*.JPEG"))[:6]:
                (target / split / one.name / file.name).write_bytes(file.read_bytes())


def assert_same_examples(ours, theirs):
    assert ours.class_names == theirs.class_names
    np.testing.assert_array_equal(ours.labels, theirs.labels)
    for number in range(len(theirs)):
        for fetch in ("fetch", "fetch_original"):
            found, expected = (getattr(s, fetch)(np.int64(number)) for s in (ours, theirs))
            np.testing.assert_array_equal(found[0], expected[0])
            assert int(found[1]) == int(expected[1])


def test_photographs_are_the_same(data_dir, tmp_path):
    of_imagenette(data_dir, tmp_path)
    copied(tmp_path, "ram://imagenette")
    local, remote = (
        image_folder(f"{root}/train", f"{root}/val", 64) for root in (tmp_path, "ram://imagenette")
    )
    for ours, theirs in zip(remote, local, strict=True):
        assert_same_examples(ours, theirs)
        assert difference(theirs.manifest("content"), ours.manifest("content")) == ""


def test_images_order_warnings_and_identity_are_those_of_the_same_local_folder(photos):
    local, remote = both(photos)
    for ours, theirs in zip(remote, local, strict=True):
        assert_same_examples(ours, theirs)
        names = [theirs.title(number) for number in range(len(theirs))]
        named = [name.replace(str(photos), "ram://photos") for name in names]
        assert [ours.title(number) for number in range(len(ours))] == named
        assert ours.manifest() == theirs.manifest()
        fast = {key: value for key, value in theirs.manifest("fast").items() if key != "times"}
        assert fast.items() <= ours.manifest("fast").items()
    assert oddities(remote) == oddities(local) != ()


def test_bad_images_are_named_likewise(photos, tmp_path):
    folder = tmp_path / "bad"
    for split in ("train", "test"):
        for name in ("blue", "red"):
            (folder / split / name).mkdir(parents=True)
            whole = (photos / split / name / "0.JPEG").read_bytes()
            (folder / split / name / "0.jpg").write_bytes(whole)
    (folder / "train" / "blue" / "1.jpg").write_bytes(whole[:-20])
    (folder / "train" / "blue" / "2.jpg").write_bytes(b"")
    (folder / "train" / "red" / "3.png").write_bytes(b"GIF")
    copied(folder, "ram://bad")
    local, remote = both(folder, "ram://bad")
    assert len(local.train.unreadable) == 3
    assert remote.train.unreadable == local.train.unreadable
    said = []
    for splits in (local, remote):
        with pytest.raises(BadImagesError) as error:
            BadImages().apply(splits.train, splits.train.unreadable)
        said.append(error.value.message)
    assert said[1] == said[0].replace(str(folder), "ram://bad")
    tf.io.gfile.remove("ram://bad/train/red/0.jpg")
    assert remote.train.problem(3) == "is gone"
    with pytest.raises(FileNotFoundError):
        remote.train.contents(3)


def test_a_run_trains_on_them(photos):
    bindings = [
        "Experiment.dataset = 'image_folder'",
        "image_folder.train = 'ram://photos/train'",
        "image_folder.test = 'ram://photos/test'",
        f"image_folder.image_size = {SIZE}",
        "Training.batch_size = 8",
    ]
    trainer = one_device(make_plan("clean", *bindings))
    assert finish(trainer)[-1]["step"] == trainer.plan.steps >= 2
    assert np.isfinite(finish(trainer) or 0).all()


def test_they_are_looked_at_and_a_manifest_may_be_remote(photos, tmp_path):
    found = inspect(data_sets.folder("ram://photos"), tmp_path / "r", 1, Console(quiet=True))
    inspect(data_sets.folder(str(photos)), tmp_path / "l", 1, Console(quiet=True))
    assert found["splits"]["train"]["images"] == 3 * PER_CLASS + 1
    manifests = [(tmp_path / name / "manifest.jsonl").read_text() for name in "rl"]
    assert manifests[0] == manifests[1]
    copied(tmp_path / "l", "ram://manifests")
    splits = image_folder("ram://photos/train", "ram://photos/test", SIZE)._asdict()
    assert manifest_file.difference("ram://manifests/manifest.jsonl", splits, "content") == ""
    splits["train"] = splits["test"]
    said = manifest_file.difference("ram://manifests/manifest.jsonl", splits, "fast")
    assert "train: 1 gone ('blue/lying.jpg')" in said


def test_arrays_are_read_from_remote_files(tmp_path):
    images, labels = random_examples(8)
    file = write_npz(tmp_path / "a.npz", images, labels)
    copied(tmp_path, "ram://arrays")
    splits = npz("ram://arrays/a.npz", file)
    np.testing.assert_array_equal(splits.train.fetch(3)[0], images[3])
    assert splits.train.manifest() == splits.test.manifest()
    with zipfile.ZipFile(file) as opened:
        opened.extractall(tmp_path / "unzipped")
    copied(tmp_path, "ram://arrays")
    with pytest.raises(UserError, match=r"'ram://arrays/unzipped' is a remote folder, and .npy"):
        npz("ram://arrays/unzipped", file)
    with tf.io.gfile.GFile("ram://arrays/bad.npz", "wb") as opened:
        opened.write(b"nothing")
    with pytest.raises(UserError, match=r"'ram://arrays/bad.npz' is not a readable .npz file"):
        npz("ram://arrays/bad.npz", file)


def test_classes_may_be_listed_remotely():
    with tf.io.gfile.GFile("ram://classes.txt", "wb") as opened:
        opened.write("café\nred\n".encode())
    assert class_list("ram://classes.txt", "image_folder.classes") == ["café", "red"]


def test_what_is_not_there_is_said_in_a_line(photos):
    cases = (
        ("ram://photos/trian", "image_folder.train: no 'ram://photos/trian'. Did you mean 'train'"),
        ("ram://nowhere/train", "image_folder.train: no 'ram://nowhere/train'."),
        ("ram://photos/train/blue/0.JPEG", "is a file, not a folder of class folders"),
        ("ram://photos/train/blue", "has 0 class folders, at least 2 needed, but 9 files"),
        (
            "s3://bucket/train",
            "s3:// perhaps with a tensorflow-io that fits it: install that, or copy",
        ),
        ("rum://photos/train", "ram:// here, and rum:// perhaps with"),
    )
    for folder, message in cases:
        with pytest.raises(UserError) as error:
            image_folder(folder, "ram://photos/test", SIZE)
        assert message in error.value.message and "\n" not in error.value.message
    with pytest.raises(UserError, match="imagenet.folder: no 'ram://ilsvrc'"):
        imagenet("ram://ilsvrc")
    with pytest.raises(UserError, match="'ram://photos' is remote, .* copy the folder to a local"):
        packed("ram://photos", SIZE)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (tf.errors.PermissionDeniedError, "can't be .*: no access$"),
        (tf.errors.UnauthenticatedError, "can't be .*: no access$"),
        (tf.errors.UnavailableError, "can't be .*: no access$"),
        (tf.errors.FailedPreconditionError, "can't be .*: no access$"),
    ],
)
@pytest.mark.parametrize("call", ["stat", "listdir"])
def test_refusals_of_the_network_are_said_in_a_line(photos, monkeypatch, error, message, call):
    def refuse(path):
        raise error(None, None, "no access\n\t when reading metadata of " + str(path))

    monkeypatch.setattr(tf.io.gfile, call, refuse)
    with pytest.raises(UserError, match=f"image_folder.train: 'ram://photos/train' {message}"):
        image_folder("ram://photos/train", "ram://photos/test", SIZE)


def test_a_file_that_is_refused_is_named(photos, monkeypatch):
    stat = tf.io.gfile.stat

    def refuse(path):
        if path in ("ram://photos/test/red/3.JPEG", b"ram://photos/test/red/3.JPEG"):
            raise tf.errors.PermissionDeniedError(None, None, "403\nmore")
        return stat(path)

    monkeypatch.setattr(tf.io.gfile, "stat", refuse)
    splits = image_folder("ram://photos/train", "ram://photos/test", SIZE)
    assert splits.test.unreadable == {PER_CLASS + 3: "can't be read: 403"}


def test_a_million_files_are_listed_by_one_call_a_folder(photos, monkeypatch):
    calls = []
    for name in ("listdir", "isdir", "stat", "exists"):
        real = getattr(tf.io.gfile, name)
        monkeypatch.setattr(
            tf.io.gfile, name, lambda path, n=name, f=real: calls.append((n, path)) or f(path)
        )
    monkeypatch.setattr(remote_path, "THREADS", 2)
    source = image_folder(None, "ram://photos/test", SIZE).test
    files = 3 * PER_CLASS
    kinds = [name for name, _ in calls]
    # One stat a file, for its size; the rest by folder.
    assert len(source) == files and kinds.count("listdir") == 5 and kinds.count("isdir") == 0
    assert kinds.count("stat") - files <= 2 + 2 * 3


def test_object_stores_mark_folders(monkeypatch):
    monkeypatch.setattr(tf.io.gfile, "listdir", lambda _: ["red/", "blue/", "a.jpg", ""])
    monkeypatch.setattr(tf.io.gfile, "stat", lambda path: pytest.fail(f"asks for {path}"))
    found = {entry.name: entry.is_dir() for entry in RemotePath("ram://b").scan((".jpg",))}
    assert found == {"red": True, "blue": True, "a.jpg": False}


def test_a_path_has_a_name_and_a_folder():
    path = RemotePath("ram://bucket/photos/")
    assert str(path) == "ram://bucket/photos" and path.name == "photos"
    assert str(path / "a") == "ram://bucket/photos/a"
    assert [str(path.parent), str(path.parent.parent)] == ["ram://bucket", "ram://"]
    assert str(path.parent.parent / "other") == "ram://other"
    with pytest.raises(FileNotFoundError, match="No such file"):
        path.read_bytes()
