"""`tfadv.fit`: what it trains, what it refuses, and that it leaves its caller alone."""

import re
import signal
import subprocess
import sys
import threading
import time

import gin
import numpy as np
import pytest
from api.conftest import fitted
from shared.smoke_trainers import SMOKE

import tfadv
from tfadv.runs.checkpoints import read_step
from tfadv.strategies.adversarial import Adversarial

RECIPE = ("gin/mbn_alp.gin", SMOKE)
BINDINGS = ("Experiment.deterministic = True", "Training.epochs = 1")


def weights(folder):
    _, values = read_step(folder / "checkpoints")
    return {path: np.asarray(value) for path, value in values.items()}


def same(found, expected):
    assert found.keys() == expected.keys() != set()
    for path, value in expected.items():
        np.testing.assert_array_equal(found[path], value, err_msg=path)


@pytest.mark.slow
def test_it_equals_the_command_bit_for_bit(tmp_path):
    files = [f"--gin_file={file}" for file in RECIPE]
    bindings = [f"--gin_bindings={binding}" for binding in BINDINGS]
    command = [sys.executable, "-m", "tfadv.train", *files, *bindings]
    subprocess.run([*command, f"--model_dir={tmp_path / 'command'}"], check=True)
    code = (
        f"import tfadv; recipe = tfadv.from_gin(*{RECIPE!r}, bindings={BINDINGS!r}); "
        f"tfadv.fit(recipe, folder={str(tmp_path / 'python')!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    same(weights(tmp_path / "python"), weights(tmp_path / "command"))
    named = [tmp_path / who / "config.gin" for who in ("python", "command")]
    assert named[0].read_text() == named[1].read_text()
    opened = [tfadv.open_run(tmp_path / who).results for who in ("python", "command")]
    assert opened[0] == opened[1]


def test_what_it_says_in_gin_trains_the_same(data, run, tmp_path):
    (x, y), (x_test, y_test) = data
    for name, images, labels in (("train", x, y), ("test", x_test, y_test)):
        np.savez(tmp_path / f"{name}.npz", image=images, label=labels)
    run.to_gin(tmp_path / "said.gin")
    bindings = [f"npz.{name} = '{tmp_path / name}.npz'" for name in ("train", "test")]
    bindings += ["Experiment.dataset = 'npz'", "npz.channels = 1"]
    again = tfadv.from_gin(str(tmp_path / "said.gin"), bindings=bindings)
    trained = tfadv.fit(again, quiet=True)
    same(weights(trained.folder), weights(run.folder))


def test_history_and_validations(run):
    assert [row["step"] for row in run.history] == [1]
    (found,) = run.validations
    assert found["examples"] == 8
    assert set(found["accuracy"]["trained"]) == {"clean", "adv"}
    assert (
        run.results["clean"]["adv"]["accuracy"]
        == run.at("best").results["clean"]["adv"]["accuracy"]
    )


def test_the_same_call_resumes_and_then_returns(data, tmp_path):
    class StoppedError(Exception):
        pass

    def stop(record):
        raise StoppedError

    arguments = {"folder": tmp_path / "run", "epochs": 2, "validation": 8}
    with pytest.raises(StoppedError):
        fitted("resnet", data, callbacks=[stop], **arguments)
    heard = []
    resumed = fitted("resnet", data, callbacks=[heard.append], **arguments)
    assert [record["epoch"] for record in heard] == [2.0]  # the first was noted before
    after = weights(resumed.folder)
    again = fitted("resnet", data, callbacks=[heard.append], **arguments)
    assert len(heard) == 1 and again.results == resumed.results
    same(weights(again.folder), after)


@pytest.mark.slow
def test_stopped_and_resumed_it_is_an_unbroken_run(data, tmp_path):
    def stop(record):
        raise KeyboardInterrupt

    arguments = {"epochs": 2, "validation": 8}
    with pytest.raises(KeyboardInterrupt):
        fitted("resnet", data, callbacks=[stop], folder=tmp_path / "run", **arguments)
    resumed = fitted("resnet", data, folder=tmp_path / "run", **arguments)
    unbroken = fitted("resnet", data, **arguments)
    same(weights(resumed.folder), weights(unbroken.folder))
    assert resumed.results == unbroken.results


def test_a_callback_ends_the_training(data, capsys):
    found = fitted("resnet", data, epochs=3, validation=8, callbacks=[lambda record: True])
    assert capsys.readouterr().out == ""  # it is quiet
    assert found.results["stopped_early"] == {"step": 1, "reason": "a callback asked for it"}


def test_a_folder_of_another_run_is_refused(data, keras_model, tmp_path):
    fitted("resnet", data, folder=tmp_path / "run")
    with pytest.raises(tfadv.UserError, match=r"Training.epochs: 1 → 2.*choose another folder"):
        fitted("resnet", data, folder=tmp_path / "run", epochs=2)
    fitted(keras_model, data, folder=tmp_path / "keras")
    other = type(keras_model).from_config(keras_model.get_config())
    with pytest.raises(tfadv.UserError, match=r"model\.keras' is another Keras model"):
        fitted(other, data, folder=tmp_path / "keras")


def test_parts_are_names_built_ones_or_names_with_parameters(data):
    found = fitted(
        tfadv.network("resnet", norm=tfadv.part("group_norm", groups=2)),
        data,
        strategy=Adversarial(clean_ratio=0.5, label_smoothing=0.0),
        optimizer=tfadv.part("AdamW", weight_decay=0.01),
        attack="fgsm",
        decay="cosine",
        augmentation=tfadv.part("crop_and_flip", padding=1),
        settings={
            "PGD.epsilon": tfadv.Schedule(((0, 0.0), (1, 8.0))),
            "Training.weight_decay": 0.0,
        },
    )
    plan = found.trained.plan
    assert plan.strategy.clean_ratio == 0.5
    assert plan.strategy.label_smoothing == 0.0
    assert plan.attack.schedules["epsilon"].points == ((0, 0.0), (1, 8.0))
    assert plan.augmentation.padding == 1
    assert {norm.groups for norm in found.trained.model.norms.values()} == {2}
    text = found.to_gin()
    assert "AdamW.weight_decay = 0.01" in text
    assert "GroupNorm.groups = 2" in text


def test_the_training_attack_lends_no_goal_to_others(data):
    found = fitted("resnet", data, attack=tfadv.PGD(16, steps=2, step_size=8, targeted=False))
    assert not found.trained.plan.attack.targeted
    result = tfadv.evaluate(found, attacks=["pgd10"], quiet=True)
    (first, *_) = result.record["attacks"]
    assert first["targeted"] and first["epsilon"] == 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"strategy": "logit_paring"}, "no strategy is called.*Did you mean 'logit_pairing'"),
        ({"strategy": tfadv.part("standard", smoothing=0.1)}, "Standard has no parameter"),
        ({"attack": 8}, "attack: a int is no attack: give the name of one"),
        ({"settings": {"PGD.stesp": 3}}, "settings=.*PGD has no parameter 'stesp'"),
        ({"settings": {"PGD.steps": np.zeros(2)}}, "PGD.steps: a ndarray can't be written"),
        ({"batch_size": 64}, "Training.batch_size must be <= 32"),
        ({"epochs": -1}, "Training.epochs must be >= 0"),
        ({"validation": 40}, "Validation.images must hold out some of the 32"),
        ({"epoch": 3}, "fit takes no 'epoch', but .*Did you mean 'epochs'"),
        ({"learning_rate": "fast"}, "learning_rate must be a number > 0, got 'fast'"),
        ({"learning_rate": 0.1, "batch_size": 0}, "batch_size must be a number > 0, got 0"),
        ({"plugins": "plugins.nothing"}, "no module 'plugins.nothing'|plugins.nothing"),
    ],
)
@pytest.mark.parametrize("network", ["resnet", "keras"])
def test_mistakes_are_one_line_and_leave_nothing(
    arguments, message, network, data, keras_model, tmp_path
):
    model = keras_model if network == "keras" else network
    with pytest.raises(tfadv.UserError, match=message) as raised:
        fitted(model, data, folder=tmp_path / "run", **arguments)
    assert "\n" not in raised.value.message
    assert not (tmp_path / "run").exists()


