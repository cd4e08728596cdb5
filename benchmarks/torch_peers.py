"""The same attack in PyTorch, on the same architecture with the weights carried over."""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from benchmarks.cases import EPSILON, STEP_SIZE, Case
from benchmarks.torch_resnet import Network


def pytorch(case: Case, steps: int, bfloat16: bool, compiled: bool) -> Callable[[], np.ndarray]:
    """A PGD loop as PyTorch users write it: eval mode, channels last."""
    network = Network(case.model).eval().to(memory_format=torch.channels_last)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    images = torch.tensor(np.transpose(case.images, (0, 3, 1, 2)))
    images = images.contiguous(memory_format=torch.channels_last)
    targets = torch.tensor(case.targets, dtype=torch.int64)

    def gradient(x):
        x = x.detach().requires_grad_(True)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits = network(x)
        loss = functional.cross_entropy(logits.float(), targets, reduction="sum")
        return torch.autograd.grad(loss, x)[0]

    if compiled:
        # One shape: without this the second network of a run compiles for any shape, for hours.
        network = torch.compile(network, dynamic=False)

    def run():
        x = images
        for _ in range(steps):
            x = x - STEP_SIZE * gradient(x).sign()
            x = torch.clamp(
                torch.minimum(torch.maximum(x, images - EPSILON), images + EPSILON), 0, 255
            )
        return np.transpose(x.detach().numpy(), (0, 2, 3, 1))

    return run
