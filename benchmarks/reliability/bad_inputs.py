"""Mistakes, each with the command that must refuse it in one line."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.reliability.bad_comparisons import COMPARISONS
from benchmarks.reliability.bad_exports import EXPORTS

TRAIN = ("train", "--gin_file=gin/mbn_alp.gin", "--gin_file=gin/scale/smoke.gin", "--dry_run")
# What stands in the folder in which the commands run, by name.
TEXTS = {
    "circle_a.gin": "include 'circle_b.gin'\n",
    "circle_b.gin": "include 'circle_a.gin'\n",
    "open.gin": "PGD.steps = (1, 2",
    "quotation.gin": 'PGD.steps = """abc\nx',
    "nested.gin": f"PGD.steps = {'(' * 3000}1{')' * 3000}\n",
    "indented.gin": "PGD:\n  steps = 2\n epsilon=3\n",
    "no_macro.gin": "PGD.steps = %nowhere\n",
    "text.npz": "no archive",
    "text.safetensors": "no tensors",
    "empty.npz": "",
    "plugin/leaves.py": "import sys\nsys.exit(3)\n",
    "plugin/raises.py": "raise RuntimeError('boom')\n",
    "plugin/odd.py": "class Odd(BaseException): pass\nraise Odd('boom')\n",
    "plugin/open.py": "x = (\n",
    "plugin/interrupts.py": "raise KeyboardInterrupt\n",
    "plugin/exits.py": "raise SystemExit('gone')\n",
    "plugin/endless.py": "def f(): f()\nf()\n",
    "plugin/nothing.py": "x = 1\n",
    "plugin/nameless.py": "from tfadv.registry import NORMS\nNORMS.register('')(dict)\n",
    "plugin/slashed.py": "from tfadv.registry import NORMS\nNORMS.register('a/b')(dict)\n",
    "plugin/numbered.py": "from tfadv.registry import NORMS\nNORMS.register(5)(dict)\n",
}
BINDINGS = (
    "PGD.steps = (1, 2",
    "PGD.steps = [",
    "PGD.steps",
    "= 3",
    "PGD.steps =",
    "PGD..steps = 2",
    "/PGD.steps = 2",
    "a//PGD.steps = 2",
    "PGD.steps = 10**9",
    "PGD.steps = %x",
    "PGD.epsilon = @PGD()",
    "PGD.epsilon = @PGD",
    "PGD.epsilon = @nothing()",
    "epsilon = 8",
    "include 'circle_a.gin'",
    "include 'nowhere.gin'",
    "import nowhere",
    "PGD.step = 3",
    "PDG.steps = 3",
    "PGD.__init__ = 1",
    "evl/PGD.steps = 3",
    "PGD.steps = '3'",
    "PGD.steps = 2.5",
    "PGD.steps = True",
    "PGD.steps = -1",
    "PGD.steps = None",
    "PGD.steps = {1: 2}",
    "PGD.steps = 1e999",
    "PGD.steps = 100000000000000000000",
    "PGD.epsilon = 1e999",
    "PGD.epsilon = -1e999",
    "PGD.epsilon = 1e300",
    "PGD.epsilon = 1e999 - 1e999j",
    "PGD.step_size = 1e999",
    "PGD.step_size = 0",
    "Experiment.trackers = 'mlflow'",
    "Experiment.trackers = ('tensorbord',)",
    "Training.epochs = 1e20",
    "Training.epochs = 100000000000000000000",
    "Training.epochs = 1e999",
    "Training.weight_decay = 1e999",
    "Training.steps_per_call = 10000000000000",
    "Training.batch_size = 99999999999999999999",
    "Training.average_decay = 1e999",
    "Training.micro_batch_size = 7",
    "LearningRate.rate_per_256 = 1e999",
    "LearningRate.warmup_epochs = 1e999",
    "LearningRate.batch_size = 3",
    "StepDecay.factor = 1e999",
    "StepDecay.boundaries = ('a', 2)",
    "StepDecay.boundaries = (None,)",
    "StepDecay.boundaries = ((1,),)",
    "StepDecay.boundaries = 'ab'",
    "StepDecay.boundaries = (True, 2)",
    "StepDecay.boundaries = (1e999,)",
    "ResNet.blocks = ('a', 1)",
    "ResNet.blocks = (1.5, 1)",
    "ResNet.blocks = ()",
    "ResNet.width = 999999999999",
    "ResNet.classes = 3",
    "Evaluation.attacks = ('pgd', 5)",
    "Evaluation.attacks = (None,)",
    "Evaluation.attacks = ('',)",
    "Evaluation.attacks = ('/',)",
    "Evaluation.attacks = ('/pgd',)",
    "Evaluation.attacks = ('a//pgd',)",
    "Evaluation.attacks = ('a b/pgd',)",
    "Evaluation.radii = ('a',)",
    "Evaluation.radii = (1e999,)",
    "Evaluation.corruptions = ((1,),)",
    "Evaluation.examples = 99999999999999999999",
    "Evaluation.restarts = 0",
    "Hardware.images_per_second = 1e999",
    "Hardware.price_per_hour = 1e999",
    "Experiment.seed = -1",
    "Experiment.seed = 99999999999999999999999999999",
    "Experiment.norm = ''",
    "Experiment.norm = '/'",
    "Experiment.norm = '[/b]'",
    "Experiment.norm = 'a\\nb'",
    "Experiment.attack = '//pgd'",
    "Experiment.dataset = 'x/synthetic'",
    "Experiment.channels = 7",
    "Experiment.manifest = '/'",
    "Experiment.manifest = 'image.npy'",
    "Experiment.initial_weights = ''",
    "Experiment.initial_weights = '/'",
    "Experiment.initial_weights = 'image.npy'",
    "synthetic.image_size = 0",
    "synthetic.train_examples = 99999999999999",
    "CropAndFlip.padding = -1",
    "CropAndFlip.padding = 1e9",
    "CropAndFlip.padding = 1000000000",
    "Evaluation.corrupted_images = ''",
    "Experiment.initial_weights = 'empty.npz'",
    "Experiment.initial_weights = 'text.npz'",
    "Experiment.initial_weights = 'weights.pt'",
    "Experiment.initial_weights = 'text.safetensors'",
    "MixtureBatchNorm.branches = ('../x', 'adv')",
    "Experiment.initial_weights = 'a\\x00b'",
    "Experiment.manifest = 'a\\x00b'",
    "Experiment.norm = 'a\\x00b'",
    "include 'a\\x00b'",
    "Experiment.manifest = '/proc/self/mem'",
    "MixtureBatchNorm.branches = ('<b>', 'adv')",
)
# Numbers, with what none of them can be.
NUMBERS = (
    "PGD.epsilon",
    "PGD.steps",
    "PGD.step_size",
    "PGD.clean_start_probability",
    "PGD.expectation_samples",
    "Training.epochs",
    "Training.batch_size",
    "Training.weight_decay",
    "LearningRate.rate_per_256",
    "LearningRate.warmup_epochs",
    "StepDecay.factor",
    "Evaluation.batch_size",
    "Evaluation.restarts",
    "ResNet.width",
    "synthetic.image_size",
    "CropAndFlip.padding",
    "MixtureBatchNorm.momentum",
    "MixtureBatchNorm.epsilon",
)
NO_NUMBERS = ("'x'", "()", "{'a': 1}", "1e999", "-1", "b'x'")
# Names of registered parts, with what is none.
NAMES = ("norm", "strategy", "model", "attack", "augmentation", "optimizer", "decay", "dataset")
NO_NAMES = ("''", "'nothing'", "'a b'", "'../x'", "'<script>'", "None", "5", "'x' * 9")
# How a model from elsewhere is fed, with what can't be meant.
THEIRS = ("evaluate", "--saved_model=theirs.keras", "--output=record.json")
_RANGE, _LAYOUT = "--pixel_range=0,1", "--layout=NHWC"
OF_MODELS = (
    (),
    (_RANGE,),
    (_LAYOUT,),
    ("--pixel_range=1,0", _LAYOUT),
    ("--pixel_range=0", _LAYOUT),
    ("--pixel_range=0,1,2", _LAYOUT),
    ("--pixel_range=a,b", _LAYOUT),
    ("--pixel_range=nan,1", _LAYOUT),
    (_RANGE, "--layout=nhwc"),
    (_RANGE, "--layout=NCHW"),
    (_RANGE, "--layout="),
    (_RANGE, _LAYOUT, "--color=GRB"),
    (_RANGE, _LAYOUT, "--pixel_mean=123.7"),
    (_RANGE, _LAYOUT, "--pixel_mean=0.5,0.5"),
    (_RANGE, _LAYOUT, "--pixel_mean=x"),
    (_RANGE, _LAYOUT, "--pixel_std=0"),
    (_RANGE, _LAYOUT, "--pixel_std=-1,1,1"),
    (_RANGE, _LAYOUT, "--pixel_std=inf"),
    (_RANGE, _LAYOUT, "--outputs=sigmoid"),
    (_RANGE, _LAYOUT, "--outputs=logit"),
    (_RANGE, _LAYOUT, "--outputs=softmax"),
    (_RANGE, _LAYOUT, "--outputs=probabilities"),
    (_RANGE, _LAYOUT, "--output_name=scored"),
    (_RANGE, _LAYOUT, "--endpoint=serve"),
    (_RANGE, _LAYOUT, "--weights=average"),
    (_RANGE, _LAYOUT, "--branch=adv"),
)
GIN_FILES = ("nested.gin", "open.gin", "quotation.gin", "indented.gin", "no_macro.gin", "x" * 300)
COMMANDS = (
    ("train",),
    ("train", "--gin_file="),
    ("train", "--gin_file=/"),
    ("train", "--gin_file=circle_a.gin"),
    ("train", "--gin_file=gin/mbn.gin", "--gin_file=gin/alp.gin"),
    (*TRAIN, "surplus"),
    (*TRAIN, "--model_dir=image.npy"),
    (*TRAIN, "--model_dir=image.npy/run"),
    (*TRAIN, f"--model_dir={'x' * 300}"),
    (*TRAIN, "--plugin="),
    (*TRAIN, "--plugin=..x"),
    (*TRAIN, "--plugin=sys"),
    (*TRAIN, "--plugin=m[/b]x"),
    (*TRAIN, "--plugin_dir=nowhere"),
    ("plugins", "--new", "norm", "class"),
    ("plugins", "--new", "norm", "match"),
    ("plugins", "--new", "attack", "print"),
    ("plugins", "--new", "norm", "a/b"),
    ("plugins", "--new", "norm", ""),
    ("plugins", "--new", "norm", "x" * 300),
    ("plugins", "--new", "norm", "mine", "--plugin_dir=image.npy"),
    ("plugins", "--new", "norm", "mine", "--check=sys"),
    ("plugins", "--check=sys"),
    ("data",),
    ("data", "--npz=image.npy"),
    ("data", "--npz=text.npz"),
    ("data", "--npz=empty.npz"),
    ("data", "--npz=m[/b]x.npz"),
    ("data", "--npz=text.npz,text.npz,text.npz"),
    ("data", "--folder=image.npy"),
    ("data", "--folder=m[/b]x"),
    ("data", "--folder=plugin", "--npz=text.npz"),
    ("data", "--folder=plugin", "--pack_quality=5"),
    ("data", "--pack=packed"),
    ("data", "--npz=text.npz", "--output_dir=image.npy/report"),
    ("evaluate",),
    ("evaluate", "--model_dir=nowhere"),
    ("evaluate", "--model_dir=image.npy"),
    ("evaluate", "--model_dir=m[/b]x"),
    ("evaluate", "--model_dir=.", "--endpoint=x"),
    ("evaluate", "--model_dir=.", "--pixel_range=0,1"),
    ("evaluate", "--model_dir=.", "--output=image.npy/x.json"),
    ("evaluate", "--saved_model=nowhere"),
    ("evaluate", "--saved_model=image.npy"),
    ("evaluate", "--saved_model=image.npy", "--pixel_range=0,inf", "--layout=NHWC"),
    ("evaluate", "--saved_model=image.npy", "--pixel_range=0,1", "--layout=NHWC"),
    ("evaluate", "--saved_model=image.npy", "--weights=average"),
    ("evaluate", "--saved_model=/proc", "--output=/proc/x.json"),
    ("evaluate", "--model_dir=.", "--color=BGR"),
    ("evaluate", "--model_dir=.", "--output_name=x"),
    ("evaluate", "--modle_dir=."),
    ("evaluate", "--saved_model"),
    ("train", "--dry_run=maybe"),
    ("train", "--gin_files=x"),
    (*TRAIN, "--plugin_dir="),
    (*TRAIN, "--model_dir=/proc/x"),
    (*TRAIN, "--model_dir=/dev/null/x"),
    ("reproduce", "--experiment=nothing"),
    ("reproduce", "--experiment=table1", "--shard=0/0", "--dry_run"),
    ("reproduce", "--experiment=table1", "--shard=a", "--dry_run"),
)


