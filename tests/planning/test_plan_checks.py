"""Choices that can't go together are refused before any work starts, odd ones are warned of."""

import pytest
from shared.smoke_trainers import make_plan
from shared.tiny_data import dim_examples, npz_bindings, write_npz

from tfadv import config
from tfadv.errors import UserError
from tfadv.planning.evaluation_parts import evaluation_parts

INITIAL = "Experiment.initial_weights = 'runs/some'"


@pytest.mark.parametrize(
    ("recipe", "bindings", "message"),
    [
        ("mbn_frozen", [], r"epochs = 1 of Training.epochs = 1 freeze .*Experiment.initial_w"),
        (
            "adv_100_clean_0_frozen",
            ["NormPolicy.freeze_last_epochs = 9"],
            "freeze_last_epochs = 9 of Training.epochs = 1 freeze",
        ),
        (
            "gn",
            ["NormPolicy.freeze = 'affine'"],
            "on what nothing has trained .NormPolicy.freeze = 'affine'.: make",
        ),
        ("clean", ["NormPolicy.training_statistics = 'running'"], "that nothing has measured"),
        ("mbn", ["NormPolicy.update = False"], "NormPolicy.update = False leaves"),
    ],
)
def test_untrained_weights_are_not_frozen(recipe, bindings, message):
    with pytest.raises(UserError, match=message):
        make_plan(recipe, *bindings)
    assert make_plan(recipe, *bindings, INITIAL).training.epochs == 1


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        (["Experiment.new_head = True"], "new_head = True needs Experiment.initial_weights"),
        (["Experiment.initial_norm_branch = 'adv'"], "initial_norm_branch = 'adv' needs Exp"),
        (
            [INITIAL, "Experiment.new_head = True", "Training.epochs = 0"],
            "last layer that Training.epochs = 0 leaves untrained",
        ),
        (
            [INITIAL, "Experiment.new_head = True", "Training.train_only = 'norms'"],
            "last layer that Training.train_only = 'norms' leaves untrained",
        ),
    ],
)
def test_what_is_taken_over_needs_a_source_and_a_head_training(bindings, message):
    with pytest.raises(UserError, match=message):
        make_plan("clean", *bindings)


def test_a_keras_file_is_a_start(tmp_path):
    """It brings weights: norms alone can be trained, and all of its branches are trained ones."""
    file = ["Experiment.model = 'keras'", f"Keras.path = '{tmp_path / 'm.keras'}'"]
    plan = make_plan("clean", *file, "Training.train_only = 'norms'")
    assert plan.model_file == str(tmp_path / "m.keras")


@pytest.mark.parametrize(
    ("branch", "trained"), [("every", "clean adv"), ("clean", "clean adv"), ("adv", "adv")]
)
def test_a_branch_that_nothing_was_given_to_is_no_trained_one(branch, trained):
    bound = [
        INITIAL,
        f"Experiment.initial_norm_branch = '{branch}'",
        "Adversarial.clean_ratio = 0.0",
    ]
    plan = make_plan("mbn", *bound)
    model = plan.build_model()
    assert plan.branches(model) == tuple(trained.split())


@pytest.mark.parametrize(
    ("recipe", "bindings"),
    [
        ("mbn_frozen", ["Training.epochs = 2"]),
        ("gn", ["NormPolicy.freeze = 'statistics'"]),  # it has none
        ("gn", ["NormPolicy.update = False"]),
        (
            "mbn",  # the attack measures them
            [
                "NormPolicy.training_statistics = 'running'",
                "NormPolicy.attack_statistics = 'batch'",
                "NormPolicy.attack_update = True",
            ],
        ),
    ],
)
def test_measured_or_missing_statistics_may_be_frozen(recipe, bindings):
    assert make_plan(recipe, *bindings).warnings == ()


def test_training_and_evaluation_see_images_of_one_size():
    crop = "Experiment.augmentation = 'inception_crop'"
    with pytest.raises(UserError, match="InceptionCrop.image_size = 12 makes .* on 8x8: bind both"):
        make_plan("clean", crop, "InceptionCrop.image_size = 12")
    assert make_plan("clean", crop, "InceptionCrop.image_size = 8").warnings == ()


