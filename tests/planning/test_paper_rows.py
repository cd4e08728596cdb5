"""Which row of the paper a configuration is: by its science, and by the sizes that were chosen."""

import pytest

from tfadv import config
from tfadv.paper import PUBLISHED_SCALE, ROWS
from tfadv.planning.paper_rows import nearest_row, recipe_of

MBN, PGD10 = "gin/mbn.gin", "gin/attack/pgd10.gin"
FROZEN = "gin/adv_100_clean_0_frozen.gin"
DIGITS = "gin/scale/digits.gin"
# The sizes of these overlays are the scale's own: nothing in the values tells that they were given.
LIKE_ITS_SCALE = {
    "cifar10": PGD10,
    "cifar10_laptop": "gin/attack/pgd5.gin",
    "cifar10_minutes": "gin/attack/pgd5.gin",
}
SCALES = ["digits", "smoke", "imagenet", "imagenet_1gpu", "imagenet_8gpu", *LIKE_ITS_SCALE]


def recipe(*files, bindings=()):
    return recipe_of(config.read(files, bindings).values)


@pytest.mark.parametrize("scale", SCALES)
def test_every_row_is_itself_at_every_scale(scale):
    for row in ROWS:
        values = config.values_of([*row.files, f"gin/scale/{scale}.gin"])
        expected = tuple(file for file in row.files if file != LIKE_ITS_SCALE.get(scale))
        assert recipe_of(values) == expected, row.files


def test_a_scale_s_sizes_stand_for_the_paper_s():
    assert config.values_of([MBN, DIGITS])["PGD.steps"] == 10
    assert recipe(MBN) == recipe(MBN, DIGITS) == (MBN,)
    assert recipe(MBN, PGD10) == (MBN, PGD10)
    sizes = ("PGD.steps = 7", "Training.epochs = 3", "Training.batch_size = 32", "ResNet.width = 8")
    assert recipe(MBN, bindings=sizes) == (MBN,)
    assert recipe(MBN, bindings=("PGD.steps = 10", "PGD.step_size = 2.0")) == (MBN, PGD10)
    assert recipe(MBN, bindings=("Training.batch_size = 512",)) == (MBN,)  # no row of MBN's
    assert recipe(FROZEN, bindings=("Training.batch_size = 512",)) == (FROZEN, "gin/batch/512.gin")
    finetuned = "gin/finetune/clean_images.gin"
    start = "Experiment.initial_weights = 'somewhere'"
    assert recipe(finetuned, bindings=(start, "Training.epochs = 1")) == (finetuned,)


def test_files_that_make_a_row_otherwise_named():
    assert recipe("gin/table3/8_pgd30.gin") == ("gin/alp.gin",)
    assert recipe("gin/table3/7_resnet152.gin") == ("gin/alp.gin", PGD10)
    assert recipe("gin/table3/6_128_gpus.gin") == ("gin/table3/6_128_gpus.gin",)
    assert recipe(FROZEN, "gin/batch/4096.gin", PUBLISHED_SCALE) == (FROZEN,)
    assert recipe(FROZEN, "gin/depth/152.gin", PUBLISHED_SCALE) == (FROZEN,)


@pytest.mark.parametrize("scale", [DIGITS, PUBLISHED_SCALE])
def test_the_overlays_of_two_rows_are_none_of_them(scale):
    assert recipe(FROZEN, "gin/batch/512.gin", "gin/depth/200.gin", scale) is None
    assert recipe(FROZEN, "gin/batch/512.gin", PGD10, scale) is None


def test_at_the_paper_s_scales_sizes_count():
    for scale in ("imagenet", "imagenet_1gpu"):
        files = (MBN, f"gin/scale/{scale}.gin")
        assert recipe(*files) == (MBN,)
        for size in ("PGD.steps = 7", "Training.epochs = 100", "imagenet.image_size = 64"):
            assert recipe(*files, bindings=(size,)) is None


def test_a_scale_without_a_file_of_its_own():
    """Nothing says which sizes it has by itself: the values decide."""
    values = config.values_of([MBN, DIGITS]) | {"Experiment.scale": "mine"}
    assert recipe_of(values) == (MBN,)
    assert recipe_of(values | {"PGD.step_size": 2.0}) == (MBN, PGD10)


