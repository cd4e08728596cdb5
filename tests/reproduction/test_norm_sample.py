"""Which block and which channels the figures show."""

import pytest
from shared.norm_statistics import of_network, statistics

from tfadv.errors import UserError
from tfadv.reproduction.norm_sample import default_block, sampled


@pytest.mark.parametrize(
    ("stages", "block"),
    [
        ((3, 8, 36, 3), "stage2_block5"),
        ((1, 1), "stage2_block1"),
        ((4,), "stage1_block3"),
        ((), "stem"),
    ],
)
def test_the_default_block_is_of_res3_or_the_nearest_stage(stages, block):
    assert default_block(of_network(stages=stages)["norms"]) == block


def test_blocks_of_any_name_have_stages():
    norms = [{"block": name} for name in ("conv1", "conv2", "conv3", "conv4")]
    assert default_block(norms) == "conv3"


def test_twenty_channels_are_drawn_in_order_and_always_the_same():
    found = of_network(channels=30)
    sample = sampled(found, "stage2_block2")
    assert (len(sample.places), sample.of) == (20, 90)
    names = ["reduce", "spatial", "expand"]
    places = [(names.index(n["name"].split("/")[1]), channel) for n, channel in sample.places]
    assert places == sorted(set(places))
    again = sampled(of_network(channels=30), "stage2_block2")
    assert sample.by_norm() == again.by_norm()
    text = sample.describe()
    assert text.startswith("20 of the 90 channels of stage2_block2 (stage2_block2/reduce: ")
    assert text.endswith(f"{places[-1][1]}).")
    take = sample.values(lambda norm: norm["running"]["adv"], "variance")
    assert take == [norm["running"]["adv"]["variance"][c] for norm, c in sample.places]


def test_fewer_channels_are_shown_all():
    sample = sampled(of_network(channels=6), "stage2_block1/spatial")
    assert sample.by_norm() == {"stage2_block1/spatial": [0, 1, 2, 3, 4, 5]}


def test_an_unknown_block_is_refused_with_the_nearest():
    with pytest.raises(
        UserError, match="there is no 'stage2_blok1'; the nearest are stage2_block1"
    ):
        sampled(of_network(), "stage2_blok1")
    with pytest.raises(UserError, match="'group_norm', keeps no running statistics"):
        sampled(statistics([], ("main",), "group_norm"))
