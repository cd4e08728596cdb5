"""Figures of norm statistics draw the record; the diagram draws what the norms really see."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from shared.keras_models import network_of, small_cnn
from shared.norm_statistics import of_network, statistics
from shared.tiny_networks import tiny_resnet

from tfadv.errors import UserError
from tfadv.models.resnet import ResNet
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.group_norm import GroupNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm
from tfadv.norms.mode import ADV, CLEAN
from tfadv.norms.policy import NormPhase
from tfadv.plots.style import DARK, png
from tfadv.reproduction.norm_sample import sampled
from tfadv.reproduction.report import statistics_figures as figures
from tfadv.reproduction.report.diagram import diagram, routes
from tfadv.strategies import Network, Strategy
from tfadv.strategies.adversarial import Adversarial
from tfadv.strategies.standard import Standard

BLOCK = "stage2_block2"


def bars(axes):
    """Returns the heights of the bars by their series."""
    return {bars.get_label(): [bar.get_height() for bar in bars] for bars in axes.containers}


def medians(axes):
    """Returns the y values of the lines by their labels."""
    return {
        line.get_label(): list(line.get_ydata())
        for line in axes.lines
        if not line.get_label().startswith("_")
    }


def test_figure_5_draws_the_branches_running_statistics():
    found = of_network()
    figure = figures.of_branches(found, BLOCK)
    sample = sampled(found, BLOCK)
    for axes, what in zip(figure.axes, ("mean", "variance"), strict=True):
        expected = {
            f"{branch} branch": [
                norm["running"][branch][what][channel] for norm, channel in sample.places
            ]
            for branch in ("clean", "adv")
        }
        assert bars(axes) == expected
        assert f"Running {what}, {BLOCK}" == axes.get_title(loc="left")
    assert figure.axes[1].get_xlabel() == "channels"
    names = [label.get_text().strip() for label in figure.axes[1].get_xticklabels()]
    assert names == ["reduce", "spatial", "expand"]


def test_figure_6_draws_two_batches_beside_the_running_statistics():
    found = of_network()
    for branch, chosen in (("clean", "clean"), (None, "adv")):
        figure = figures.of_batches(found, BLOCK, branch)
        for axes, what in zip(figure.axes, ("mean", "variance"), strict=True):
            places = sampled(found, BLOCK).places
            assert bars(axes) == {
                f"batch {n + 1}": [norm["batches"][chosen][n][what][c] for norm, c in places]
                for n in range(2)
            } | {"running": [norm["running"][chosen][what][c] for norm, c in places]}


def test_the_whole_network_is_drawn_by_the_medians_of_its_norms():
    found = of_network()
    means, variances = map(medians, figures.by_depth(found).axes)
    labels = ["adv branch against clean branch", "two batches of the adv branch"]
    assert list(means) == list(variances) == labels
    for label, pair in (
        (labels[0], lambda norm: (norm["running"]["adv"], norm["running"]["clean"])),
        (labels[1], lambda norm: norm["batches"]["adv"]),
    ):
        for number, norm in enumerate(found["norms"]):
            one, other = (
                {key: np.array(value) for key, value in each.items()} for each in pair(norm)
            )
            spread = np.sqrt((one["variance"] + other["variance"]) / 2)
            apart = np.median(np.abs(one["mean"] - other["mean"]) / spread)
            ratio = np.median(np.log2(one["variance"] / other["variance"]))
            assert means[label][number] == pytest.approx(apart)
            assert variances[label][number] == pytest.approx(ratio)


def test_one_branch_is_compared_with_its_batches_and_three_with_the_first():
    one = medians(figures.by_depth(of_network(branches=("main",))).axes[0])
    assert list(one) == ["batch 1 against running", "batch 2 against running"]
    three = medians(figures.by_depth(of_network(branches=("clean", "adv", "weak"))).axes[1])
    assert list(three)[:2] == [
        "adv branch against clean branch",
        "weak branch against clean branch",
    ]
    assert len(figures.of_branches(of_network(branches=("a", "b", "c"))).axes[0].containers) == 3


def test_drawings_say_which_channels_and_draw_on_any_ground():
    found = of_network()
    for kind, expected in (("branches", 2), ("batches", 2)):
        drawn = figures.drawings(kind, found, BLOCK, "figure_")
        assert len({one.file for one in drawn}) == expected
        assert all(one.file.startswith(f"figure_{kind}") for one in drawn)
        assert sampled(found, BLOCK).describe() in drawn[0].caption
        for one in drawn:
            assert png(one.draw(theme=DARK)).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("draw", "record", "message"),
    [
        (
            figures.of_branches,
            of_network(branches=("main",)),
            "has trained one in this run",
        ),
        (figures.of_branches, statistics([], ("main",), "group_norm"), "no running statistics"),
        (figures.of_batches, statistics([], ("main",), "group_norm"), "no running statistics"),
        (figures.by_depth, statistics([], ("main",), "group_norm"), "no running statistics"),
    ],
)
def test_what_can_t_be_drawn_is_refused_in_one_line(draw, record, message):
    with pytest.raises(UserError, match=message) as found:
        draw(record)
    assert "\n" not in str(found.value)


def test_a_norm_that_says_nothing_of_its_batches_is_refused():
    found = of_network(branches=("main",))
    for norm in found["norms"]:
        norm["batches"] = {}
    with pytest.raises(UserError, match="says nothing of its batches"):
        figures.of_batches(found)


class Kinds(Strategy):
    """Any kinds in any branches."""

    def __init__(self, kinds):
        super().__init__()
        self._kinds = kinds

    @property
    def kinds(self):
        return self._kinds

    def training_images(self, network, attack, images, labels, seeds):
        raise NotImplementedError

    def loss(self, logits, labels):
        raise NotImplementedError


THREE = {CLEAN: CLEAN, ADV: ADV, "weak": "weak"}


def of_three_branches():
    def make(**arguments):
        return MixtureBatchNorm(("clean", "adv", "weak"), **arguments)

    return ResNet((1,), (8, 8, 3), 5, make, width=4, stem="small")


CASES = [
    (lambda: tiny_resnet("batch", (1,)), Adversarial(), {"main": ["clean", "adv"]}),
    (lambda: tiny_resnet("batch", (1,)), Standard(), {"main": ["clean"]}),
    (lambda: tiny_resnet("mixture", (1,)), Adversarial(), {"clean": ["clean"], "adv": ["adv"]}),
    (lambda: tiny_resnet("mixture", (1,)), Adversarial(0.0), {"clean": [], "adv": ["adv"]}),
    (of_three_branches, Kinds(THREE), {kind: [kind] for kind in THREE}),
    (
        of_three_branches,
        Kinds(THREE | {"weak": ADV}),
        {"clean": ["clean"], "adv": ["adv", "weak"], "weak": []},
    ),
]


@pytest.mark.parametrize(("make", "strategy", "expected"), CASES)
def test_figure_4_is_what_the_norms_measure(make, strategy, expected):
    """Of images that differ by kind, each branch measures the mean of those drawn into it."""
    model = make()
    found = {route.branch: list(route.kinds) for route in routes(model, strategy)}
    assert found == expected
    random = np.random.default_rng(0)
    images = {
        kind: tf.constant(random.uniform(0, 255, (4, 8, 8, 3)), tf.float32)
        for kind in strategy.kinds
    }
    network = Network(model, NormPhase(), strategy.kinds)
    _, collected = network.train_logits(images)
    for branch, kinds in found.items():
        moments = model.stem.norm.batch_statistics(collected, branch)
        if not kinds:
            assert moments is None
            continue
        mixed = np.concatenate([images[kind] for kind in kinds])
        maps = tf.nn.conv2d(mixed / 127.5 - 1, model.stem.kernel, 1, "SAME")
        np.testing.assert_allclose(moments[0], np.mean(maps, (0, 1, 2)), atol=1e-5)


@pytest.mark.parametrize(("make", "strategy", "expected"), CASES)
def test_figure_4_says_what_it_draws(make, strategy, expected):
    figure = diagram(make(), strategy, DARK)
    texts = [text.get_text() for text in figure.axes[0].texts]
    for branch, kinds in expected.items():
        name = "one norm" if branch == "main" else f"{branch} branch"
        (box,) = (text for text in texts if text.startswith(f"{name}\n"))
        assert (" + ".join(kinds) or "no images") in box and ("mixed" in box) == (len(kinds) > 1)
    attacked = [text.split(" ")[0] for text in texts if text.endswith(" images\nattacked")]
    assert attacked == list(strategy.attacked_kinds)
    arrows = [text for text in figure.axes[0].texts if hasattr(text, "arrow_patch")]
    assert sum(one.arrow_patch is not None for one in arrows) == 3 * len(strategy.kinds)
    assert png(figure).startswith(b"\x89PNG")


def test_group_norm_has_no_mini_batch():
    model = tiny_resnet("group", (1,))
    assert isinstance(model.stem.norm, GroupNorm)
    texts = [text.get_text() for text in diagram(model, Adversarial()).axes[0].texts]
    assert "GroupNorm: 2 kinds of images" in texts and "one norm\nkeeps no statistics" in texts


def test_figure_4_names_the_layers_of_any_network():
    def texts(model):
        return [text.get_text() for text in diagram(model, Adversarial()).axes[0].texts]

    said = texts(network_of(small_cnn(), MixtureBatchNorm))
    assert "3×3 convolution, the same for all images" in said and "ReLU" in said
    assert "MixtureBatchNorm: 2 kinds of images, 2 mini-batches" in said
    x = keras.Input((8, 8, 3))
    y = layers.DepthwiseConv2D((1, 5))(x)
    y = layers.Activation("silu")(layers.BatchNormalization()(y))
    said = texts(network_of(keras.Model(x, layers.Flatten()(y)), BatchNorm))
    assert "1×5 depthwise convolution, the same for all images" in said and "silu" in said
    with pytest.raises(UserError, match="'mine' has no norm: there is nothing to draw"):
        diagram(network_of(keras.Model(x, layers.Flatten()(x)), BatchNorm), Adversarial())


def test_a_branch_that_the_norm_lacks_is_refused():
    with pytest.raises(UserError, match="trains the branch 'weak', but the norm has clean, adv"):
        diagram(tiny_resnet("mixture", (1,)), Kinds(THREE))
