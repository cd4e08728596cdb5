"""The plan that a configuration makes."""

import subprocess
import sys

import pytest
from shared.project import ROOT
from shared.tiny_data import npz_bindings, random_examples, write_npz

from tfadv import config
from tfadv.errors import UserError
from tfadv.planning.plan import build_plan


def test_evaluation_attacks_start_at_random_and_have_their_steps():
    config.read(["gin/mbn.gin"])
    plan = build_plan()
    assert plan.attack.clean_start_probability == 0.2
    steps = {spec: attack.steps for spec, attack in plan.evaluation_attacks.items()}
    assert steps == {"pgd10/pgd": 10, "pgd100/pgd": 100}
    for attack in plan.evaluation_attacks.values():
        assert attack.clean_start_probability == 0 and attack.epsilon == plan.attack.epsilon


def test_images_of_two_shapes_are_refused(tmp_path):
    images, labels = random_examples(64)
    write_npz(tmp_path / "train.npz", images, labels)
    write_npz(tmp_path / "test.npz", images[:, :7], labels)
    config.read(["gin/mbn.gin"], npz_bindings(tmp_path))
    with pytest.raises(UserError, match=r"image_shape of npz.train is \(8, 8, 3\), of npz.test"):
        build_plan()


@pytest.mark.parametrize(
    "bindings",
    [("HeldOut.images = 4",), ("Validation.images = 4", "Validation.every_epochs = 1")],
    ids=["held_out", "validation"],
)
def test_a_plan_starts_no_device(bindings):
    """A cluster can be joined, and a processor divided, only before the first one is started."""
    read = ["gin/mbn.gin", "gin/scale/digits.gin"], ["Distribution.virtual_cpus = 2", *bindings]
    made = (
        "from tfadv import config; from tfadv.planning.plan import build_plan; "
        f"config.read(*{read}); "
        "print(build_plan().distribution.create().num_replicas_in_sync)"
    )
    done = subprocess.run([sys.executable, "-c", made], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split()[-1:] == ["2"], done.stderr
