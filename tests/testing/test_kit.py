"""The conformance kit: all that is registered passes, and what is broken is named."""

import importlib
import unittest

import pytest
from shared.project import WORKED_PLUGINS
from shared.tiny_data import npz_arguments, write_splits

from tfadv import config, testing
from tfadv.config import plugin_modules
from tfadv.errors import UserError
from tfadv.optimization.keras_optimizers import PAPERS

BROKEN = ["broken_plugins", "broken_models", "broken_data", "broken_optimization"]
config.with_plugins(WORKED_PLUGINS)
# Of parts that need some, or are large without.
ARGUMENTS = {
    "model resnet": {"blocks": (1, 1), "width": 4, "stem": "small"},
    "model basic_resnet": {"blocks": (1, 1), "width": 8},
    "model wide_resnet": {"depth": 10, "widen_factor": 1},
    "model convnext": {"blocks": (1, 1), "width": 16, "patch": 2},
    "model vit": {"width": 16, "heads": 2, "blocks": 1, "patch": 4, "dropout": 0.1},
    "augmentation crop_and_flip": {"padding": 2, "flip": True},
    "augmentation inception_crop": {"image_size": 14},
    "augmentation chain": {"augmentations": ("color_jitter", "random_erasing")},
    "decay step": {"boundaries": (5,)},
}
# What reads files, or is given its images; `npz` is checked below.
OF_FILES = {"dataset image_folder", "dataset imagenet", "dataset npz", "dataset packed"}
OF_FILES |= {"dataset tfds", "model keras", "dataset given"}
CHECKS = [
    check
    for kind, registry in testing.KINDS.items()
    for name in registry.names()
    if not registry.get(name).__module__.startswith("shared.")
    if f"{kind} {name}" not in OF_FILES
    for check in testing.checks(kind, name, **ARGUMENTS.get(f"{kind} {name}", {}))
]
# Half a minute; each of its stages is checked by itself.
SLOW = {
    "attack autoattack: treats each image alone",
    "attack autoattack: is deterministic by its seeds",
    "attack autoattack: has no python state",
    "attack autoattack: compiles with xla",
}
# A whole step takes XLA seconds: one is compiled among the quick tests.
SLOW |= {
    f"strategy {name}: compiles with xla"
    for name in testing.KINDS["strategy"].names()
    if name != "adversarial"
}
# Half a minute together; what they are made of is tested in rooms of their own.
SLOW_PARTS = ("model ", "dataset synthetic")
SLOW_PARTS += tuple(f"augmentation {name}" for name in ("inception_crop", "rand_augment", "chain"))
# Half a minute: Keras' own, of which the others show that they are taken as they are.
SLOW_PARTS += tuple(f"optimizer {name}" for name in PAPERS if name not in ("AdamW", "Nadam"))


def marked(check):
    slow = str(check) in SLOW or check.part.startswith(SLOW_PARTS)
    return pytest.param(check, marks=pytest.mark.slow if slow else ())


@pytest.mark.parametrize("check", map(marked, CHECKS), ids=str)
def test_every_part_conforms(check):
    check()


def test_images_of_files_conform(tmp_path):
    write_splits(tmp_path / "npz")
    for check in testing.checks("dataset", "npz", **npz_arguments(tmp_path / "npz")):
        check()


def test_the_kit_sees_the_built_in_parts_and_the_plugins():
    parts = {check.part for check in CHECKS}
    assert {"norm batch_norm", "attack pgd", "strategy adversarial"} <= parts
    assert {"norm evonorm_s0", "attack mi_fgsm", "strategy trades"} <= parts
    assert {"model vit", "dataset digits", "augmentation crop_and_flip"} <= parts
    assert {"optimizer rmsprop", "decay cosine"} <= parts
    assert len(parts) >= 30


@pytest.mark.parametrize("module", BROKEN)
def test_every_broken_plugin_is_caught_with_its_fault_named(module, forget_plugins):
    plugin_modules.load(f"shared.{module}", "the test")
    faults = importlib.import_module(f"shared.{module}").FAULTS
    kinds = [part.split()[0] for part in faults]
    assert all(kinds.count(kind) >= 4 for kind in kinds)
    for part, (title, message) in faults.items():
        kind, name = part.split()
        (check,) = (c for c in testing.checks(kind, name) if c.title == title)
        with pytest.raises(testing.ConformanceError, match=message):
            check()


def test_a_strategy_says_which_checks_don_t_apply_and_why(forget_plugins):
    title = "has weights that sum to one"
    (check,) = (c for c in testing.checks("strategy", "mart") if c.title == title)
    with pytest.raises(unittest.SkipTest, match="its boosted cross-entropy adds a margin"):
        check()
    mart = testing.KINDS["strategy"].get("mart")

    @testing.KINDS["strategy"].register("misspelt")
    class Misspelt(mart):
        """Names a check that there isn't."""

        unchecked = {"has weights that sum to on": "a slip"}

    (check,) = (c for c in testing.checks("strategy", "misspelt") if c.title == title)
    with pytest.raises(UserError, match="Did you mean 'has weights that sum to one'"):
        check()


def test_a_part_without_sizes_takes_small_ones():
    (check,) = (c for c in testing.checks("attack", "pgd", steps=2) if "ball" in c.title)
    check()
    with pytest.raises(ValueError, match="no attack is called 'pdg'.*Did you mean 'pgd'"):
        testing.checks("attack", "pdg")