def test_attacks_that_need_more_classes_are_refused_before_any_work():
    two = "synthetic.classes = 2"
    for binding in ("Evaluation.attacks = ('apgd_targeted',)", "PGD.loss = 'dlr'"):
        with pytest.raises(UserError, match="classes"):
            make_plan("mbn", two, binding)


def test_autoattack_on_few_classes_is_told_before_any_work():
    few = ["synthetic.classes = 2", "Evaluation.attacks = ('autoattack',)"]
    told = (
        "autoattack is run without apgd_targeted (its loss needs 4 classes, not 2): APGD-CE, "
        "FAB-T, Square"
    )
    assert told in make_plan("mbn", *few).warnings
    parts = evaluation_parts(config.read(["gin/scale/smoke.gin"], few))
    assert told in parts.warnings
    assert list(parts.attacks["autoattack"].stages()) == ["apgd", "fab_targeted", "square"]


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        (
            ["PGD.epsilon = 0.03137"],
            "epsilon = 0.03137 of the training attack, pgd10/pgd is less than one of a pixel's 255 "
            "levels: if images in 0..1 are meant, bind 7.99935",
        ),
        (["eval/PGD.epsilon = 130.0"], "epsilon = 130 of pgd10/pgd allows one and the same grey"),
        (["eval/PGD.epsilon = 130.0", "PGD.ball = 'l2'"], None),
        (["PGD.epsilon = 0.0"], None),
        (["NormPolicy.ghost_batch_size = 1"], "batch statistics are taken of one image at a time"),
        (["Training.micro_batch_size = 1"], "batch statistics are taken of one image at a time"),
        (
            ["LearningRate.warmup_epochs = 3", "LearningRate.warmup_start = 0.0"],
            "the learning rate still rises when Training.epochs = 1 end",
        ),
        (["StepDecay.boundaries = (2, 3)"], "the learning rate never falls: StepDecay.boundaries"),
        (["StepDecay.boundaries = (0.5, 3)"], None),
        # 10⁹ + 1 passes for each of 20 images, 8.64·10⁸ of which are a day's.
        (
            ["eval/pgd10/PGD.steps = 1000000000"],
            "pgd10/pgd takes 2e+10 forward and backward passes, 1,000,000,001 for each of 20 "
            "images: 23 days at 10,000 a second",
        ),
        (["PGD.steps = 2000000000"], "the training attack 'pgd' takes 6.4e+10 forward and backwa"),
    ],
)
def test_unlikely_choices_are_warned_of(bindings, message):
    warnings = make_plan("mbn", *bindings).warnings
    assert len(warnings) == (message is not None)
    assert message is None or warnings[0].startswith(message)


def test_each_of_several_long_attacks_is_warned_of():
    long = ("PGD.steps = 2000000000", "l2/PGD.steps = 2000000000")
    warnings = make_plan("plugins/threat_mixture", *long).warnings
    named = [warning.split(" takes ")[0] for warning in warnings]
    assert named == ["the training attack 'pgd'", "the training attack 'l2/pgd'"]


def test_an_evaluation_says_what_is_odd_about_its_images(tmp_path):
    write_npz(tmp_path / "dim.npz", *dim_examples(20))
    bindings = npz_bindings(tmp_path, "dim.npz", "dim.npz")
    files = ["gin/base.gin", "gin/scale/smoke.gin"]
    read = config.read(files, bindings)
    (warning,) = evaluation_parts(read).warnings
    assert warning.startswith("npz.test: the largest pixel is 16, of 255")
    forever = ["eval/pgd10/PGD.steps = 1000000000", "Evaluation.restarts = 3"]
    (warning,) = evaluation_parts(config.read(files, forever)).warnings
    assert warning.endswith("69 days at 10,000 a second")
    with pytest.raises(UserError, match="Experiment.seed must be a whole number in 0..2³¹-1"):
        evaluation_parts(config.read(files, ["Experiment.seed = -1"]))
