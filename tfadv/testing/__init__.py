"""The conformance kit: what a registered part must keep to, a norm, an attack or a data set.

Checks of plugins and templates for them enter; tests of this package live in `tests`.

``python -m tfadv.plugins --check=plugins.my_norm`` runs it on a plugin. Its
author's own tests take it in two lines::

    @pytest.mark.parametrize("check", testing.checks("norm", "my_norm"), ids=str)
    def test_my_norm(check):
        check()
"""

from tfadv.testing.kit import KINDS, Check, ConformanceError, checks, two_cpus

__all__ = ["KINDS", "Check", "ConformanceError", "checks", "two_cpus"]
