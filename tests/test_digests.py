"""Digests of arrays, texts and files."""

import hashlib

from shared.tiny_data import LABELS, PIXELS

from tfadv import digests


def test_digests_are_sha256_of_the_bytes(tmp_path):
    head = f"|u1 {PIXELS.shape} ".encode()
    assert digests.of_array(PIXELS) == hashlib.sha256(head + PIXELS.tobytes()).hexdigest()
    assert digests.of_array(PIXELS[::2]) == digests.of_array(PIXELS[::2].copy())
    named = {"b": PIXELS, "a": LABELS}
    assert digests.of_arrays(named) == digests.of_arrays(dict(reversed(named.items())))
    assert digests.of_texts(["a", "bc"]) != digests.of_texts(["ab", "c"])
    (tmp_path / "file").write_bytes(b"abc")
    assert digests.of_path(tmp_path / "file") == hashlib.sha256(b"abc").hexdigest()
