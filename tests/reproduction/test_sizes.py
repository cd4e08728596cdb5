"""What the paper's sizes come to at other scales."""

import pytest

from tfadv import config
from tfadv.paper import ROWS
from tfadv.planning.paper_rows import recipe_of
from tfadv.reproduction import cells
from tfadv.reproduction.experiment import model, trained_with
from tfadv.reproduction.sizes import blocks_at, sizes_at

DIGITS = config.values_of(["gin/scale/digits.gin"])


def test_at_the_papers_scales_every_row_is_itself(tmp_path):
    scale = "gin/scale/imagenet_8gpu.gin"
    setting = cells.setting_of([scale], [])
    for row in ROWS:
        cell = cells.cell_of(row.files, 0, setting)
        read = config.read([cell.recipe, scale], cell.bindings(tmp_path))
        # The last two rows of table 3 are ALP with PGD-10 and with PGD-30.
        assert recipe_of(read.values) == row.files


@pytest.mark.parametrize(("steps", "here"), [(30, 10), (20, 7), (10, 3), (5, 2)])
def test_attacks_in_training_keep_their_share_and_their_reach(steps, here):
    sizes = DIGITS | sizes_at(trained_with("mbn", steps), DIGITS)
    assert sizes["PGD.steps"] == here
    if steps != 30:  # 20·1, 10·2 and 5·4 are all 1.25 ε
        assert here * sizes["PGD.step_size"] == pytest.approx(
            1.25 * DIGITS["PGD.epsilon"], rel=1e-5
        )


@pytest.mark.parametrize(
    ("overlay", "key", "share"),
    [
        ("batch/512", "Training.batch_size", 1 / 8),
        ("batch/8192", "Training.batch_size", 2),
        ("attack/epsilon8", "PGD.epsilon", 1 / 2),
    ],
)
def test_other_sizes_keep_their_ratio(overlay, key, share):
    sizes = sizes_at(model("adv_100_clean_0_frozen", overlay), DIGITS)
    assert sizes == {key: DIGITS[key] * share}


def test_the_original_alp_keeps_its_shares():
    sizes = sizes_at(model("table3/1_original"), DIGITS)
    assert sizes["Training.epochs"] == 80
    assert sizes["Training.batch_size"] == 24  # 1536 of 4096
    assert sizes["LearningRate.rate_per_256"] == pytest.approx(0.45 * 0.4)
    # The rate falls as often in a run: 110 times.
    assert sizes["ExponentialDecay.every_epochs"] == pytest.approx(80 / 110, rel=1e-5)


@pytest.mark.parametrize(
    ("depth", "scale", "blocks"),
    [
        ((3, 24, 36, 3), (3, 8, 36, 3), (3, 24, 36, 3)),
        ((3, 24, 36, 3), (1, 1, 1), (1, 2, 1)),
        ((3, 82, 124, 3), (1, 1, 1), (1, 11, 1)),
        ((3, 42, 64, 3), (2, 2), (4, 5)),
        ((3, 4, 23, 3), (1, 1, 1), (1, 1, 1)),
    ],
)
def test_blocks_grow_in_the_inner_stages(depth, scale, blocks):
    found = blocks_at(depth, (3, 8, 36, 3), scale)
    assert sorted(found) == sorted(blocks) and len(found) == len(scale)


def test_a_networks_blocks_are_the_papers_share():
    for whole in ((3, 24, 36, 3), (3, 42, 64, 3), (3, 66, 100, 3), (3, 82, 124, 3)):
        found = blocks_at(whole, (3, 8, 36, 3), (3, 4, 6, 3))
        assert sum(found) == round(16 * sum(whole) / 50)
        assert found[0] == found[3] == 3
        assert found[1] / found[2] == pytest.approx(4 / 6, abs=0.1)
