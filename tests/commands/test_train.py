"""The training command as its users run it: a whole run, and mistakes in one line."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from shared.commands import last_error, run_command
from shared.tiny_data import dim_examples, npz_bindings, random_examples, write_npz

RECIPE = ["--gin_file=gin/mbn_alp.gin", "--gin_file=gin/scale/smoke.gin"]
FILES = [
    "config.gin",
    "operative_config.gin",
    "run.json",
    "metrics.jsonl",
    "results.json",
    "checkpoints/step-2/manifest.json",
    "tensorboard",
]


def train(*arguments, **options):
    return run_command("train", *arguments, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Returns a folder with one run, made from another working directory."""
    folder = tmp_path_factory.mktemp("elsewhere")
    done = train(*RECIPE, "--model_dir=run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_a_run_leaves_every_file_and_prints_both_branches(finished):
    folder, done = finished
    for name in FILES:
        assert (folder / "run" / name).exists(), name
    record = json.loads((folder / "run" / "results.json").read_text())
    of_data = {"dataset", "examples", "pixel_range", "epsilon"}
    assert set(record) >= of_data | {"model", "clean", "attacks"}
    assert set(record["clean"]) == {"clean", "adv"}
    assert {row["branch"] for row in record["attacks"]} == {"clean", "adv"}
    assert "train 2/2" in done.stdout and "PGD-10 targeted ε=16" in done.stdout
    assert "warning:" not in done.stderr
    started = json.loads((folder / "run" / "run.json").read_text())
    assert started["seed"] == 0 and "tensorflow" in started["starts"][0]["versions"]
    operative = (folder / "run" / "operative_config.gin").read_text()
    assert "PGD.steps = 2" in operative and "MixtureBatchNorm.momentum = 0.9" in operative


def test_tensorboard_has_curves_and_the_strip(finished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(finished[0] / "run" / "tensorboard"))
    events.Reload()
    tags = set(events.Tags()["tensors"])
    assert {"loss", "adv_accuracy", "learning_rate"} <= tags
    assert "clean, adversarial, difference" in tags


def test_the_same_command_prints_the_finished_run(finished):
    folder, first = finished
    again = train(*RECIPE, "--model_dir=run", cwd=folder)
    assert again.returncode == 0 and "train" not in again.stdout
    assert again.stdout.splitlines()[-4:] == first.stdout.splitlines()[-4:]


def test_finetuning_refuses_a_run_of_another_norm(finished):
    folder, _ = finished
    files = ["--gin_file=gin/finetune/clean_images.gin", RECIPE[1]]
    chosen = "--gin_bindings=Experiment.initial_weights = 'run'"
    done = train(*files, chosen, "--model_dir=finetuned", cwd=folder)
    assert done.returncode == 2 and not (folder / "finetuned").exists()
    said = "'run' has the norm branches adv, clean, and this network one alone: bind Experiment.ini"
    assert said in last_error(done)


def test_weights_are_taken_over_once_and_what_is_left_is_noted(finished):
    """Resumed without its source: the last checkpoint goes on, nothing is read again."""
    folder, _ = finished
    shutil.copytree(folder / "run", folder / "source")
    bound = ["initial_weights = 'source'", "initial_norm_branch = 'adv'"]
    bindings = [f"--gin_bindings=Experiment.{binding}" for binding in bound]
    bindings += ["--gin_bindings=Training.epochs = 1"]
    command = ["--gin_file=gin/finetune/clean_images.gin", RECIPE[1], *bindings, "--model_dir=mine"]
    done = train(*command, cwd=folder)
    assert done.returncode == 0, done.stderr
    line = "not taken over of 'source': its norm branch clean"
    assert f"note: {line}\n" in done.stderr
    record = json.loads((folder / "mine" / "run.json").read_text())
    assert record["starts"][0]["about_initial_weights"] == [line] and record["initial_weights"]
    trained = json.loads((folder / "mine" / "results.json").read_text())
    (folder / "mine" / "results.json").unlink()
    shutil.rmtree(folder / "source")
    again = train(*command, cwd=folder)
    assert again.returncode == 0 and "not taken over" not in again.stderr, again.stderr
    resumed = json.loads((folder / "mine" / "results.json").read_text())
    assert resumed["model"]["weights"] == trained["model"]["weights"]
    (second,) = json.loads((folder / "mine" / "run.json").read_text())["starts"][1:]
    assert "about_initial_weights" not in second


def test_another_config_there_is_refused(finished):
    folder, _ = finished
    before = (folder / "run" / "config.gin").read_text()
    done = train(*RECIPE, "--model_dir=run", "--gin_bindings=PGD.steps = 3", cwd=folder)
    assert done.returncode == 2
    assert "another config (PGD.steps: 2 → 3)" in last_error(done)
    assert (folder / "run" / "config.gin").read_text() == before


@pytest.mark.slow
def test_a_run_goes_on_in_another_folder(finished):
    folder, _ = finished
    longer = ["--resume_as=longer", "--gin_bindings=Training.epochs = 3"]
    refused = train(
        "--model_dir=run", "--resume_as=other", "--gin_bindings=ResNet.width = 8", cwd=folder
    )
    assert refused.returncode == 2 and not (folder / "other").exists()
    assert "'run' can't go on with another ResNet.width (4 → 8)" in last_error(refused)
    dry = train("--model_dir=run", *longer, "--dry_run", cwd=folder)
    assert "'longer' would go on at step 2" in dry.stderr and not (folder / "longer").exists()
    done = train("--model_dir=run", *longer, cwd=folder)
    assert done.returncode == 0 and "train 3/3" in done.stdout, done.stderr
    record = json.loads((folder / "longer" / "run.json").read_text())
    assert record["starts"][0]["resumed_from"]["changed"] == {"Training.epochs": ["2", "3"]}
    metrics = (folder / "longer" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in metrics] == [3]
    again = train("--model_dir=run", *longer, cwd=folder)
    assert again.returncode == 0 and "train" not in again.stdout


MISTAKES = [
    (["--gin_file=gin/mbn_al.gin"], "error: --gin_file: no gin file"),
    ([*RECIPE, "--gin_bindings=PGD.stps = 3"], "Did you mean 'steps'"),
    (["--resume_as=new", "--model_dir="], "--resume_as goes with --model_dir"),
    (["--resume_as=new", "--model_dir=none"], "'none' is no folder of a run with checkpoints"),
    ([*RECIPE, "--gin_bindings=Experiment.strategy = 'alp'"], "no strategy is called 'alp'"),
    ([*RECIPE, "--gin_bindings=PGD.epsilon = -1"], "'PGD.epsilon = -1': PGD.epsilon must be"),
    (
        [
            *RECIPE,
            "--gin_bindings=Training.batch_size = 15",
            "--gin_bindings=Distribution.virtual_cpus = 2",
        ],
        "can't be divided among 2 replicas: take 14 or 16",
    ),
    (
        ["--gin_file=gin/mbn.gin", "--gin_file=gin/scale/imagenet.gin"],
        "gin/scale/imagenet.gin:6: imagenet.folder: '$IMAGENET_DIR' is no folder here",
    ),
    (
        ["--gin_file=gin/finetune/clean_images.gin"],
        "needs Experiment.initial_weights",
    ),
    (["gin/mbn.gin"], "gin files go in --gin_file=gin/mbn.gin"),
    ([], "name a recipe"),
]


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory):
    """Returns what each mistaken command left: two run at a time, for starting takes seconds."""

    def left(mistake):
        folder = tmp_path_factory.mktemp("mistaken")
        return folder, train("--model_dir=run", *mistake[0], cwd=folder)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(left, MISTAKES))


