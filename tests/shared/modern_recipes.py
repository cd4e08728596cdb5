"""Others' recipes under gin/modern/: every constant, where it is from, and plans that have it.

By source: P the paper, C the authors' code, R RobustBench, O our choice where these are silent.
"""

import dataclasses

from tfadv import config
from tfadv.data import Splits
from tfadv.data.absent import AbsentSource
from tfadv.planning.plan import build_plan

SMOKE = "gin/modern/scale/smoke.gin"
IMAGENET, CIFAR10 = 1_281_167, 50_000
# In place of millions of generated images, of which a plan counts none.
GENERATED = 1000
IMAGENET_PIXELS = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
CIFAR10_PIXELS = ((125.307, 122.961, 113.8575), (63.0105, 62.0925, 66.708))
UNIT, SIGNED = (0.0, 255.0), (127.5, 127.5)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a recipe comes to at its own sizes.

    Attributes:
        accuracy: published, clean and under AutoAttack, in percent as the head has it.
        flops: of the whole training, as the head has it.
        model: name of the network, and its trained parameters.
        pixels: mean and standard deviation of its input's pixels.
        norm: name, momentum of the running statistics and whether their variance is unbiased.
        attack: class, ε, N and α of the training attack; α is None where it has none of its own.
        targeted: whether it is.
        start: chance of the image itself as its first iterate.
        statistics: that normalize in the attack, and whether it writes the running ones.
        strategy: what its attributes are, those of a strategy on top of another included.
        smoothing: of the labels of clean and of attacked images.
        epochs: and the images of a batch, and the steps of an epoch.
        optimizer: what its attributes are.
        decay: weight decay of the loss, and the groups of weights that any decay is of.
        average: decay of the weights' average.
        rates: learning rates by epoch.
        radii: ε by epoch, where it changes.
        mixing: alphas of MixUp and CutMix, the share of CutMix, and the chance of either.
    """

    accuracy: tuple[str, ...]
    flops: str
    model: tuple[str, int]
    pixels: tuple
    norm: tuple
    attack: tuple
    targeted: bool
    start: float
    statistics: tuple[str, bool]
    strategy: dict
    smoothing: tuple[float, float]
    epochs: tuple[int, int, int]
    optimizer: dict
    decay: tuple
    average: float | None
    rates: dict[float, float]
    radii: dict[float, float] = dataclasses.field(default_factory=dict)
    mixing: tuple = (0.0, 0.0)


TORCH_BATCH_NORM = ("batch_norm", 0.9, True)  # PyTorch's defaults
MOMENTUM_SGD = {"momentum": 0.9, "nesterov": False}
RUNNING, TRAINING_MODE = ("running", False), ("batch", True)
SINGH = {  # C, README, run_train.sh, parserr.py and main.py of nmndeep/revisiting-at
    "pixels": UNIT,
    "norm": ("layer_norm", None, None),
    "attack": ("APGDTraining", 4.0, 2, None),
    "targeted": False,
    "start": 1.0,
    "statistics": RUNNING,
    "strategy": {"clean_ratio": 0.0},
    "smoothing": (0.1, 0.1),
    "epochs": (300, 640, IMAGENET // 640),  # O: 8 GPUs of C's 80 images
    "optimizer": {"weight_decay": 0.05, "beta_1": 0.9, "beta_2": 0.95, "epsilon": 1e-8},
    "average": 0.9999,
    "rates": {0: 1e-7, 10: 5.0005e-4, 20: 1e-3, 160: 5e-4, 230: 1.464e-4, 300: 1e-10},
    "mixing": (0.8, 1.0, 0.5, 1.0),
}
MODERN = {
    # P, appendix A.1; R; C, MadryLab/robustness for the augmentation.
    "resnet50": Recipe(
        accuracy=("64.02", "34.96"),
        flops="8.5e18",
        model=("resnet", 25_557_032),
        pixels=IMAGENET_PIXELS,
        norm=TORCH_BATCH_NORM,
        attack=("PGD", 4.0, 3, 8 / 3),
        targeted=False,
        start=1.0,
        statistics=RUNNING,
        strategy={"clean_ratio": 0.0},
        smoothing=(0.0, 0.0),
        epochs=(90, 512, 2503),
        optimizer=MOMENTUM_SGD,
        decay=(1e-4, ("kernels",)),
        average=None,
        rates={0: 0.1, 29.999: 0.1, 30: 0.01, 59.999: 0.01, 60: 0.001, 89.999: 0.001},
    ),
    # C, poloclub/robust-principles: Makefile, MODEL.mk and configs/.
    "ra_resnet50": Recipe(
        accuracy=("70.17", "44.14"),
        flops="1.4e19",
        model=("ra_resnet", 26_143_228),
        pixels=IMAGENET_PIXELS,
        norm=TORCH_BATCH_NORM,
        attack=("PGD", 4.0, 3, 8 / 3),
        targeted=False,
        start=0.0,
        statistics=TRAINING_MODE,
        strategy={"clean_ratio": 0.0},
        smoothing=(0.0, 0.0),
        epochs=(100, 512, 2503),
        optimizer=MOMENTUM_SGD,
        decay=(1e-4, ("kernels",)),
        average=None,
        rates={0: 0.1, 29.999: 0.1, 30: 0.01, 60: 0.001, 90: 1e-4, 99.999: 1e-4},
    ),
    "convnext_t_convstem": Recipe(
        accuracy=("72.72", "49.46"),
        flops="3.2e19",
        model=("convnext", 28_627_432),
        decay=(0.0, ("kernels", "norms", "others")),
        **SINGH,
    ),
    "vit_s_convstem": Recipe(
        accuracy=("72.56", "48.08"),
        flops="3.4e19",
        model=("vit", 22_777_576),
        decay=(0.0, ("kernels", "others")),
        **SINGH,
    ),
    # C, csdongxian/AWP: trades_AWP/train_trades_cifar.py, which counts epochs from 1.
    "wrn_awp_trades": Recipe(
        accuracy=("85.36", "56.17"),
        flops="4.5e18",
        model=("wide_resnet", 46_160_474),
        pixels=UNIT,
        norm=TORCH_BATCH_NORM,
        attack=("PGD", 8.0, 10, 2.0),
        targeted=False,
        start=0.0,
        statistics=RUNNING,
        strategy={
            "gamma": 0.005,
            "warmup_epochs": 9.0,
            "inner.beta": 6.0,
            "inner.start": "nearby",
        },
        smoothing=(0.0, 0.0),
        epochs=(200, 128, 391),
        optimizer=MOMENTUM_SGD,
        decay=(5e-4, ("kernels", "biases", "norms", "others")),
        average=None,
        rates={0: 0.1, 98.99: 0.1, 99: 0.01, 148.99: 0.01, 149: 0.001, 199.99: 0.001},
    ),
    # C, wzekai99/DM-Improves-AT: README, core/ and gowal21uncovering/; P, table 2: 2400 epochs of
    # 25 steps with 2048 images, which are 60,000 steps.
    "wrn28_10_generated": Recipe(
        accuracy=("92.44", "67.31"),
        flops="3.6e19",
        model=("wide_resnet", 36_479_194),
        pixels=CIFAR10_PIXELS,
        norm=("batch_norm", 0.99, True),
        attack=("PGD", 8.0, 10, 2.0),
        targeted=False,
        start=0.0,
        statistics=("batch", False),
        strategy={"beta": 5.0, "start": "ball"},
        smoothing=(0.1, 0.1),
        epochs=(750, 2048, 80),
        optimizer={"momentum": 0.9, "nesterov": True},
        decay=(5e-4, ("kernels", "biases")),
        average=0.995,
        rates={0: 0.008, 9.375: 0.104, 18.75: 0.2, 384.375: 0.1, 567.1875: 0.029289, 750: 8e-7},
    ),
    # C, locuslab/fast_adversarial: CIFAR10/train_fgsm.py and utils.py, whose 15 epochs are 30 by
    # tml-epfl/understanding-fast-adv-training: train.py; R for the numbers, without a warm-up.
    # C, pdejorge/N-FGSM: train.py: the warm-up and the network.
    "fast_warmup": Recipe(
        accuracy=("83.34", "43.21"),
        flops="8.3e15",
        model=("basic_resnet", 11_172_170),
        pixels=CIFAR10_PIXELS,
        norm=TORCH_BATCH_NORM,
        attack=("PGD", 8.0, 1, 10.0),
        targeted=False,
        start=0.0,
        statistics=TRAINING_MODE,
        strategy={"step_ratio": 1.25, "clean_ratio": 0.0},
        smoothing=(0.0, 0.0),
        epochs=(30, 128, 391),
        optimizer=MOMENTUM_SGD,
        decay=(5e-4, ("kernels", "biases", "norms", "others")),
        average=None,
        rates={0: 0.0, 7.5: 0.1, 15: 0.2, 22.5: 0.1, 30: 0.0},
        radii={0: 0.0, 2.5: 4.0, 5: 8.0, 29.9: 8.0},
    ),
    # P, section 5.1: the attack; tingxueronghua/pytorch-classification-advprop: the rest, and the
    # numbers (README), which are of two norms and one step.
    "fine_advprop": Recipe(
        accuracy=("77.42", "76.67"),  # both clean, the second without it
        flops="2.1e19",
        model=("resnet", 25_557_032 + 2 * 2 * 26_560),
        pixels=SIGNED,
        norm=("mixture_batch_norm", 0.9, False),
        attack=("PGD", 4.0, 5, 1.0),
        targeted=True,
        start=0.0,
        statistics=RUNNING,
        strategy={"view": "rand_augment", "branches": ("clean", "augmented", "adv")},
        smoothing=(0.1, 0.1),  # O
        epochs=(105, 256, 5005),
        optimizer={"momentum": 0.9, "nesterov": True},
        decay=(1e-4, ("kernels",)),
        average=None,
        rates={0: 0.1, 30: 0.01, 60: 1e-3, 90: 1e-4, 99.99: 1e-4, 100: 1e-5},
    ),
}


def published(recipe, bindings=()):
    """Returns the plan of a recipe at its own sizes, made without images."""
    read = config.read(
        [f"gin/modern/{recipe}.gin", f"gin/modern/scale/{recipe}.gin"],
        ["imagenet.folder = '/no/such/folder'", *bindings],
    )
    if read.values["Experiment.dataset"] == "imagenet":
        return build_plan(read)
    train = _cifar10(CIFAR10 - read.values.get("Validation.images", 0))
    extra = _cifar10(GENERATED) if "Experiment.extra" in read.values else None
    return build_plan(read, Splits(train, _cifar10(10_000)), extra)


def tiny(recipe, bindings=()):
    """Returns the plan of a recipe at its smoke scale."""
    return build_plan(config.read([f"gin/modern/{recipe}.gin", SMOKE], bindings))


def _cifar10(images):
    names = [str(number) for number in range(10)]
    return AbsentSource("CIFAR-10", images, names, (32, 32, 3), "a plan needs none", "")
