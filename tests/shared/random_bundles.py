"""A run of a random model on the digits, without training, for the tests of what leaves it."""

import json

from shared.smoke_trainers import one_device, randomized
from tfadv import config
from tfadv.interop.bundle_writer import write_bundle
from tfadv.planning.plan import build_plan
from tfadv.runs.trained_run import TrainedRun

DIGITS = ["gin/mbn_alp.gin", "gin/scale/digits.gin"]
SMALL = ("ResNet.width = 4", "Training.batch_size = 6")


def random_run(path, *bindings, files=DIGITS):
    """Returns a run whose weights and running statistics are all random."""
    read = config.read(files, [*SMALL, *bindings])
    plan = build_plan()
    trainer = randomized(one_device(plan))
    return TrainedRun(path, plan, trainer.model, read.text(), None, "1234abc")


def bundle_of(run, folder, *, pixel_range=(0.0, 1.0), fold=False, license_name="CC0", formats=()):
    """Writes a bundle of all branches, the default one first."""
    branches = sorted(run.model.branches, key=lambda name: name != run.model.default_branch)
    notes = write_bundle(run, folder, branches, pixel_range, license_name, fold, formats)
    return json.loads((folder / "metadata.json").read_text()), notes


def as_before(folder, **changes):
    """Makes a bundle one of before, without digests; edits its metadata."""
    (folder / "manifest.json").unlink()
    metadata = json.loads((folder / "metadata.json").read_text())
    del metadata["digest"], metadata["manifest"]
    (folder / "metadata.json").write_text(json.dumps(metadata | changes))
