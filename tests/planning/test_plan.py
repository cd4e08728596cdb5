"""The plan that a configuration makes."""

import pytest
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
