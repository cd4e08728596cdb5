"""Norm statistics, made up: of a ResNet's stages, or as a test wants them."""

import numpy as np

STAGES = (1, 2, 8)
UNITS = ("reduce", "spatial", "expand")


def moments(mean, variance):
    """Returns a mean and a variance of each channel as the record has them."""
    return {"mean": [float(one) for one in mean], "variance": [float(one) for one in variance]}


def norm(name, running, batches):
    """Returns one norm of a record; `running` and `batches` by branch."""
    return {"name": name, "block": name.split("/")[0], "running": running, "batches": batches}


def statistics(norms, branches=("clean", "adv"), name="mixture_batch_norm"):
    """Returns a record."""
    return {
        "norm": name,
        "strategy": "adversarial",
        "seed": 0,
        "kinds": {branch: branch for branch in branches},
        "branches": list(branches),
        "batch_images": 16,
        "norms": norms,
    }


def of_network(branches=("clean", "adv"), channels=8, stages=STAGES, **more):
    """Returns random statistics of a ResNet with so many blocks a stage."""
    random = np.random.default_rng(0)

    def some():
        return moments(random.normal(size=channels), random.uniform(0.5, 2, channels))

    names = ["stem"] + [
        f"stage{stage}_block{block + 1}/{unit}"
        for stage, blocks in enumerate(stages, 1)
        for block in range(blocks)
        for unit in UNITS
    ]
    norms = [
        norm(
            name,
            {branch: some() for branch in branches},
            {branch: [some(), some()] for branch in branches},
        )
        for name in names
    ]
    return statistics(norms, branches, **more)
