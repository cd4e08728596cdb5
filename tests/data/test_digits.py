"""scikit-learn's digits."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tfadv import randomness
from tfadv.data import ArraySource
from tfadv.data.augmentation import CropAndFlip
from tfadv.data.digits import digits
from tfadv.data.image_folder import image_folder
from tfadv.data.npz import npz
from tfadv.data.pipeline import Shares, evaluation_batches, evaluation_indices, train_batches
from tfadv.data.synthetic import synthetic
from tfadv.errors import UserError


def test_digits_are_real_and_split_without_overlap():
    splits = digits()
    assert len(splits.train) == 1297 and len(splits.test) == 500
    assert splits.train.image_shape == (8, 8, 3) and splits.train.classes == 10
    pictures = [{source.fetch(i)[0].numpy().tobytes() for i in range(200)} for source in splits]
    assert not pictures[0] & pictures[1]
    image, _ = splits.train.fetch(0)
    assert float(tf.reduce_max(image)) <= 255 and float(tf.reduce_max(image)) > 200
