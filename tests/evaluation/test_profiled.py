"""How much of an evaluation is profiled and counted."""

import math

from tfadv.attacks.apgd import APGD
from tfadv.attacks.pgd import PGD
from tfadv.evaluation.attack_runs import Run
from tfadv.evaluation.profiled import passes_of, profile_of
from tfadv.profiling.profile import UNPROFILED


def test_passes_are_counted_where_a_call_does_all_of_them():
    assert passes_of(Run("a", PGD(8.0, 10), ("a",))) == 10.5  # at last forward alone
    assert math.isnan(passes_of(Run("a", PGD(8.0, 10), ("a", "b"), (5, 10))))
    assert math.isnan(passes_of(Run("a", APGD(8.0), ("a",))))


def test_without_a_wish_there_is_no_profile():
    assert profile_of(None, None, "float32", None) is UNPROFILED
