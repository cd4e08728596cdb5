"""Outside attack suites on the bundle of a trained MBN model: ``make test-suites``.

They need an environment of their own (requirements-suites.txt) and are skipped
without it.
"""

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from shared.project import ROOT
from shared.random_bundles import as_before, bundle_of, random_run

from tfadv import adapters, config
from tfadv.devices.local import device_names
from tfadv.errors import UserError
from tfadv.evaluation.evaluator import Evaluator
from tfadv.interop.bundle_writer import write_bundle
from tfadv.interop.loaded_bundle import LoadedBundle
from tfadv.planning.evaluation_parts import EvaluationParts
from tfadv.planning.plan import build_plan
from tfadv.runs import trained_run
from tfadv.runs.run_directory import RunDirectory
from tfadv.training.session import Session
from tfadv.training.trainer import Trainer

pytest.importorskip("foolbox", reason="no foolbox here: make test-suites")
pytest.importorskip("art", reason="no ART here: make test-suites")
pytest.importorskip("cleverhans", reason="no CleverHans here: make test-suites")

RECIPE = ["gin/mbn.gin", "gin/scale/digits.gin"]
STEPS, EPSILON, ALPHA = 20, 40.0, 4.0
# Without a random start, so that all compute the same attack.
SETTING = [
    "Evaluation.attacks = ('pgd',)",
    "Evaluation.examples = 500",
    f"eval/PGD.steps = {STEPS}",
    f"eval/PGD.step_size = {ALPHA}",
    f"eval/PGD.epsilon = {EPSILON}",
    "eval/PGD.targeted = False",
    "eval/PGD.clean_start_probability = 1.0",
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """An MBN model of the digits, its bundle, and our evaluation of it."""
    path = tmp_path_factory.mktemp("trained")
    read = config.read(
        RECIPE, ["Training.epochs = 20", "StepDecay.boundaries = (14, 18)", *SETTING]
    )
    plan = build_plan()
    trainer = Trainer(plan, tf.distribute.get_strategy())
    directory = RunDirectory(path / "run")
    directory.claim(read, device_names(), plan.experiment.seed)
    Session(trainer).run(directory)
    run = trained_run.load(path / "run", plan)
    write_bundle(run, path / "bundle", ["adv", "clean"], (0.0, 1.0), "CC0")
    parts = EvaluationParts.of(plan)
    record = Evaluator(run.model, parts, tf.distribute.get_strategy()).evaluate()
    return path / "bundle", *adapters.examples(path / "bundle", 500), record


def foolbox_pgd(folder, images, labels, branch):
    import foolbox as fb

    model = adapters.foolbox(folder, images, labels, branch)
    attack = fb.attacks.LinfPGD(abs_stepsize=ALPHA / 255, steps=STEPS, random_start=False)
    criterion = fb.criteria.Misclassification(tf.constant(labels))
    return attack.run(model, tf.constant(images), criterion, epsilon=EPSILON / 255).numpy()


def art_pgd(folder, images, labels, branch):
    from art.attacks.evasion import ProjectedGradientDescentTensorFlowV2

    attack = ProjectedGradientDescentTensorFlowV2(
        adapters.art(folder, images, labels, branch),
        eps=EPSILON / 255,
        eps_step=ALPHA / 255,
        max_iter=STEPS,
        batch_size=len(images),
        verbose=False,
    )
    return attack.generate(images, labels)


def cleverhans_pgd(folder, images, labels, branch):
    from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

    return projected_gradient_descent(
        adapters.cleverhans(folder, images, labels, branch),
        tf.constant(images),
        EPSILON / 255,
        ALPHA / 255,
        STEPS,
        np.inf,
        clip_min=0.0,
        clip_max=1.0,
        y=tf.constant(labels),
        rand_init=False,
        sanity_checks=False,
    ).numpy()


def autoattack(folder, images, labels, branch):
    attack = adapters.autoattack(folder, images, labels, branch, EPSILON / 255)
    return attack.generate(images, labels)


def robust_accuracy(trained, branch, suite, count=500):
    folder, images, labels = trained[0], *(part[:count] for part in trained[1:3])
    found = suite(folder, images, labels, branch)
    assert np.abs(found - images).max() <= EPSILON / 255 + 1e-5
    assert found.min() >= 0 and found.max() <= 1
    logits = LoadedBundle(folder, branch)(found)
    return np.mean(np.argmax(logits, 1) == labels)


@pytest.mark.parametrize("suite", [foolbox_pgd, art_pgd, cleverhans_pgd])
@pytest.mark.parametrize("branch", ["adv", "clean"])
def test_every_suites_pgd_finds_what_ours_finds(trained, branch, suite):
    (ours,) = [row["accuracy"] for row in trained[3]["attacks"] if row["branch"] == branch]
    found = robust_accuracy(trained, branch, suite)
    print(f"{suite.__name__} {branch}: {found:.1%}, tfadv.evaluate {ours:.1%}")
    assert found == pytest.approx(ours, abs=0.01)
    assert found > 0.25 if branch == "adv" else found < 0.1


def test_autoattack_holds_on_adv_and_breaks_clean(trained):
    """On 60 images: ten minutes were not enough for 500."""
    clean, adv = (robust_accuracy(trained, branch, autoattack, 60) for branch in ("clean", "adv"))
    print(f"AutoAttack: clean branch {clean:.1%}, adv branch {adv:.1%}")
    assert clean < 0.05 and 0.1 < adv <= robust_accuracy(trained, "adv", art_pgd, 60)


def test_every_suite_attacks_a_network_made_of_a_keras_model(tmp_path):
    """Depthwise convolutions, GELU and a norm that isn't folded; random weights, 24 images."""
    run = random_run(
        tmp_path,
        "Experiment.model = 'convnext'",
        "Experiment.norm = 'layer_norm'",
        *("ConvNeXt.blocks = (1, 1)", "ConvNeXt.width = 8", "ConvNeXt.patch = 1"),
        files=["gin/gn.gin", "gin/scale/digits.gin"],
    )
    folder = tmp_path / "bundle"
    bundle_of(run, folder)
    images, _ = adapters.examples(folder, 24)
    labels = np.argmax(LoadedBundle(folder)(images), 1)  # all are right
    suites = (foolbox_pgd, art_pgd, cleverhans_pgd)
    found = [suite(folder, images, labels, None) for suite in suites]
    beaten = autoattack(folder, images[:4], labels[:4], None)
    wrong = [np.mean(np.argmax(LoadedBundle(folder)(x), 1) != labels) for x in found]
    alike = [np.mean(np.abs(x - found[0]) < 1e-3) for x in found[1:]]
    print(f"Foolbox, ART and CleverHans: {wrong}, of the first one's pixels {alike}")
    assert min(wrong) > 0.5 and min(alike) > 0.9
    assert all(np.abs(x - images).max() <= EPSILON / 255 + 1e-5 for x in found)
    assert np.abs(beaten - images[:4]).max() <= EPSILON / 255 + 1e-5


@pytest.mark.parametrize(
    "adapter", [adapters.foolbox, adapters.art, adapters.cleverhans, adapters.autoattack]
)
def test_every_adapter_refuses_another_range(trained, adapter):
    folder, images, labels, _ = trained
    with pytest.raises(UserError, match="takes 0..1: rescale them"):
        adapter(folder, images * 255, labels)


@pytest.mark.parametrize("adapter", [adapters.foolbox, adapters.art, adapters.cleverhans])
def test_every_adapter_sees_that_a_bundle_was_changed(trained, adapter, tmp_path):
    """The reference no longer is what the SavedModel computes: another range, say."""
    folder, images, labels, _ = trained
    changed = shutil.copytree(folder, tmp_path / "changed")
    as_before(changed)
    reference = dict(np.load(folder / "reference.npz"))
    np.savez(changed / "reference.npz", **reference | {"images": reference["images"] * 0.9})
    with pytest.raises(UserError, match="gets other logits than the original"):
        adapter(changed, images, labels)


SCRIPTS = sorted((ROOT / "docs").glob("attack_with_*.md"))


@pytest.mark.parametrize("page", SCRIPTS, ids=lambda page: page.stem)
def test_every_pages_script_runs_as_it_stands(trained, page, tmp_path):
    """Next to a bundle called `bundle`, as the page says; with fewer images where that is long."""
    (tmp_path / "bundle").symlink_to(trained[0])
    (script,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"robust accuracy: \d+\.\d%", done.stdout), done.stdout
    print(page.stem, done.stdout)
