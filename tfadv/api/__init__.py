"""tfadv from Python: arrays in, a robust Keras model, its accuracies and a bundle out.

What a command does enters, said in arguments: functions and objects of `tfadv` itself. gin is
neither needed nor disturbed.
"""

from tfadv.api.fitting import Choices, fit, recipe
from tfadv.api.measuring import evaluate
from tfadv.api.networks import Network, network, robust
from tfadv.api.parts import Part, part
from tfadv.api.recipes import Recipe, from_gin
from tfadv.api.result import Result
from tfadv.api.run import RobustModel, Run, open_run
from tfadv.api.sharing import Bundle, export, load
from tfadv.attacks.apgd import APGD
from tfadv.attacks.autoattack import AutoAttack
from tfadv.attacks.fgsm import FGSM
from tfadv.attacks.pgd import PGD
from tfadv.attacks.square import Square
from tfadv.errors import UserError
from tfadv.registry import Schedule

__all__ = [
    "APGD",
    "FGSM",
    "PGD",
    "AutoAttack",
    "Bundle",
    "Choices",
    "Network",
    "Part",
    "Recipe",
    "Result",
    "RobustModel",
    "Run",
    "Schedule",
    "Square",
    "UserError",
    "evaluate",
    "export",
    "fit",
    "from_gin",
    "load",
    "network",
    "open_run",
    "part",
    "recipe",
    "robust",
]
