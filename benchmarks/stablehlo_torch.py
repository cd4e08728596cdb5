"""The attack of a folder of ``tfadv.export --to=stablehlo`` in PyTorch, compiled by torch.compile.

``python -m benchmarks.stablehlo_torch FOLDER`` stands beside ``benchmarks/stablehlo_time.py`` on
the same device: it needs torch and NumPy, and a bottleneck ResNet with batch norm, attacked by
targeted PGD in the L∞ ball. It ends with 1 where its logits are not TensorFlow's.
"""

import argparse
import json
import re
import statistics
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch.nn import functional

from benchmarks.torch_resnet import Network

TOLERANCE = {"float32": 1e-2, "bfloat16": 5e-2}
_EPSILON = 1e-5  # of the norms


def source(record: dict, arrays: dict):
    """Returns what `Network` reads of a network: units, blocks and head, by the arrays' names."""
    (program,) = (p for p in record["programs"] if p["file"] == "logits.mlir")
    names = [parameter["name"] for parameter in program["parameters"]]

    def of_norm(unit, what):
        (name,) = (n for n in names if n.startswith(f"{unit}/norm/") and n.endswith(f"/{what}"))
        return arrays[name]

    def unit(name, stride=1, relu=True):
        kernel = arrays[f"{name}/kernel"]
        stats = ("gamma", "beta", "moving_mean", "moving_variance")
        norm = SimpleNamespace(epsilon=_EPSILON, **{s: of_norm(name, s) for s in stats})
        size = kernel.shape[0]
        return SimpleNamespace(kernel=kernel, kernel_size=size, stride=stride, relu=relu, norm=norm)

    def block(name):
        stride = 2 if name.endswith("_block1") and not name.startswith("stage1_") else 1
        projects = f"{name}/shortcut/kernel" in names
        return SimpleNamespace(
            reduce=unit(f"{name}/reduce"),
            spatial=unit(f"{name}/spatial", stride),
            expand=unit(f"{name}/expand", relu=False),
            shortcut=unit(f"{name}/shortcut", stride, relu=False) if projects else None,
        )

    pooled = arrays["stem/kernel"].shape[0] == 7
    blocks = {n.partition("/")[0] for n in names if n.startswith("stage")}
    blocks = sorted(blocks, key=lambda name: [int(n) for n in re.findall(r"\d+", name)])
    head = SimpleNamespace(kernel=arrays["head/kernel"], bias=arrays["head/bias"])
    stem = unit("stem", 2 if pooled else 1)
    return SimpleNamespace(stem=stem, pooled_stem=pooled, blocks=map(block, blocks), head=head)


class Attack:
    """Targeted PGD, one step compiled.

    Args:
        record: what ``stablehlo.json`` says.
        arrays: the folder's.
        device: torch's name of it.
        mode: of torch.compile.
    """

    def __init__(self, record: dict, arrays: dict, device: str, mode: str):
        self._record = record["attack"]
        self._kind = device, torch.bfloat16, record["dtype"] == "bfloat16"
        network = Network(source(record, arrays)).eval().to(device)
        self._network = network.to(memory_format=torch.channels_last).requires_grad_(False)
        self._images, self.start = (
            torch.tensor(np.transpose(arrays[name], (0, 3, 1, 2)), device=device).contiguous(
                memory_format=torch.channels_last
            )
            for name in ("images", "iterate")
        )
        labels, draw = (
            torch.tensor(arrays[name], device=device).long() for name in ("labels", "draw")
        )
        classes = record["model"]["classes"]
        self._targets = (labels + 1 + draw % (classes - 1)) % classes
        self._step = torch.compile(self._once, dynamic=False, mode=mode)

    def logits(self, x=None) -> np.ndarray:
        """Returns the logits of some images, or of the clean ones."""
        device, dtype, enabled = self._kind
        with torch.no_grad(), torch.autocast(device, dtype, enabled=enabled):
            return self._network(self._images if x is None else x).float().cpu().numpy()

    def _once(self, x):
        device, dtype, enabled = self._kind
        x = x.detach().requires_grad_(True)
        with torch.autocast(device, dtype, enabled=enabled):
            logits = self._network(x)
        loss = functional.cross_entropy(logits.float(), self._targets, reduction="sum")
        moved = x - self._record["step_size"] * torch.autograd.grad(loss, x)[0].sign()
        radius = self._record["epsilon"]
        low, high = self._images - radius, self._images + radius
        return torch.clamp(torch.minimum(torch.maximum(moved, low), high), 0, 255).detach()

    def __call__(self, steps: int) -> np.ndarray:
        """Returns the images after some steps, once they are there."""
        x = self.start
        for _ in range(steps):
            x = self._step(x).clone()
        return np.transpose(x.cpu().numpy(), (0, 2, 3, 1))


def main() -> None:
    """Checks and times a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--mode", default="default", help="of torch.compile")
    arguments = parser.parse_args()
    folder = arguments.folder
    record = json.loads((folder / "stablehlo.json").read_text())
    arrays, expected = (dict(np.load(folder / f"{n}.npz")) for n in ("arrays", "expected"))
    attack = Attack(record, arrays, arguments.device, arguments.mode)
    wanted = expected["logits/logits"]
    apart = np.abs(attack.logits() - wanted).max() / np.abs(wanted).max()
    alike = np.mean(np.abs(attack(1) - expected["attack_step/iterate"]) < 1e-3)
    print(f"logits {apart:.2g} of the largest apart; a step's pixels alike: {alike:.2%}")
    steps, times = record["attack"]["steps"], []
    attack(steps)
    for _ in range(arguments.rounds):
        began = time.perf_counter()
        attack(steps)
        times.append(1e3 * (time.perf_counter() - began) / steps)
    print(f"{arguments.device}, {record['dtype']}: {statistics.median(times):.4g} ms a step")
    sys.exit(None if apart <= TOLERANCE[record["dtype"]] else 1)


if __name__ == "__main__":
    main()
