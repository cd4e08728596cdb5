"""The plan that a configuration makes."""

import numpy as np
import pytest

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
    bindings = ["Experiment.dataset = 'npz'"]
    for split, size in (("train", 8), ("test", 9)):
        path = tmp_path / f"{split}.npz"
        np.savez(path, image=np.zeros((64, size, size, 3), np.uint8), label=np.arange(64) % 4)
        bindings.append(f"npz.{split} = '{path}'")
    config.read(["gin/mbn.gin"], bindings)
    with pytest.raises(UserError, match=r"image_shape of npz.train is \(8, 8, 3\), of npz.test"):
        build_plan()
