"""Images, weights and plugins that changed under the same path make another run."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from shared.plugin_texts import norm_plugin
from shared.random_bundles import bundle_of, random_run
from shared.smoke_trainers import SMOKE, make_plan, one_device, randomized
from shared.tiny_data import contents, npz_bindings, random_examples, write_npz, write_splits

from tfadv import adapters, config, digests
from tfadv.errors import UserError
from tfadv.evaluation.outcome_log import OutcomeLog, Unit
from tfadv.files import write_json
from tfadv.planning.plan import build_plan
from tfadv.runs import identity
from tfadv.runs.checkpoints import Checkpoints
from tfadv.runs.run_directory import RunDirectory

RECIPE = ["gin/clean.gin", SMOKE]
TRAIN, TEST = 48, 20


@pytest.fixture
def data(tmp_path):
    """Returns a folder with npz files of 48 images to train on and 20 to test on."""
    write_splits(tmp_path / "data", TRAIN, TEST)
    return tmp_path / "data"


def chosen(data, *bindings):
    """Returns the configuration and the plan of a run on these images."""
    read = config.read(RECIPE, [*npz_bindings(data), *bindings])
    return read, build_plan()


def started(path, data, *bindings):
    """Returns a run's folder as its first start leaves it."""
    read, plan = chosen(data, *bindings)
    directory = RunDirectory(path)
    bound_to = identity.check_run(directory, plan, identity.alone())
    directory.claim(read, ["CPU"], 0, bound_to)
    return directory


def check_again(directory, data, *bindings):
    return identity.check_run(directory, chosen(data, *bindings)[1], identity.alone())


def rewrite(data, split, change):
    """Changes the images or labels of a file under the same path."""
    path = data / f"{split}.npz"
    with np.load(path) as arrays:
        images, labels = arrays["image"], arrays["label"]
    write_npz(path, *change(images, labels))


def fewer(images, labels):
    return images[:34], labels[:34]


def another_pixel(images, labels):
    images[7, 0, 0, 0] ^= 1
    return images, labels


def another_label(images, labels):
    labels[-1] = 0
    return images, labels


@pytest.mark.parametrize(
    ("split", "change", "message"),
    [
        ("train", fewer, "(train: 34 images instead of 48)"),
        ("train", another_pixel, "(train: other pixels)"),
        ("train", another_label, "(train: other labels)"),
        ("test", another_label, "(test: other labels)"),
    ],
)
def test_a_run_is_refused_other_images(tmp_path, data, split, change, message):
    directory = started(tmp_path / "run", data)
    assert check_again(directory, data) == directory.identity()
    before = contents(directory.path)
    rewrite(data, split, change)
    with pytest.raises(UserError) as refusal:
        check_again(directory, data)
    assert message in refusal.value.message and str(directory.path) in refusal.value.message
    assert contents(directory.path) == before


def test_the_digests_of_the_first_start_stay(tmp_path, data):
    directory = started(tmp_path / "run", data)
    before = directory.identity()
    assert set(before["data"]) == {"train", "test"}
    read, _ = chosen(data)
    directory.claim(read, ["CPU"], 0, {"data": {"train": {}, "test": {}}})
    assert directory.identity() == before and len(directory.starts()) == 2


def test_a_run_that_was_moved_is_the_same(tmp_path, data):
    directory = started(tmp_path / "run", data)
    shutil.move(directory.path, tmp_path / "moved")
    check_again(RunDirectory(tmp_path / "moved"), data)


def test_a_run_without_a_record_is_warned_of_and_recorded(tmp_path, data, capsys):
    read, plan = chosen(data)
    directory = RunDirectory(tmp_path / "run")
    directory.claim(read, ["CPU"], 0)
    identity.check_run(directory, plan, identity.alone())
    assert capsys.readouterr().err == ""  # it has done nothing yet
    write_json(directory.results_path, {})
    found = identity.check_run(directory, plan, identity.alone())
    assert capsys.readouterr().err.startswith(f"warning: '{directory.path}' has no record of its")
    directory.claim(read, ["CPU"], 0, found)
    rewrite(data, "train", fewer)
    with pytest.raises(UserError, match="34 images instead of 48"):
        check_again(directory, data)


def saved_run(path, seed=0):
    trainer = randomized(one_device(make_plan("clean")))
    trainer.model.variables[0].assign_add(seed * np.ones(trainer.model.variables[0].shape))
    Checkpoints(path / "checkpoints", trainer.model, trainer.optimizer).save()
    return trainer.model


def test_a_run_is_refused_other_initial_weights(tmp_path, data):
    start = tmp_path / "start"
    model = saved_run(start)
    bound = f"Experiment.initial_weights = '{start}'"
    directory = started(tmp_path / "run", data, bound)
    assert directory.identity()["initial_weights"] == digests.of_model(model)
    shutil.rmtree(start)
    check_again(directory, data, bound)  # a run that has begun needs them no more
    saved_run(start)
    check_again(directory, data, bound)
    shutil.rmtree(start)
    saved_run(start, seed=1)
    with pytest.raises(UserError, match="Experiment.initial_weights holds other weights"):
        check_again(directory, data, bound)


def test_an_npz_of_initial_weights_counts_by_its_bytes(tmp_path, data):
    bound = f"Experiment.initial_weights = '{tmp_path / 'w.npz'}'"
    np.savez(tmp_path / "w.npz", a=np.zeros(3))
    directory = started(tmp_path / "run", data, bound)
    np.savez(tmp_path / "w.npz", a=np.ones(3))
    with pytest.raises(UserError, match="Experiment.initial_weights holds other weights"):
        check_again(directory, data, bound)


