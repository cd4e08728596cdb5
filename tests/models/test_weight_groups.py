"""Weights by what they are and how deep they are, in networks of every make."""

import keras
import pytest
from shared.tiny_networks import tiny_resnet

from tfadv.models.functional.building import build_network
from tfadv.models.weight_groups import by_depth, weights_of
from tfadv.norms.batch_norm import BatchNorm
from tfadv.registry import MODELS
from tfadv.registry.choices import GROUPS


def network(name, **arguments):
    def make_norm(**given):
        return BatchNorm(**given)

    return build_network(
        name,
        "Experiment.model",
        image_shape=(16, 16, 3),
        classes=4,
        make_norm=make_norm,
        new_head=False,
        **arguments,
    )


def names(group):
    return {variable.path.partition("/")[0] for variable in group}


def test_every_weight_of_a_vit_is_of_one_group():
    model = network("vit", width=8, heads=2, blocks=1, patch=4)
    groups = {group: weights_of(model, [group]) for group in GROUPS}
    assert {v.name for v in groups["kernels"]} == {"kernel"}
    assert {v.name for v in groups["biases"]} == {"bias"}
    assert {v.name for v in groups["norms"]} == {"gamma", "beta"}
    assert [v.path for v in groups["others"]] == ["positions/vectors"]
    assert sum(map(len, groups.values())) == len(model.trainable_variables)
    assert weights_of(model, GROUPS) == model.trainable_variables
    assert groups["kernels"] == model.kernels


def test_a_resnets_depths_are_its_stem_blocks_and_head():
    found = [names(group) for group in by_depth(tiny_resnet("mixture", (2, 1)))]
    blocks = ["stage1_block1", "stage1_block2", "stage2_block1"]
    assert found == [{"stem"}, *({block} for block in blocks), {"head"}]


@pytest.mark.parametrize(
    ("name", "arguments", "first", "last", "depths"),
    [
        (
            "vit",
            {"width": 8, "heads": 2, "blocks": 2, "patch": 4, "stem": "convolutional"},
            {"stem1", "stem1_norm", "stem2", "stem2_norm", "stem", "positions"},
            {"head_norm", "head"},
            4,
        ),
        (
            "convnext",
            {"blocks": (1, 1), "width": 8, "patch": 2},
            {"stem", "stem_norm"},
            {"head_norm", "head"},
            4,
        ),
        ("wide_resnet", {"depth": 10, "widen_factor": 1}, {"stem"}, {"head_norm", "head"}, 5),
    ],
)
def test_depths_follow_the_blocks(name, arguments, first, last, depths):
    model = network(name, **arguments)
    groups = by_depth(model)
    assert (names(groups[0]), names(groups[-1]), len(groups)) == (first, last, depths)
    assert sum(map(len, groups)) == len(model.trainable_variables)


def test_what_is_between_two_blocks_goes_with_the_next():
    groups = by_depth(network("convnext", blocks=(1, 1), width=8, patch=2))
    assert {"stage2_down", "stage2_down_norm"} < names(groups[2])
    assert all(name.startswith("stage1_block1") for name in names(groups[1]))


def test_without_blocks_each_layer_is_a_depth_with_its_norm():
    @MODELS.register("plain_of_three")
    def plain_of_three(image_shape, classes):
        images = keras.Input(image_shape)
        x = keras.layers.Rescaling(1 / 255)(images)
        for name in ("first", "second"):
            x = keras.layers.Conv2D(4, 3, name=name)(x)
            x = keras.layers.BatchNormalization(name=f"{name}_normalized")(x)
        x = keras.layers.GlobalAveragePooling2D()(x)
        return keras.Model(images, keras.layers.Dense(classes, name="last")(x))

    found = [names(group) for group in by_depth(network("plain_of_three"))]
    assert found == [{"first", "first_normalized"}, {"second", "second_normalized"}, {"last"}]
