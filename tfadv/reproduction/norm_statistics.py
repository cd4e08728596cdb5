"""What the norms of a trained model measured: their running statistics, and those of batches.

Figures 5 and 6 of the paper show them (sections 4.2 and 4.3).
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import tensorflow as tf

from tfadv import config, randomness
from tfadv.data.pipeline import ALL, train_batches
from tfadv.files import read_record, write_record
from tfadv.models.norm_place import NormPlace
from tfadv.norms import Norm, NormPhase
from tfadv.norms.base import Collected, Moments
from tfadv.planning.distribution import share_of_batch
from tfadv.planning.plan import Plan, build_plan
from tfadv.runs import trained_run
from tfadv.runs.trained_run import TrainedRun
from tfadv.strategies import Network
from tfadv.strategies.network import mini_batches

FILE = "norm_statistics.json"
BATCHES = 2


def measure(run_folder: Path) -> dict[str, object]:
    """Returns the `record` of the run in a folder.

    Raises:
        UserError: the folder holds no run with checkpoints, or its images are not here.
    """
    read = config.read([trained_run.config_file(run_folder)])
    return record(trained_run.load(run_folder, build_plan(read)))


def measured_once(run_folder: Path) -> dict[str, object]:
    """Returns the `record` of the run in a folder, which keeps it in `FILE` from then on.

    Raises:
        UserError: as `measure`.
    """
    path = run_folder / FILE
    if not path.is_file():
        write_record(path, measure(run_folder))
    return read_record(path, "remove it, and the same command measures once more")


def record(run: TrainedRun, replicas: int = 1) -> dict[str, object]:
    """Returns the statistics of every norm that keeps some, as JSON values.

    Two mini-batches are measured as training makes them: of the images that come next in
    the run's order, augmented and attacked by the run's own augmentation, attack and
    strategy, and normalized by the statistics of the batch. A mini-batch holds as many
    images as share statistics in training: a ghost batch (32 a GPU in the paper), or all
    that a replica computes at once. Nothing of the model is written.

    Args:
        run: its model and plan; the weights are measured as they are.
        replicas: that trained it, of which each has its own mini-batches.

    Returns:
        ``norm``, ``strategy`` and ``seed`` of the run; ``kinds``, the branch of every kind
        of images in its training; ``branches`` that were trained; ``batch_images``, of each
        mini-batch and kind; and ``norms`` in order of depth, each with its ``name``,
        the ``block`` that it is in, ``running`` by branch, ``mean`` and ``variance`` of the
        channels, and ``batches`` by branch, a list of the same.
        ``norms`` is empty where none keeps running statistics, as group norm.

    Raises:
        UserError: the training images are not here.
    """
    plan, model = run.plan, run.model
    plan.splits.train.check_present()
    kept = [
        place
        for place in model.norm_places
        if place.norm.running_statistics(run.branches[0]) is not None
    ]
    together = mini_batches(plan.strategy.kinds, model.branches)
    images = _images_that_share(plan, replicas)
    batches = _measured(run, together, images) if kept else []
    return {
        "norm": plan.experiment.norm,
        "strategy": plan.experiment.strategy,
        "seed": plan.experiment.seed,
        "kinds": {kind: branch for branch, kinds in together.items() for kind in kinds},
        "branches": list(run.branches),
        "batch_images": images,
        "norms": [_of_norm(place, run.branches, batches) for place in kept],
    }


def _images_that_share(plan: Plan, replicas: int) -> int:
    """Returns how many images of each kind share batch statistics in training."""
    policy, size = plan.norm_policy, plan.training.batch_size
    if policy.across_replicas == "sync":
        replicas = 1
    share = share_of_batch(size, replicas, "Training.batch_size")
    at_once = share // plan.training.micro_batches(share)
    return at_once // policy.ghost_batches(at_once)


def _measured(
    run: TrainedRun, together: Mapping[str, list[str]], images: int
) -> list[dict[str, Collected]]:
    """Returns what each mini-batch's forward measured, by branch."""
    plan, training = run.plan, run.plan.training
    kinds = plan.strategy.kinds
    # As before the last epochs' freeze, and no attack writes.
    policy = dataclasses.replace(
        plan.norm_policy,
        training_statistics="batch",
        update=True,
        attack_update=False,
        across_replicas="local",
    )

    @tf.function(autograph=False)
    def measured(batch):
        network = Network(
            run.model,
            NormPhase(policy),
            kinds,
            training.attack_dtype,
            training.dtype,
            plan.strategy.attacked_kinds,
        )
        seeds = randomness.example_seeds(plan.experiment.seed, "attack", batch["index"])
        drops = randomness.example_seeds(plan.experiment.seed, "dropout", batch["index"])
        made = plan.strategy.training_images(
            network, plan.attack, batch["image"], batch["label"], seeds
        )
        return {
            branch: network.train_logits({kind: made[kind] for kind in same}, drops[0])[1]
            for branch, same in together.items()
        }

    return [measured(batch) for batch in _next_batches(plan, images)]


def _next_batches(plan: Plan, images: int) -> Iterator[Mapping[str, tf.Tensor]]:
    """Returns the mini-batches that would follow the run's last."""
    beyond = -(-plan.steps * plan.training.batch_size // images)
    batches = train_batches(
        plan.splits.train, plan.augmentation, images, ALL, plan.experiment.seed, beyond
    )
    return itertools.islice(iter(batches), BATCHES)


def _of_norm(
    place: NormPlace, branches: tuple[str, ...], batches: list[dict[str, Collected]]
) -> dict:
    norm = place.norm
    return {
        "name": place.name,
        "block": place.block,
        "running": {branch: _values(norm.running_statistics(branch)) for branch in branches},
        "batches": {
            branch: [_values(moments) for moments in found]
            for branch, found in _of_batches(norm, batches).items()
        },
    }


def _of_batches(norm: Norm, batches: list[dict[str, Collected]]) -> dict[str, list[Moments]]:
    found: dict[str, list[Moments]] = {}
    for batch in batches:
        for branch, collected in batch.items():
            moments = norm.batch_statistics(collected, branch)
            if moments is not None:
                found.setdefault(branch, []).append(moments)
    return found


def _values(moments: Moments) -> dict[str, list[float]]:
    """Returns mean and variance with as many digits as float32 has."""
    mean, variance = ([float(str(value)) for value in part.numpy()] for part in moments)
    return {"mean": mean, "variance": variance}
