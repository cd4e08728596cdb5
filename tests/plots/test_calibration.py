"""A reliability diagram's points are the record's bins."""

import pytest
from shared.evaluation_records import bare_record, full_record

from tfadv import plots
from tfadv.errors import UserError


def test_bins_that_hold_images_are_drawn():
    (axes,) = plots.reliability(full_record()).axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert lines["adv branch: calibration error 3.5%"] == [[0.55, 0.5], [0.95, 0.9]]
    assert lines["calibrated"] == [[0, 0], [1, 1]]
    sizes = axes.collections[0].get_sizes()
    assert sizes[1] / sizes[0] == pytest.approx(70 / 30)


def test_a_record_without_bins_is_refused():
    with pytest.raises(UserError, match="no reliability of clean images"):
        plots.reliability(bare_record("main"))
