"""scikit-learn's digits."""

import tensorflow as tf

from tfadv.data.digits import digits


def test_digits_are_real_and_split_without_overlap():
    splits = digits()
    assert len(splits.train) == 1297 and len(splits.test) == 500
    assert splits.train.image_shape == (8, 8, 3) and splits.train.classes == 10
    pictures = [{source.fetch(i)[0].numpy().tobytes() for i in range(200)} for source in splits]
    assert not pictures[0] & pictures[1]
    image, _ = splits.train.fetch(0)
    assert float(tf.reduce_max(image)) <= 255 and float(tf.reduce_max(image)) > 200
