"""Programs for XLA, beside the network in Keras' own layers."""

import json
import re

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import make_plan

from tfadv.devices.local import accelerator_assumed, compiles, has_accelerator
from tfadv.errors import UserError
from tfadv.interop.keras_form import keras_form
from tfadv.interop.stablehlo import Choice, write_stablehlo

BATCH, EPSILON, STEP = 4, 16.0, 2.0


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Returns the folder of an untrained model's programs, and the model."""
    plan = make_plan("mbn_alp", "PGD.steps = 2", f"PGD.step_size = {STEP}")
    tf.keras.utils.set_random_seed(0)
    model = plan.build_model()
    folder = tmp_path_factory.mktemp("stablehlo") / "programs"
    write_stablehlo(plan, model, folder, Choice("adv", BATCH, "float32"))
    return folder, model


def read(folder):
    """Returns the record, the arrays and what is expected."""
    arrays = (dict(np.load(folder / name)) for name in ("arrays.npz", "expected.npz"))
    return json.loads((folder / "stablehlo.json").read_text()), *arrays


@pytest.mark.slow
def test_parameters_are_those_of_the_programs_in_their_order(written):
    record, arrays, expected = read(written[0])
    names = [(one["name"], one["convolutions"]) for one in record["programs"]]
    attacks = [(n, kind) for n in ("attack_step", "attack") for kind in ("prepared", "plain")]
    assert names == [("logits", None), *attacks, ("training", None)]
    kinds = {"float32": "f32", "int32": "i32"}
    for program in record["programs"]:
        text = (written[0] / program["file"]).read_text()
        main = re.search(r"@main\((.*?)\) -> \(?(.*?)\)? \{", text, re.DOTALL)
        stated, returned = (re.findall(r"tensor<(.*?)>", part) for part in main.groups())
        assert stated == [
            "x".join([*map(str, one["shape"]), kinds[one["dtype"]]])
            for one in program["parameters"]
        ]
        assert len(returned) == len(program["outputs"])
        for one in program["parameters"]:
            assert list(arrays[one["name"]].shape) == one["shape"]
        for one in program["outputs"]:
            array = expected[f"{program['name']}/{one['name']}"]
            whole = np.prod(one["shape"], dtype=int)
            assert array.size == (min(whole, 1000) if "gradient" in one["name"] else whole)


@pytest.mark.slow
def test_what_is_expected_is_what_keras_computes(written):
    folder, model = written
    record, arrays, expected = read(folder)
    stock = keras_form(model, "adv")
    logits = stock(arrays["images"], training=False).numpy()
    np.testing.assert_allclose(expected["logits/logits"], logits, rtol=1e-4, atol=1e-5)
    targets = (arrays["labels"] + 1 + arrays["draw"] % (model.classes - 1)) % model.classes
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
    np.testing.assert_allclose(expected["logits/losses"], losses, rtol=1e-4)
    x = tf.constant(arrays["iterate"])
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, stock(x, training=False))
    moved = (x - STEP * tf.sign(tape.gradient(loss, x))).numpy()
    low, high = arrays["images"] - EPSILON, arrays["images"] + EPSILON
    moved = np.clip(np.clip(moved, low, high), 0, 255)
    assert np.mean(np.abs(expected["attack_step/iterate"] - moved) < 1e-3) > 0.999
    assert np.abs(expected["attack/iterate"] - arrays["images"]).max() <= EPSILON
    flops = {(one["name"], one["convolutions"]): one["flops"] for one in record["programs"]}
    forward = flops["logits", None]
    assert flops["attack_step", "plain"] == 2 * forward and flops["attack", "plain"] == 4 * forward
    assert flops["training", None] == 3 * forward > 0


@pytest.mark.slow
def test_attacks_are_those_of_an_accelerator(written):
    """The batch stays outside: a CPU's layout is of three dimensions."""
    text = (written[0] / "attack.mlir").read_text()
    assert "[b, 0, 1, f]x" in text and "[b, 0, 1, 2, f]x" not in text


def test_an_accelerator_can_be_assumed():
    with accelerator_assumed():
        assert has_accelerator() and compiles("auto")
    assert has_accelerator() == bool(tf.config.list_logical_devices("GPU"))


@pytest.mark.parametrize(
    ("binding", "dtype", "said"),
    [
        ("Experiment.attack = 'apgd'", "float32", "the programs are of attacks of PGD's kind"),
        ("PGD.steps = 2", "float16", "--dtype is 'float16'"),
    ],
)
def test_what_has_no_programs_is_refused(binding, dtype, said, tmp_path):
    plan = make_plan("clean" if "apgd" in binding else "mbn_alp", binding)
    with pytest.raises(UserError, match=said):
        write_stablehlo(plan, plan.build_model(), tmp_path / "x", Choice(None, BATCH, dtype))
    assert not (tmp_path / "x").exists()
