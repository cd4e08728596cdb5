"""Confusion matrices, by scikit-learn's counts."""

import numpy as np
import pytest
from shared.evaluation_records import ODD
from sklearn.metrics import confusion_matrix

from tfadv import plots
from tfadv.errors import UserError
from tfadv.plots.classes import confusion_shares


def test_confusion_draws_the_shares_that_scikit_learn_counts():
    random = np.random.default_rng(0)
    labels, predictions = random.integers(0, 7, 200), random.integers(0, 7, 200)
    (image,) = plots.confusion(labels, predictions).axes[0].images
    expected = confusion_matrix(labels, predictions, normalize="true")
    np.testing.assert_allclose(image.get_array(), expected, rtol=1e-12)


def test_a_class_without_images_has_no_shares():
    labels, predictions = [0, 0, 0, 0, 2], [0, 1, 1, 1, 2]
    figure = plots.confusion(labels, predictions, ODD, "this model, PGD-10")
    (image,) = figure.axes[0].images
    expected = [[0.25, 0.75, 0], [np.nan] * 3, [0, 0, 1]]
    np.testing.assert_array_equal(image.get_array().filled(np.nan), expected)
    assert figure.axes[0].get_title(loc="left") == "this model, PGD-10: 40.0% right"
    assert [text.get_text() for text in figure.axes[0].texts] == ["25", "75", "100"]


def test_many_classes_are_grouped():
    many = np.arange(1000)
    np.testing.assert_array_equal(confusion_shares(many, many), np.eye(100))


def test_what_is_not_of_the_same_images_is_refused():
    with pytest.raises(UserError, match=r"labels and predictions must be .*\(\(3,\), \(2,\)\)"):
        plots.confusion([0, 1, 2], [0, 1])
