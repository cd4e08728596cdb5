"""Running statistics by depth are those that the norms hold."""

import numpy as np
import pytest
from shared.tiny_networks import tiny_resnet

from tfadv import plots
from tfadv.errors import UserError


@pytest.mark.parametrize("norm", ["mixture", "batch"])
def test_lines_are_medians_of_each_norm_s_channels(norm):
    model = tiny_resnet(norm)
    means, variances = plots.norm_statistics(model).axes
    units = [unit.norm for unit in model.units]
    for number, branch in enumerate(model.branches):
        for axes, part in ((means, 0), (variances, 1)):
            line = axes.lines[number]
            values = [one.running_statistics(branch)[part].numpy() for one in units]
            expected = [np.median(one) for one in values]
            assert line.get_xdata().tolist() == list(range(1, len(units) + 1))
            np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-6)
            band = axes.collections[number].get_paths()[0].vertices
            of_first = band[band[:, 0] == 1, 1]
            ends = np.quantile(values[0], [0.25, 0.75])
            np.testing.assert_allclose([of_first.min(), of_first.max()], ends, rtol=1e-5)
    names = {"mixture": ["clean branch", "adv branch"], "batch": ["this model"]}[norm]
    assert [line.get_label() for line in means.lines] == names
    assert variances.get_yscale() == "log"


def test_one_branch_alone():
    (line,) = plots.norm_statistics(tiny_resnet("mixture"), ["adv"]).axes[0].lines
    assert line.get_label() == "adv branch"


def test_without_statistics_there_is_nothing_to_draw():
    with pytest.raises(UserError, match="no norm of 'resnet' keeps running statistics"):
        plots.norm_statistics(tiny_resnet("group"))
    with pytest.raises(UserError, match=r"branches is 'avd'.*Did you mean 'adv'"):
        plots.norm_statistics(tiny_resnet("mixture"), ["avd"])
