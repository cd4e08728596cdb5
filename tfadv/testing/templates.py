"""Files that a new plugin starts from: each works, and passes the conformance kit, as it is."""

import builtins
import keyword
import re
from pathlib import Path

from tfadv import registry
from tfadv.errors import UserError, check

_LONGEST_NAME = 100  # file systems take 255 bytes
_NORM = '''"""{part} as a plugin: `import plugins.{name}` in a gin file."""

import tensorflow as tf

from tfadv.norms.base import Norm, NormMode
from tfadv.registry import NORMS


@NORMS.register("{name}", paper="Authors, year")
class {part}(Norm):
    """Divides each image by its root mean square.

    Args:
        epsilon: added to the mean square.
        gamma_initializer: initializer of γ.
        name: the layer's name.
    """

    def __init__(
        self, epsilon: float = 1e-5, gamma_initializer: str = "ones", name: str | None = None
    ):
        super().__init__(gamma_initializer, name)
        self.epsilon = epsilon

    def normalize(self, x: tf.Tensor, mode: NormMode) -> tf.Tensor:
        """Returns float32 `x` [N, H, W, C] normalized; γ and β follow."""
        mean_square = tf.reduce_mean(tf.square(x), [1, 2, 3], keepdims=True)
        return x * tf.math.rsqrt(mean_square + self.epsilon)
'''
_NORM_RECIPE = """# 100% adv + 100% clean with {name}.
import plugins.{name}
include 'gin/gn.gin'
Experiment.norm = '{name}'
{part}.epsilon = 1e-5
"""
_ATTACK = '''"""{part} as a plugin: `import plugins.{name}` in a gin file."""

import tensorflow as tf

from tfadv.attacks.pgd import PGD
from tfadv.registry import ATTACKS


@ATTACKS.register("{name}", paper="Authors, year")
class {part}(PGD):
    """PGD whose objective is the margin of the goal's logit.

    Args:
        epsilon: radius of the L∞ ball in pixels.
        steps: number of steps.
        step_size: of a step, in pixels.
        targeted: towards a wrong class, or away from the true one.
    """

    def __init__(
        self, epsilon: float, steps: int, step_size: float = 1.0, targeted: bool = True
    ):
        super().__init__(epsilon, steps, step_size, targeted=targeted)

    def objective(self, logits_fn, images, labels, draw):
        """Returns the loss [N] of logits [N, K] that the steps bring down."""

        def margin(logits):
            classes = logits.shape[-1]
            goal = self.goal(labels, classes, draw)
            mask = tf.one_hot(goal, classes)
            ours = tf.reduce_sum(mask * logits, -1)
            best_other = tf.reduce_max(logits - 1e9 * mask, -1)
            return best_other - ours if self.targeted else ours - best_other

        return margin
'''
_ATTACK_RECIPE = """# Evaluates with {name} as well: an overlay for any recipe and scale.
import plugins.{name}
Evaluation.attacks = ('pgd10/pgd', 'pgd10/{name}')
"""
_STRATEGY = '''"""{part} as a plugin: `import plugins.{name}` in a gin file."""

import tensorflow as tf

from tfadv.registry import STRATEGIES
from tfadv.strategies import ADV, CLEAN, Strategy


@STRATEGIES.register("{name}", paper="Authors, year")
class {part}(Strategy):
    """Clean and adversarial images at a weight.

    Args:
        adversarial_weight: of the adversarial images' mean loss, in 0..1.
        label_smoothing: of both losses.
    """

    branches = (CLEAN, ADV)

    def __init__(self, adversarial_weight: float = 0.5, label_smoothing: float = 0.1):
        super().__init__(label_smoothing)
        self.adversarial_weight = adversarial_weight

    def training_images(self, network, attack, images, labels, seeds):
        """Returns the images of the loss, by branch; see `Strategy.training_images`."""
        return {{CLEAN: images, ADV: attack(network.attack_logits_fn(), images, labels, seeds)}}

    def loss(self, logits, labels):
        """Returns the scalar loss of logits [N, K] by branch."""
        losses = self.branch_losses(logits, labels)
        clean, adversarial = tf.reduce_mean(losses[CLEAN]), tf.reduce_mean(losses[ADV])
        return clean + self.adversarial_weight * (adversarial - clean)
'''
_STRATEGY_RECIPE = """# Training with {name}.
import plugins.{name}
include 'gin/base.gin'
Experiment.norm = 'mixture_batch_norm'
Experiment.strategy = '{name}'
{part}.adversarial_weight = 0.5
"""
_TEMPLATES = {
    "norm": (_NORM, _NORM_RECIPE),
    "attack": (_ATTACK, _ATTACK_RECIPE),
    "strategy": (_STRATEGY, _STRATEGY_RECIPE),
}


def write(kind: str, name: str, folder: Path) -> list[Path]:
    """Writes a plugin and the recipe that uses it.

    Args:
        kind: ``norm``, ``attack`` or ``strategy``.
        name: in snake_case: of the part, the module and the recipe.
        folder: where to.

    Returns:
        The files: ``NAME.py`` and ``NAME.gin``.

    Raises:
        UserError: the name is none or in use, or a file is there.
    """
    snake_case = re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) is not None
    check(snake_case, "--new: the name", "be in snake_case, such as my_norm", name)
    check(len(name) <= _LONGEST_NAME, "--new: the name", f"be <= {_LONGEST_NAME} letters", name)
    part = "".join(word.capitalize() for word in name.split("_"))
    if keyword.iskeyword(name) or name in (*keyword.softkwlist, *dir(builtins)):
        raise UserError(f"--new: '{name}' is a word of Python's own: choose another name")
    taken = {known for kind in registry.REGISTRIES for known in kind.names()}
    if name in taken or name == kind or part in registry.configurables():
        raise UserError(f"--new: the name '{name}' is taken; see python -m tfadv.plugins")
    files = [folder / f"{name}.py", folder / f"{name}.gin"]
    for path in files:
        if path.exists():
            raise UserError(f"--new: '{path}' is there already, and nothing is overwritten")
    for path, template in zip(files, _TEMPLATES[kind], strict=True):
        path.write_text(template.format(name=name, part=part), encoding="utf-8")
    return files
