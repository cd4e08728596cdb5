"""What is attacked: three networks, the same weights, images, targets and attack for all."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from tfadv import config
from tfadv.interop.keras_form import keras_form
from tfadv.models.resnet import ResNet
from tfadv.norms import NormMode
from tfadv.norms.batch_norm import BatchNorm
from tfadv.planning.plan import build_plan
from tfadv.training.trainer import Trainer

EPSILON, STEP_SIZE = 16.0, 1.6


@dataclasses.dataclass(frozen=True)
class Case:
    """One network and one batch.

    Attributes:
        name: for the table.
        blocks: of the bottleneck ResNet, a number a stage.
        width: channels of the first stage's inner convolutions.
        stem: 'small' or 'imagenet'.
        image: height and width in pixels.
        batch: number of images.
        classes: number of logits.
    """

    name: str
    blocks: tuple[int, ...]
    width: int
    stem: str
    image: int
    batch: int
    classes: int

    @functools.cached_property
    def images(self) -> np.ndarray:
        """Smooth random images, float32 [N, H, W, 3] in 0..255."""
        coarse = np.random.default_rng(0).uniform(0, 255, (self.batch, 8, 8, 3))
        sized = tf.image.resize(coarse, (self.image, self.image), "bicubic")
        return np.clip(sized, 0, 255).astype(np.float32)

    @functools.cached_property
    def model(self) -> ResNet:
        """The network, its weights random and its statistics those of the images.

        Small residual branches, as training makes them: with others a random
        network of this depth is chaos, and no attack gets anywhere.
        """
        tf.keras.utils.set_random_seed(0)
        shape = (self.image, self.image, 3)
        model = ResNet(self.blocks, shape, self.classes, BatchNorm, self.width, self.stem)
        for unit in model.units:
            unit.norm.momentum = 0.0
        for block in model.blocks:
            gamma = block.expand.norm.gamma
            gamma.assign(tf.fill(gamma.shape, 0.2))
        model.head.kernel.assign(model.head.kernel * 3)
        model(tf.constant(self.images), mode=NormMode(None, "batch", update=True))
        return model

    def trainer(
        self, recipe: str, steps: int, attack_dtype: str = "float32", dtype: str = "float32"
    ) -> Trainer:
        """Returns a trainer of this network, from random weights, that attacks with PGD-N."""
        bindings = {
            "ResNet.blocks": self.blocks,
            "ResNet.width": self.width,
            "ResNet.stem": self.stem,
            "synthetic.image_size": self.image,
            "synthetic.classes": self.classes,
            "synthetic.train_examples": self.batch,
            "Training.batch_size": self.batch,
            "Training.attack_dtype": attack_dtype,
            "Training.dtype": dtype,
            "PGD.steps": steps,
            "PGD.step_size": STEP_SIZE,
            "PGD.epsilon": EPSILON,
        }
        files = [f"gin/{recipe}.gin", "gin/scale/smoke.gin"]
        config.read(files, [f"{name} = {value!r}" for name, value in bindings.items()])
        return Trainer(build_plan(), tf.distribute.get_strategy())

    @property
    def training_batch(self) -> dict[str, tf.Tensor]:
        """The images and labels as a training step takes them."""
        return {
            "image": tf.constant(self.images),
            "label": tf.constant(self.labels),
            "index": tf.range(self.batch, dtype=tf.int64),
        }

    @functools.cached_property
    def stock(self):
        """The same network of Keras' own layers."""
        return keras_form(self.model)

    @functools.cached_property
    def labels(self) -> np.ndarray:
        """What the network says of the images, int32 [N]."""
        return np.argmax(self.stock.predict(self.images, verbose=0), 1).astype(np.int32)

    @functools.cached_property
    def targets(self) -> np.ndarray:
        """Another class for each image, int32 [N]."""
        draw = np.random.default_rng(1).integers(1, self.classes, self.batch)
        return ((self.labels + draw) % self.classes).astype(np.int32)

    def outcome(self, adversarial: np.ndarray) -> dict[str, float]:
        """Returns the share of images at their target and the mean loss there, in float32.

        Raises:
            AssertionError: an image has left the ball or the pixel range.
        """
        assert np.abs(adversarial - self.images).max() <= EPSILON + 1e-3
        assert adversarial.min() >= -1e-3 and adversarial.max() <= 255 + 1e-3
        logits = self.stock.predict(adversarial, verbose=0)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(self.targets, logits)
        reached = np.argmax(logits, 1) == self.targets
        return {
            "attack_success": float(np.mean(reached)),
            "mean_target_loss": float(tf.reduce_mean(loss)),
        }


CASES = {
    case.name: case
    for case in (
        Case("small-32", (2, 2, 2), 16, "small", 32, 128, 10),
        Case("resnet50-64", (3, 4, 6, 3), 64, "imagenet", 64, 32, 1000),
        Case("resnet50-224", (3, 4, 6, 3), 64, "imagenet", 224, 8, 1000),
    )
}