def test_a_run_is_refused_another_keras_model(tmp_path, data):
    path = tmp_path / "mine.keras"
    path.write_bytes(b"one")
    bound = f"Keras.path = '{path}'"
    directory = started(tmp_path / "run", data, bound, "Experiment.model = 'keras'")
    check_again(directory, data, bound, "Experiment.model = 'keras'")
    path.write_bytes(b"another")
    check_again(directory, data, bound)  # which is not the run's model
    with pytest.raises(UserError, match="Keras.path holds another model"):
        check_again(directory, data, bound, "Experiment.model = 'keras'")


def test_a_run_is_refused_another_bundle_to_transfer_from(tmp_path, data):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "metadata.json").write_text("{}")
    bound = (
        "Evaluation.doctor = True",
        f"eval/Checkup.transfer_from = '{tmp_path / 'other'}'",
    )
    directory = started(tmp_path / "run", data, *bound)
    check_again(directory, data, *bound)
    (tmp_path / "other" / "metadata.json").write_text("{ }")
    with pytest.raises(UserError, match="Checkup.transfer_from holds another bundle"):
        check_again(directory, data, *bound)


def measured(directory, data, *bindings, overlays=()):
    """Checks the images of an evaluation of a run, as the command does."""
    written = str(directory.path / "config.gin")
    read = config.read([written, *overlays], bindings)
    source = build_plan().splits.test
    made = identity.made_by_run(directory.path)
    return identity.check_images(made, read, source, "auto")


def test_an_evaluation_uses_the_images_of_its_run_or_says_so(tmp_path, data, capsys):
    directory = started(tmp_path / "run", data)
    assert measured(directory, data) == directory.identity()["data"]["test"]
    rewrite(data, "train", fewer)  # no affair of an evaluation
    measured(directory, data)
    write_npz(data / "mine.npz", *random_examples(12))
    found = measured(directory, data, f"npz.test = '{data / 'mine.npz'}'")
    assert found["examples"] == 12
    assert capsys.readouterr().err == (
        f"note: other test images than those of '{directory.path}' (12 images instead of 20)\n"
    )
    rewrite(data, "test", another_pixel)
    for bindings, overlays in (
        ((), ()),
        (("Evaluation.attacks = ('fgsm',)", "Experiment.seed = 3", "PGD.steps = 4"), ()),
        ((), ["gin/eval/full.gin"]),
    ):
        with pytest.raises(UserError, match=r"made with other test images \(other pixels\)"):
            measured(directory, data, *bindings, overlays=overlays)


def bundle_on(data, folder):
    """Writes a bundle of a random model of these images; returns its metadata."""
    run = random_run(folder.parent, *npz_bindings(data), files=["gin/clean.gin"])
    manifests = {name: source.manifest() for name, source in run.plan.splits._asdict().items()}
    metadata, _ = bundle_of(dataclasses.replace(run, data=manifests), folder)
    assert metadata["weights"] == digests.of_model(run.model)
    return metadata


def test_a_bundle_knows_its_images(tmp_path, data):
    folder = tmp_path / "bundle"
    metadata = bundle_on(data, folder)
    assert set(metadata["training"]["data"]) == {"train", "test"}
    images, _ = adapters.examples(folder, 5)
    assert images.shape == (5, 8, 8, 3)
    rewrite(data, "test", another_label)
    with pytest.raises(UserError, match=r"made with other test images \(other labels\)"):
        adapters.examples(folder, 5)
    del metadata["training"]["data"]  # as bundles were written before
    metadata = {k: v for k, v in metadata.items() if k not in ("manifest", "digest")}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    adapters.examples(folder, 5)


def test_results_of_other_weights_are_refused(tmp_path):
    run = random_run(tmp_path)
    identity.check_results(run)  # it has none
    for part in ("model", "weight_average"):
        right = {"model": {}} | {part: {"weights": digests.of_model(run.model)}}
        identity.check_results(dataclasses.replace(run, results=right))
    wrong = dataclasses.replace(run, results={"model": {"weights": "another"}})
    with pytest.raises(UserError, match="results.json was measured with other weights"):
        identity.check_results(wrong)


def test_a_run_is_refused_an_edited_plugin(tmp_path, data, forget_plugins):
    (tmp_path / "bound.py").write_text(
        "from plugins.bound_helper import momentum\n" + norm_plugin("bound")
    )
    (tmp_path / "bound_helper.py").write_text("momentum = 0.9\n")

    def read():
        return config.read(RECIPE, plugins=["plugins.bound"], plugin_dirs=[str(tmp_path)])

    directory = RunDirectory(tmp_path / "run")
    directory.claim(read(), ["CPU"], 0)
    identity.check_plugins(directory.path, read())
    (tmp_path / "bound_helper.py").write_text("momentum = 0.8\n")
    with pytest.raises(UserError, match=r"trained with another plugins.bound \(source"):
        identity.check_plugins(directory.path, read())
    with pytest.raises(UserError, match=r"another config \(import plugins.bound: source"):
        directory.check(read())


def test_an_outcome_log_of_other_images_is_refused(tmp_path, data):
    path = tmp_path / "images.jsonl"
    about = {"weights": "a", "data": chosen(data)[1].splits.test.manifest()}
    OutcomeLog(path, about).add(Unit("main", "clean"), {"index": np.arange(3)})
    assert len(OutcomeLog(path, about).found(Unit("main", "clean"))["index"]) == 3
    write_npz(data / "test.npz", *random_examples(34))
    other = about | {"data": chosen(data)[1].splits.test.manifest()}
    with pytest.raises(UserError, match=r"\(other data: 34 images instead of 20\): choose another"):
        OutcomeLog(path, other)