def cases() -> Iterator[tuple[str, ...]]:
    """Yields each mistake as the words after ``python -m tfadv.``."""
    yield from ((*TRAIN, f"--gin_bindings={binding}") for binding in BINDINGS)
    yield from ((*TRAIN, f"--gin_file={file}") for file in GIN_FILES)
    for names, values in ((NUMBERS, NO_NUMBERS), ([f"Experiment.{n}" for n in NAMES], NO_NAMES)):
        for name in names:
            yield from ((*TRAIN, f"--gin_bindings={name} = {value}") for value in values)
    yield from ((*THEIRS, *flags) for flags in OF_MODELS)
    plugins = [Path(name).stem for name in TEXTS if name.startswith("plugin/")]
    yield from ((*TRAIN, "--plugin_dir=plugin", f"--plugin=plugins.{name}") for name in plugins)
    yield from (*COMMANDS, *EXPORTS, *COMPARISONS)


def write_files(folder: Path) -> None:
    """Writes what the commands find in the folder where they run."""
    for name, text in TEXTS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    # In a process of its own: TensorFlow's threads would not outlive the forks to come.
    writing = multiprocessing.get_context("fork").Process(
        target=_write_model, args=(folder / "theirs.keras",)
    )
    writing.start()
    writing.join()
    np.save(folder / "image.npy", np.zeros((8, 4, 4, 3), np.uint8))


def _write_model(path: Path) -> None:
    import keras  # not before TensorFlow is imported quietly

    images = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(10, name="scores")(keras.layers.Flatten()(images))
    keras.Model(images, outputs).save(path)
