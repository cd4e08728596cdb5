"""The text of plugins that tests write to files."""

_NORM = '''
from tfadv.norms.base import Norm
from tfadv.registry import NORMS

@NORMS.register("{name}", paper="Somebody, 2026")
class {cls}(Norm):
    """Leaves its input as it is."""

    def normalize(self, x, mode):
        return x
'''
_ATTACK = '''
from tfadv.attacks.pgd import PGD
from tfadv.registry import ATTACKS

@ATTACKS.register("{name}")
class {cls}(PGD):
    """PGD under another name."""
'''


def norm_plugin(name, cls=None):
    """Returns a norm of this registered name; its class is called alike unless given."""
    return _NORM.format(name=name, cls=cls or _camel_case(name))


def attack_plugin(name, imports="", body=""):
    """Returns an attack of this registered name.

    Args:
        name: the name; its class is called alike.
        imports: a line before all others.
        body: lines of its class, without their indentation.
    """
    text = imports + _ATTACK.format(name=name, cls=_camel_case(name))
    return text + "".join(f"\n    {line}" for line in body.splitlines()) + "\n"


def _camel_case(name):
    return "".join(part.title() for part in name.split("_"))
