"""Digests of arrays, texts and files."""

import hashlib

import numpy as np

from tfadv import digests

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def test_digests_are_sha256_of_the_bytes(tmp_path):
    head = f"|u1 {IMAGES.shape} ".encode()
    assert digests.of_array(IMAGES) == hashlib.sha256(head + IMAGES.tobytes()).hexdigest()
    assert digests.of_array(IMAGES[::2]) == digests.of_array(IMAGES[::2].copy())
    named = {"b": IMAGES, "a": LABELS}
    assert digests.of_arrays(named) == digests.of_arrays(dict(reversed(named.items())))
    assert digests.of_texts(["a", "bc"]) != digests.of_texts(["ab", "c"])
    (tmp_path / "file").write_bytes(b"abc")
    assert digests.of_path(tmp_path / "file") == hashlib.sha256(b"abc").hexdigest()
