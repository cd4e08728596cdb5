"""What training takes in memory, beside what the dry run says of it before.

``python -m benchmarks.training_memory`` trains each network for a few steps in a process of its
own, whose most resident memory counts, and estimates it in another one. ``--depths`` has ResNets
of growing depth. Every row is without and with recomputed blocks.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
from pathlib import Path

from tfadv import config

MIB = 2**20
STEPS = 4
RECOMPUTED = ("nothing", "blocks")
NETWORKS = {
    "small ResNet, 32 px": {
        "ResNet.blocks": (2, 2, 2),
        "ResNet.width": 16,
        "synthetic.image_size": 32,
        "Training.batch_size": 256,
    },
    "ResNet-50, 64 px": {
        "ResNet.blocks": (3, 4, 6, 3),
        "ResNet.width": 64,
        "ResNet.stem": "imagenet",
        "synthetic.image_size": 64,
        "synthetic.classes": 1000,
        "Training.batch_size": 64,
    },
    "WRN-16-4, 32 px": {
        "Experiment.model": "wide_resnet",
        "WideResNet.depth": 16,
        "WideResNet.widen_factor": 4,
        "synthetic.image_size": 32,
        "Training.batch_size": 64,
    },
    "ConvNeXt, 32 px": {
        "Experiment.model": "convnext",
        "Experiment.norm": "layer_norm",
        "ConvNeXt.blocks": (2, 2, 4),
        "ConvNeXt.width": 48,
        "ConvNeXt.patch": 2,
        "synthetic.image_size": 32,
        "Training.batch_size": 128,
    },
}
DEPTHS = (2, 8, 16, 24)


def bindings_of(sizes: dict, recompute: str) -> list[str]:
    """Returns the gin bindings of one row."""
    values = {
        "Training.steps_per_call": 1,
        "Training.epochs": 1,
        "Training.recompute": recompute,
        "NormPolicy.freeze_last_epochs": 0,
        "synthetic.train_examples": STEPS * sizes["Training.batch_size"],
        "PGD.steps": 3,
        **sizes,
    }
    return [f"{name} = {value!r}" for name, value in values.items()]


def deep(blocks: int, batch: int, image: int) -> dict:
    """Returns the sizes of a ResNet whose third stage has so many blocks."""
    return {
        "ResNet.blocks": (1, 1, blocks),
        "ResNet.width": 16,
        "synthetic.image_size": image,
        "Training.batch_size": batch,
    }


def run(what: str, recipe: str, bindings: list[str]) -> dict[str, float]:
    """Returns MiB of one row: the parts that are estimated, or what was measured."""
    import tensorflow as tf

    from tfadv.planning.memory import estimate_memory
    from tfadv.planning.plan import build_plan
    from tfadv.planning.run_workload import measure_run
    from tfadv.training.trainer import Trainer

    config.read([f"gin/{recipe}.gin", "gin/scale/smoke.gin"], bindings)
    plan = build_plan()
    trainer = Trainer(plan, tf.distribute.get_strategy())
    if what == "measure":
        before = _most_resident_mib()
        for _ in trainer.steps():
            pass
        return {"before": before, "peak": _most_resident_mib()}
    images = trainer.train_step.images_at_once
    portions, kept = trainer.train_step.micro_batches, trainer.variables
    workload = measure_run(plan, trainer.model, images)
    memory = estimate_memory(plan, trainer.model, kept, images, portions, workload)
    parts = {name: value / MIB for name, value in memory._asdict().items()}
    return parts | {"estimate": memory.process(1) / MIB}


def _most_resident_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def row(name: str, recipe: str, sizes: dict, recompute: str) -> dict[str, object]:
    """Returns a row: each of its halves from a process of its own."""
    found = {"network": name, "recipe": recipe, "recompute": recompute}
    found |= {"batch": sizes["Training.batch_size"], "blocks": sizes.get("ResNet.blocks")}
    for what in ("measure", "estimate"):
        command = [sys.executable, "-m", "benchmarks.training_memory", "--part", what]
        command += ["--recipe", recipe, "--bindings", json.dumps(bindings_of(sizes, recompute))]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found |= json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measures every row."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--depths", nargs="*", type=int, help="blocks of the third stage")
    parser.add_argument("--recipe", default="adv_100_clean_0")
    parser.add_argument("--recompute", nargs="+", default=RECOMPUTED, choices=RECOMPUTED)
    parser.add_argument("--batch", type=int, default=64, help="of the depths")
    parser.add_argument("--image", type=int, default=64, help="likewise, in pixels")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--bindings", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        found = run(arguments.part, arguments.recipe, json.loads(arguments.bindings))
        print(json.dumps(found))
        return
    chosen = {name: NETWORKS[name] for name in arguments.networks}
    if arguments.depths is not None:
        depths = arguments.depths or DEPTHS
        chosen = {f"{n} blocks": deep(n, arguments.batch, arguments.image) for n in depths}
    print(f"{'network':22}{'recompute':12}{'peak MiB':>9}{'estimate':>9}{'ratio':>7}")
    rows = []
    for name, sizes in chosen.items():
        for recompute in arguments.recompute:
            one = row(name, arguments.recipe, sizes, recompute)
            rows.append(one)
            peak, estimate = one["peak"], one["estimate"]
            numbers = f"{peak:9.0f}{estimate:9.0f}{estimate / peak:7.3f}"
            print(f"{name:22}{recompute:12}{numbers}", flush=True)
    if arguments.json:
        record = {"host": platform.platform(), "rows": rows}
        arguments.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