SCIENCE = [
    (MBN, "Adversarial.clean_weight = 0.7"),
    (MBN, "Adversarial.clean_ratio = 0.5"),
    (MBN, "Adversarial.clean_ratio = 0.0"),
    (MBN, "Adversarial.clean_label_smoothing = 0.0"),
    (MBN, "Experiment.optimizer = 'rmsprop'"),
    (MBN, "Experiment.attack = 'fgsm'"),
    (MBN, "Experiment.initial_weights = 'elsewhere'"),
    (MBN, "PGD.targeted = False"),
    (MBN, "PGD.ball = 'l2'"),
    (MBN, "PGD.clean_start_probability = 0.0"),
    (MBN, "MixtureBatchNorm.momentum = 0.99"),
    (MBN, "MixtureBatchNorm.branches = ('clean', 'adv', 'weak')"),
    (MBN, "NormPolicy.freeze = 'affine'"),
    (MBN, "NormPolicy.attack_statistics = 'batch'"),
    (MBN, "Training.weight_decay = 5e-4"),
    (MBN, "Training.train_only = 'norms'"),
    ("gin/gn.gin", "NormPolicy.freeze = 'statistics'"),
    ("gin/gn.gin", "GroupNorm.groups = 8"),
    ("gin/mbn_alp.gin", "Experiment.norm = 'group_norm'"),
    ("gin/mbn_alp.gin", "LogitPairing.pairing_weight = 1.0"),
    ("gin/adv_100_clean_60.gin", "Adversarial.clean_ratio = 0.61"),
]


@pytest.mark.parametrize("scale", [DIGITS, PUBLISHED_SCALE])
@pytest.mark.parametrize(("file", "change"), SCIENCE)
def test_other_science_is_no_row(file, change, scale):
    assert recipe(file, scale, bindings=(change,)) is None
    row, differences = nearest_row(config.read([file, scale], [change]).values)
    assert change.partition(" ")[0] in differences or row.files != (file,)


def test_the_science_of_another_row_is_that_row():
    assert recipe(MBN, bindings=("Experiment.norm = 'group_norm'",)) == ("gin/gn.gin",)
    assert recipe(MBN, bindings=("NormPolicy.freeze = 'statistics'",)) == ("gin/mbn_frozen.gin",)
    ratio = ("Adversarial.clean_ratio = 0.2",)
    expected = ("gin/adv_100_clean_20.gin",)
    assert recipe("gin/adv_100_clean_100.gin", bindings=ratio) == expected


@pytest.mark.parametrize("scale", [DIGITS, PUBLISHED_SCALE])
def test_how_a_run_is_done_and_evaluated_does_not_change_its_row(scale):
    bindings = (
        "Experiment.seed = 7",
        "Experiment.deterministic = True",
        "Training.micro_batch_size = 32",
        "Training.average_decay = 0.99",
        "Training.steps_per_call = 1",
        "Distribution.kind = 'one_device'",
        "Hardware.devices = 2",
        "Evaluation.attacks = ('pgd20/pgd', 'fgsm')",
        "Evaluation.worst_case = True",
        "eval/PGD.targeted = False",
        "eval/PGD.ball = 'l2'",
        "imagenet.folder = '/data'",
    )
    assert recipe(MBN, scale, bindings=bindings) == (MBN,)


@pytest.mark.parametrize("name", ["advprop", "fast", "map_layer_norm", "trades"])
def test_plugins_are_no_row_of_the_paper(name, forget_plugins):
    assert recipe(f"gin/plugins/{name}.gin") is None


def test_other_images_keep_the_recipe():
    bindings = ("Experiment.dataset = 'npz'", "npz.train = 'a.npz'", "npz.test = 'b.npz'")
    bindings += ("Experiment.augmentation = 'inception_crop'", "InceptionCrop.image_size = 8")
    assert recipe(MBN, "gin/scale/cifar10.gin", bindings=bindings) == (MBN,)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "+".join(row.files))
def test_every_row_of_the_paper_is_nearest_to_itself(row):
    found, differences = nearest_row(config.values_of([*row.files, PUBLISHED_SCALE]))
    assert differences == {}
    assert found == row


@pytest.mark.parametrize("name", ["gn", "mbn_alp", "adv_100_clean_60", "clean"])
def test_at_another_scale_the_recipe_decides(name):
    found, differences = nearest_row(config.read([f"gin/{name}.gin"]).values)
    assert found.files == (f"gin/{name}.gin",)
    assert differences["PGD.steps"] == (30, 10)
    assert differences["Training.epochs"] == (110, 40)


def test_one_change_is_named():
    read = config.read([MBN, PUBLISHED_SCALE], ["Adversarial.clean_label_smoothing = 0.0"])
    found, differences = nearest_row(read.values)
    assert found.files == (MBN,)
    assert differences == {"Adversarial.clean_label_smoothing": (None, 0.0)}
