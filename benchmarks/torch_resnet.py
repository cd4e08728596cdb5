"""Our ResNet in PyTorch, with the weights carried over; it needs nothing of TensorFlow."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional


class Unit(nn.Module):
    """Convolution with TensorFlow's 'SAME' padding, batch norm, and perhaps a ReLU."""

    def __init__(self, source):
        super().__init__()
        size = source.kernel_size
        kernel = np.transpose(np.array(source.kernel), (3, 2, 0, 1))
        out, inner = kernel.shape[:2]
        self.size, self.stride, self.relu = size, source.stride, source.relu
        self.conv = nn.Conv2d(inner, out, size, source.stride, bias=False)
        self.norm = nn.BatchNorm2d(out, eps=source.norm.epsilon)
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor(kernel))
            for name, value in (
                ("weight", source.norm.gamma),
                ("bias", source.norm.beta),
                ("running_mean", source.norm.moving_mean),
                ("running_var", source.norm.moving_variance),
            ):
                getattr(self.norm, name).copy_(torch.tensor(np.array(value)))

    def forward(self, x):
        """Computes the unit; `x` is [N, C, H, W]."""
        x = self.norm(self.conv(same(x, self.size, self.stride)))
        return functional.relu(x) if self.relu else x


class Block(nn.Module):
    """A bottleneck block."""

    def __init__(self, source):
        super().__init__()
        self.path = nn.Sequential(
            *(Unit(u) for u in (source.reduce, source.spatial, source.expand))
        )
        self.shortcut = Unit(source.shortcut) if source.shortcut else nn.Identity()

    def forward(self, x):
        """Computes the block."""
        return functional.relu(self.path(x) + self.shortcut(x))


class Network(nn.Module):
    """A ResNet with our weights; pixels of 0..255, channels first."""

    def __init__(self, source):
        super().__init__()
        self.stem = Unit(source.stem)
        self.pooled = source.pooled_stem
        self.blocks = nn.Sequential(*(Block(block) for block in source.blocks))
        kernel = np.array(source.head.kernel)
        self.head = nn.Linear(*kernel.shape)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor(kernel.T))
            self.head.bias.copy_(torch.tensor(np.array(source.head.bias)))

    def forward(self, x):
        """Returns the logits."""
        x = self.stem(x / 127.5 - 1)
        if self.pooled:
            x = functional.max_pool2d(same(x, 3, 2, -float("inf")), 3, 2)
        return self.head(self.blocks(x).mean((2, 3)))


def same(x, size: int, stride: int, value: float = 0.0):
    """Pads as TensorFlow's 'SAME' does: the odd pixel goes to the right and below."""
    before_and_after = []
    for side in (x.shape[3], x.shape[2]):
        total = max((-(-side // stride) - 1) * stride + size - side, 0)
        before_and_after += [total // 2, total - total // 2]
    return functional.pad(x, before_and_after, value=value) if any(before_and_after) else x
