"""The text of plugins that tests write, to be formatted with a `name` and a `cls`."""

NORM = '''
from tfadv.norms.base import Norm
from tfadv.registry import NORMS

@NORMS.register("{name}", paper="Somebody, 2026")
class {cls}(Norm):
    """Leaves its input as it is."""

    def normalize(self, x, mode):
        return x
'''
