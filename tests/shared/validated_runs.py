"""Runs at the smoke scale that are validated on their way, in deterministic mode."""

from shared.smoke_trainers import make_plan, one_device
from tfadv import config
from tfadv.devices.local import device_names
from tfadv.planning.plan import build_plan
from tfadv.runs.run_directory import RunDirectory
from tfadv.training.session import Session

OVERLAY = "gin/eval/validation.gin"
# Three epochs of two steps on 32 images; 16 are held out.
VALIDATED = (
    "synthetic.train_examples = 48",
    "Validation.images = 16",
    "eval/validation/PGD.steps = 1",
    "Training.epochs = 3",
)
# The test images under as little.
ONE_STEP = ("Evaluation.attacks = ('one/pgd',)", "eval/one/PGD.steps = 1")
RECIPE = "adv_100_clean_0"


def plan_of(*bindings, recipe=RECIPE):
    """Returns the plan of a validated run."""
    return make_plan(recipe, *VALIDATED, *bindings, overlays=[OVERLAY])


def claimed(folder, *bindings, recipe=RECIPE):
    """Returns the folder of a run with this configuration, and its plan."""
    files = [f"gin/{recipe}.gin", "gin/scale/smoke.gin", OVERLAY]
    read = config.read(files, ["Experiment.deterministic = True", *VALIDATED, *bindings])
    directory = RunDirectory(folder)
    directory.claim(read, device_names(), 0)
    return directory, build_plan(read)


def session_of(folder, *bindings, recipe=RECIPE, trainer=one_device):
    """Returns a session of a run, and the run's folder, claimed."""
    directory, plan = claimed(folder, *bindings, recipe=recipe)
    return Session(trainer(plan)), directory


def validations(directory):
    """Returns the records of a run's validations."""
    return [record for record in directory.metrics() if record.get("kind") == "validation"]