@pytest.mark.parametrize("number", range(len(MISTAKES)), ids=[message for _, message in MISTAKES])
def test_mistakes_end_in_one_line_before_training(mistaken, number):
    (folder, done), message = mistaken[number], MISTAKES[number][1]
    assert done.returncode == 2
    assert message in last_error(done)
    assert "Traceback" not in done.stderr
    assert not (folder / "run").exists()


def test_a_label_out_of_range_ends_in_one_line_before_training(tmp_path):
    write_npz(tmp_path / "a.npz", *random_examples(64), label_names=["cat", "dog"])
    bindings = npz_bindings(".", "a.npz", "a.npz")
    done = train(*RECIPE, bindings=bindings, model_dir="run", cwd=tmp_path)
    assert done.returncode == 2 and not (tmp_path / "run").exists()
    assert "error: npz.train: label 2 of example 2 is not in 0..1" in last_error(done)


def test_dry_run_writes_nothing(tmp_path):
    done = train(*RECIPE, "--dry_run", cwd=tmp_path)
    assert done.returncode == 0 and "PGD.steps = 2" in done.stdout
    assert "'MBN, 100% adv + 100% clean, ALP': adv branch 65.9% clean" in done.stdout
    assert not list(tmp_path.iterdir())


def test_what_is_odd_is_warned_of_once_before_training(tmp_path):
    write_npz(tmp_path / "a.npz", *dim_examples(32))
    bindings = [*npz_bindings(".", "a.npz", "a.npz"), "PGD.epsilon = 0.06"]
    warnings = [
        "npz.train: the largest pixel is 16, of 255",
        "npz.test: the largest pixel is 16, of 255",
        "npz.test: 32 of 32 images are in npz.train too",
        "epsilon = 0.06 of the training attack, pgd10/pgd is less than one",
    ]
    for more in (["--dry_run"], []):
        done = train(*RECIPE, *more, bindings=bindings, model_dir="run", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        for warning in warnings:
            assert done.stderr.count(f"warning: {warning}") == 1, done.stderr


@pytest.mark.slow
def test_two_virtual_replicas_train_from_the_command_line(tmp_path):
    done = train(*RECIPE, bindings=["Distribution.virtual_cpus = 2"], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "on 2 replica(s)" in done.stdout


def test_nothing_is_planned_for_images_that_nobody_counted(folder):
    files = ["--gin_file=gin/clean.gin", "--gin_file=gin/scale/smoke.gin"]
    bindings = [
        "Experiment.dataset = 'image_folder'",
        "image_folder.train = None",
        f"image_folder.test = '{folder / 'test'}'",
        "image_folder.image_size = 8",
    ]
    done = train(*files, "--dry_run", bindings=bindings, cwd=folder)
    assert done.returncode == 2 and "there is nothing to train on" in done.stderr


def test_files_that_are_not_read_are_warned_of_in_one_line(folder):
    (folder / "train" / "red" / "d.tif").write_bytes(b"")
    files = ["--gin_file=gin/clean.gin", "--gin_file=gin/scale/smoke.gin"]
    bindings = [
        "Experiment.dataset = 'image_folder'",
        f"image_folder.train = '{folder / 'train'}'",
        f"image_folder.test = '{folder / 'test'}'",
        "image_folder.image_size = 8",
        "Training.batch_size = 2",
    ]
    done = train(*files, "--dry_run", bindings=bindings, cwd=folder)
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning:")]
    assert len(warnings) == 1 and "image_folder.train: not read" in warnings[0]
    assert "1 .tif" in warnings[0] and done.stdout.startswith("paper")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--profile=0"], "--profile must be a number of steps in 1..100, got 0"),
        (["--profile=x"], "flag --profile=x"),
        (["--profile=2", "--dry_run"], "--profile profiles steps, and --dry_run does none"),
    ],
)
def test_what_can_not_be_profiled_is_reported_at_once(flags, said, tmp_path):
    done = train(*RECIPE, *flags, "--model_dir=run", cwd=tmp_path)
    assert done.returncode == 2 and said in last_error(done)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_profiled_run_is_the_same_run(finished, tmp_path):
    folder, _ = finished
    few = train(*RECIPE, "--model_dir=run", "--profile=2", cwd=tmp_path)
    assert few.returncode == 2 and "the run has 2 step(s) left" in last_error(few)
    done = train(*RECIPE, "--model_dir=run", "--profile=1", cwd=tmp_path)
    assert done.returncode == 0 and "1 profiled step(s)" in done.stdout, done.stderr
    weights = [
        json.loads((place / "run" / "results.json").read_text())["model"]["weights"]
        for place in (folder, tmp_path)
    ]
    assert weights[0] == weights[1]
    record = json.loads((tmp_path / "run" / "profile" / "1" / "profile.json").read_text())
    assert sum(record["shares"].values()) == pytest.approx(1)
    for kind in ("forward", "gradients by images", "gradients by weights"):
        assert record["shares"][f"convolutions, {kind}"] > 0
    assert record["shares"]["normalization"] > 0 and record["flops"]["float32"] > 0
    assert list((tmp_path / "run" / "profile" / "1").glob("plugins/profile/*/*.xplane.pb"))
    again = train(*RECIPE, "--model_dir=run", "--profile=1", cwd=tmp_path)
    assert again.returncode == 2 and "needs a run that still trains" in last_error(again)
    batches = "--gin_bindings=Evaluation.batch_size = 4"
    evaluated = run_command(
        "evaluate", "--model_dir=run", "--profile=2", batches, "--output=e.json", cwd=tmp_path
    )
    assert evaluated.returncode == 0 and "2 profiled step(s)" in evaluated.stdout
    record = json.loads((tmp_path / "e_profile" / "1" / "profile.json").read_text())
    assert record["shares"]["convolutions, gradients by images"] > 0
    assert record["flops"]["float32"] > 0 and record["flops_per_second"] > 0
