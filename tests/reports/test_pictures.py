"""Confusion matrices and the worst images."""

import numpy as np
import pytest
from shared.evaluation_records import ODD, worst

from tfadv.reports import pictures
from tfadv.reports.evaluation import Judged


def test_confusion_is_the_share_of_each_class():
    found = Judged("main", "PGD-10", np.array([0, 0, 0, 0, 2]), np.array([0, 1, 1, 1, 2]))
    shares = pictures.confusion(found, 3)
    np.testing.assert_array_equal(shares, [[0.25, 0.75, 0], [np.nan] * 3, [0, 0, 1]])
    figure = pictures.confusion_matrix(found, ODD)
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array().filled(np.nan), shares)
    assert figure.axes[0].get_title(loc="left") == "this model, PGD-10: 40.0% right"
    assert [text.get_text() for text in figure.axes[0].texts] == ["25", "75", "100"]
    many = Judged("main", "clean", np.arange(1000), np.arange(1000))
    np.testing.assert_array_equal(pictures.confusion(many, 1000), np.eye(100))


@pytest.mark.parametrize(("step", "gain", "grey"), [(10, 12, 247.5), (0, 1, 127.5), (155, 1, 255)])
def test_worst_images_are_amplified_as_said(step, gain, grey):
    figure = pictures.worst_images(worst(step=step, channels=1), ODD)
    (axes,) = figure.axes
    clean, adversarial, difference = (image.get_array() for image in axes.images)
    np.testing.assert_allclose(clean, 100 / 255)
    np.testing.assert_allclose(adversarial, (100 + step) / 255)
    np.testing.assert_allclose(difference, grey / 255)
    assert axes.get_xticklabels()[2].get_text() == f"difference × {gain}"
    assert pictures.caption(worst()[0], ODD) == '<html> & "cat" → dog\'s $x$ $y$ (97%)'
