"""Shares of classes in place of labels."""

import numpy as np
import pytest
from shared.tiny_data import LABELS, NAMES, PIXELS, write_npz

from tfadv.data.npz import npz
from tfadv.data.selected import SelectedImages
from tfadv.data.soft_labels import SoftlyLabelledImages
from tfadv.errors import UserError

SHARES = np.random.default_rng(0).dirichlet(np.ones(3), 6).astype(np.float32)


def test_the_largest_share_is_the_label(tmp_path):
    path = write_npz(tmp_path / "soft.npz", PIXELS, SHARES)
    source, other = npz(path, path)
    assert source.class_names == ("0", "1", "2")
    np.testing.assert_array_equal(source.labels, SHARES.argmax(-1))
    np.testing.assert_allclose([source.target(n) for n in range(6)], SHARES, atol=1e-6)
    np.testing.assert_allclose(source.class_shares, SHARES.mean(0), atol=1e-6)
    two = SelectedImages(source, np.array([4, 1]), "two")
    np.testing.assert_allclose([two.target(n) for n in range(2)], SHARES[[4, 1]], atol=1e-6)
    np.testing.assert_array_equal(other.labels, source.labels)
    hard, _ = npz(*2 * [write_npz(tmp_path / "hard.npz", PIXELS, LABELS)])
    assert not hard.has_soft_labels
    np.testing.assert_array_equal([hard.target(n) for n in range(6)], np.eye(3)[LABELS])


def test_other_shares_are_other_data():
    def manifest(shares):
        return SoftlyLabelledImages("some", PIXELS, shares, NAMES).manifest()

    sharper = SHARES**2 / (SHARES**2).sum(-1, keepdims=True)
    different = {k for k, v in manifest(SHARES).items() if manifest(sharper)[k] != v}
    assert different == {"soft_labels"}


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        (SHARES[:, :2], "of 2 classes, and there are 3"),
        (SHARES * 2, "example 0 are no shares .* take the softmax"),
        (np.where(np.arange(6)[:, None] == 4, np.nan, SHARES), r"example 4 .*\(1 such"),
        (SHARES - [0.5, -0.5, 0], "are no shares of the classes"),
    ],
)
def test_what_are_no_shares_is_refused(shares, message):
    with pytest.raises(UserError, match=message):
        SoftlyLabelledImages("some", PIXELS, shares, NAMES)
