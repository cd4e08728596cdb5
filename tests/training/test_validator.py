"""What a validation finds in a model, against what is known of it."""

import numpy as np
import pytest
import tensorflow as tf
from shared.smoke_trainers import mirrored, one_device, randomized
from shared.validated_runs import ONE_STEP, plan_of

from tfadv.attacks.fgsm import FGSM
from tfadv.data.pipeline import some_examples
from tfadv.training.history import History
from tfadv.training.validator import Validator, apart


@pytest.mark.usefixtures("op_by_op")
def test_a_record_says_what_the_model_does(tmp_path):
    plan = plan_of(*ONE_STEP)
    trainer = randomized(one_device(plan))
    record = Validator(trainer)(History())
    batch = some_examples(plan.validation.source, 16)
    images, labels = batch["image"], batch["label"]
    logits_fn = trainer.model.logits_fn()
    attacked = FGSM(plan.threat_model.epsilon)(
        logits_fn, images, labels, tf.zeros([16, 2], tf.int64)
    )
    right = [np.mean(np.argmax(logits_fn(x), -1) == labels) for x in (images, attacked)]
    branch = record["branches"]["main"]
    assert [branch["clean"], branch["one_step"]] == right
    assert record["accuracy"]["trained"]["main"]["clean"] == right[0]
    assert branch["zero_gradients"] == 0 and 0 <= branch["robust"] <= right[0]
    assert record["largest"]["logits"] == pytest.approx(np.abs(logits_fn(images)).max(), rel=1e-5)
    largest = max(np.abs(v).max() for v in trainer.variables if tf.as_dtype(v.dtype).is_floating)
    assert record["largest"]["variables"] == pytest.approx(largest)
    assert record["drift"] == {"branches": None, "replicas": None} and record["chance"] == 0.25

    # Logits that no image changes, and then those of which a float32 loss is 0.
    for variable in trainer.model.variables:
        if "head" in variable.path or "logits" in variable.path or "dense" in variable.path:
            variable.assign(tf.zeros_like(variable))
    dead = Validator(trainer)(History())
    assert dead["branches"]["main"]["zero_gradients"] == 1
    assert dead["branches"]["main"]["unmoved"] == 1
    assert list(dead["alarms"]) == ["dead_gradients"]


@pytest.mark.slow
def test_replicas_find_what_one_device_finds():
    records = []
    for make in (one_device, mirrored):
        plan = plan_of("Training.average_decay = 0.5", *ONE_STEP, recipe="mbn")
        records.append(Validator(randomized(make(plan)))(History()))
    one, two = records
    assert one["accuracy"] == two["accuracy"] and one["value"] == two["value"]
    assert two["drift"]["replicas"] == 0 and one["drift"]["branches"] == two["drift"]["branches"]


def test_how_far_arrays_are_apart():
    ones, threes = np.ones(4), np.full(4, 3.0)
    assert apart([ones]) is None and apart([ones, ones]) == 0
    assert apart([ones, threes]) == 1 and apart([np.zeros(4), ones]) == 2
    assert apart([ones, 1.5 * ones, threes]) == 1 and apart([np.zeros(2)] * 2) == 0