def test_a_file_of_the_users_is_not_overwritten(data, keras_model, tmp_path):
    other = type(keras_model).from_config(keras_model.get_config())
    other.save(tmp_path / "model.keras")
    before = (tmp_path / "model.keras").read_bytes()
    with pytest.raises(tfadv.UserError, match="is another Keras model: choose another folder"):
        fitted(keras_model, data, folder=tmp_path)
    (tmp_path / "taken").write_text("")
    with pytest.raises(tfadv.UserError, match="'.*taken' is a file"):
        fitted(keras_model, data, folder=tmp_path / "taken")
    assert (tmp_path / "model.keras").read_bytes() == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other/thesis.txt").write_text("")
    with pytest.raises(tfadv.UserError, match="is not empty and holds no run"):
        fitted(keras_model, data, folder=tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.txt"]


def test_none_stands_for_the_default(data):
    nothing = dict.fromkeys(("learning_rate", "validation", "optimizer", "seed"))
    plan = fitted("resnet", data, **nothing).trained.plan
    assert plan.validation is None and plan.experiment.optimizer == "momentum_sgd"


def test_a_recipe_says_everything():
    recipe = tfadv.from_gin(*RECIPE)
    with pytest.raises(tfadv.UserError, match="epochs: a recipe says that already"):
        tfadv.fit(recipe, epochs=3)


def test_the_callers_gin_and_generators_are_untouched(data):
    @gin.configurable(module="mine")
    def mine(value=0):
        return value

    gin.parse_config("mine.value = 7")
    gin.bind_parameter("PGD.steps", 99)
    np.random.seed(3)
    expected = np.random.RandomState(3).uniform()
    heard = []
    fitted("resnet", data, validation=8, callbacks=[lambda _: heard.append(mine())])
    assert heard == [7]
    assert mine() == 7
    assert gin.query_parameter("PGD.steps") == 99
    assert not gin.config_is_locked()
    assert np.random.uniform() == expected


def test_it_trains_in_another_thread(data):
    found = []
    thread = threading.Thread(target=lambda: found.append(fitted("resnet", data)))
    thread.start()
    thread.join()
    assert found[0].results["clean"]


def test_it_tells_how_far_it_is_unless_it_is_to_be_quiet(data, capsys):
    fitted("resnet", data, quiet=False, validation=8)
    assert "new best" in capsys.readouterr().out


LONG = """
import sys, numpy, tfadv
images, labels = numpy.full((32, 6, 6, 1), 200, numpy.uint8), numpy.arange(32) % 3
settings = {"ResNet.blocks": (1,), "ResNet.width": 4, "Training.steps_per_call": 1}
tfadv.fit("resnet", ((images, labels),) * 2, epochs=int(sys.argv[2]), batch_size=16,
          strategy="standard", settings=settings, folder=sys.argv[1])
"""


@pytest.mark.slow
def test_an_interrupt_saves_and_says_so(tmp_path):
    command = [sys.executable, "-c", LONG, str(tmp_path / "run"), "100000"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    metrics = tmp_path / "run/metrics.jsonl"
    while not (metrics.is_file() and metrics.stat().st_size) and running.poll() is None:
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    (step,) = re.findall(r"^KeyboardInterrupt: stopped by SIGINT at step (\d+), saved;", said, re.M)
    assert read_step(tmp_path / "run/checkpoints")[0] == int(step)
