"""How the JPEGs of TensorFlow Datasets are decoded: like all others here."""

import numpy as np
import tensorflow as tf
import tensorflow_datasets

from tfadv.data.image_files.decoding import decoded


def decoders(
    features: tensorflow_datasets.features.FeaturesDict, image_key: str
) -> dict[str, object] | None:
    """Returns the ``decoders`` of ``as_dataset`` for the images of a set, or None for its own."""
    image = features[image_key]
    is_image = isinstance(image, tensorflow_datasets.features.Image)
    if is_image and image.shape[-1] in (1, 3) and image.dtype == np.uint8:
        return {image_key: _like_the_others()}
    return None


@tensorflow_datasets.decode.make_decoder()
def _like_the_others(data: tf.Tensor, image: tensorflow_datasets.features.Image) -> tf.Tensor:
    return tf.cond(
        tf.io.is_jpeg(data),
        lambda: decoded(data, image.shape[-1]),
        lambda: image.decode_example(data),
    )
