"""The logits of torchvision's, timm's and RobustBench's networks: ``make test-suites``.

They need an environment of their own (requirements-suites.txt) and are skipped without it.
"""

import importlib.util
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from shared.torch_resnets import TorchResNet

from tfadv.errors import UserError
from tfadv.interop import initial_weights
from tfadv.models.functional.basic_resnet import BasicResNet
from tfadv.models.functional.wide_resnet import WideResNet
from tfadv.models.resnet import ResNet
from tfadv.norms import NormMode
from tfadv.norms.batch_norm import BatchNorm
from tfadv.norms.mixture_batch_norm import MixtureBatchNorm

torch = pytest.importorskip("torch", reason="no PyTorch here: make test-suites")
if importlib.util.find_spec("timm") is None:
    pytest.skip("no timm here: make test-suites", allow_module_level=True)
save_file = pytest.importorskip("safetensors.torch").save_file

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PIXELS = {
    "pixel_mean": tuple(255 * value for value in MEAN),
    "pixel_std": tuple(255 * value for value in STD),
}


def torchvision_models():
    """Returns torchvision's networks. Its operators of boxes, which a CPU build of PyTorch
    doesn't find in it, are not asked for."""
    try:
        import torchvision
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        operators = "torchvision._meta_registrations"
        sys.modules[operators] = types.ModuleType(operators)
        import torchvision
    return torchvision.models


def timm_model(name):
    torchvision_models()
    import timm

    return timm.create_model(name)


class WideBlock(torch.nn.Module):
    """RobustBench's block: norm and ReLU before each convolution, by its names."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1 = torch.nn.BatchNorm2d(inputs)
        self.conv1 = torch.nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(outputs)
        self.conv2 = torch.nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.equal = inputs == outputs
        if not self.equal:
            self.convShortcut = torch.nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x):
        y = torch.relu(self.bn1(x))
        shortcut = x if self.equal else self.convShortcut(y)
        return shortcut + self.conv2(torch.relu(self.bn2(self.conv1(y))))


class WideStage(torch.nn.Module):
    def __init__(self, count, inputs, outputs, stride):
        super().__init__()
        self.layer = torch.nn.Sequential(
            WideBlock(inputs, outputs, stride),
            *(WideBlock(outputs, outputs, 1) for _ in range(count - 1)),
        )

    def forward(self, x):
        return self.layer(x)


class Wide(torch.nn.Module):
    """RobustBench's wide ResNet; those that normalize keep `mu` and `sigma` with the weights."""

    def __init__(self, depth=28, widen=10, classes=10):
        super().__init__()
        self.register_buffer("mu", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("sigma", torch.tensor(STD).view(1, 3, 1, 1))
        widths, count = (16, 16 * widen, 32 * widen, 64 * widen), (depth - 4) // 6
        self.conv1 = torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.block1 = WideStage(count, widths[0], widths[1], 1)
        self.block2 = WideStage(count, widths[1], widths[2], 2)
        self.block3 = WideStage(count, widths[2], widths[3], 2)
        self.bn1 = torch.nn.BatchNorm2d(widths[3])
        self.fc = torch.nn.Linear(widths[3], classes)

    def forward(self, x):
        x = self.conv1((x - self.mu) / self.sigma)
        x = torch.relu(self.bn1(self.block3(self.block2(self.block1(x)))))
        return self.fc(torch.nn.functional.avg_pool2d(x, 8).flatten(1))


def randomized(network, seed=0):
    """Gives norms statistics and γ and β as training leaves them, and the rest random weights."""
    torch.manual_seed(seed)
    for part in network.modules():
        if isinstance(part, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(part.weight)
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.3)
            part.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(part.weight, 0.4, 1.2)
            torch.nn.init.normal_(part.bias, 0, 0.2)
    return network.eval()


def logits(network, images, mean=MEAN, std=STD):
    """Returns PyTorch's logits of images [N, H, W, 3] in 0..1."""
    x = torch.tensor(((images - mean) / std).transpose(0, 3, 1, 2), dtype=torch.float32)
    with torch.no_grad():
        return network(x).numpy()


def compared(name, network, ours, size, tmp_path, normalizes=False):
    """Checks that our network gives PyTorch's logits, after its weights went by a file."""
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    branch = "every" if len(ours.branches) > 1 else None
    initial_weights.load(ours, str(tmp_path / "w.safetensors"), norm_branch=branch)
    coarse = np.random.default_rng(0).uniform(0, 1, (4, 5, 5, 3))
    patches = np.ones((1, size // 5 + 1, size // 5 + 1, 1))
    images = np.kron(coarse, patches)[:, :size, :size].astype("float32")
    expected = logits(network, images, *((0.0, 1.0) if normalizes else (MEAN, STD)))
    largest = np.abs(expected).max()
    pixels = tf.constant(images * 255)
    for branch in ours.branches:
        found = ours.logits_fn(NormMode(branch))(pixels)
        difference = np.abs(found - expected).max()
        print(f"{name}, {branch}: logits to {largest:.3g}, differ by {difference:.1e} at most")
        assert difference <= 1e-4
    assert np.abs(expected[0] - expected[1]).max() > 0.02  # it sees the images


@pytest.mark.parametrize(
    ("library", "size", "norm"),
    [("torchvision", 224, BatchNorm), ("timm", 225, MixtureBatchNorm)],
)
def test_resnet_50(tmp_path, library, size, norm):
    make = {"torchvision": torchvision_models, "timm": lambda: None}[library]()
    network = make.resnet50() if make else timm_model("resnet50")
    ours = ResNet((3, 4, 6, 3), (size, size, 3), 1000, norm, padding="symmetric", **PIXELS)
    compared(f"{library} ResNet-50 {size}", randomized(network), ours, size, tmp_path)


def test_resnet_18(tmp_path):
    network = torchvision_models().resnet18()
    ours = BasicResNet((96, 96, 3), 1000, BatchNorm, **PIXELS)
    compared("torchvision ResNet-18", randomized(network), ours, 96, tmp_path)


def test_wide_resnet_28_10(tmp_path):
    ours = WideResNet((32, 32, 3), 10, BatchNorm, **PIXELS)
    compared("WRN-28-10", randomized(Wide()), ours, 32, tmp_path, normalizes=True)
    with pytest.raises(UserError, match=r"bind WideResNet.pixel_mean = \(123.675, 116.28, 103.53"):
        path = str(tmp_path / "w.safetensors")
        initial_weights.load(WideResNet((32, 32, 3), 10, BatchNorm), path)


def test_the_quick_tests_oracle_is_pytorchs_network(tmp_path):
    """What stands for PyTorch where it isn't installed computes what PyTorch does."""
    theirs = TorchResNet((1, 1, 1), 16, kind="wide")
    network = Wide(10, 1, 5).eval()
    tensors = {name: torch.tensor(tensor) for name, tensor in theirs.tensors.items()}
    network.load_state_dict(tensors | {"mu": network.mu, "sigma": network.sigma})
    images = np.random.default_rng(0).uniform(0, 1, (3, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(
        theirs((images - MEAN) / STD), logits(network, images, 0, 1), atol=1e-4
    )
    theirs = TorchResNet((2, 2, 2, 2), 64, 1000, "basic")
    network = torchvision_models().resnet18().eval()
    network.load_state_dict({name: torch.tensor(t) for name, t in theirs.tensors.items()})
    expected = logits(network, images)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(theirs((images - MEAN) / STD), expected, atol=1e-4 * scale)
