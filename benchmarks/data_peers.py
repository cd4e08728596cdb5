"""Input pipelines of others: Keras' own, and what users of TensorFlow write by hand."""

import functools
from pathlib import Path

import keras
import tensorflow as tf

from tfadv.data.inception_crop import COMPONENTS, DEVIATIONS

Dataset = tf.data.Dataset


def keras_layers(folder: Path, size: int, batch: int, crop: str) -> Dataset:
    """Keras' images from a folder and its preprocessing layers.

    It has no random crop of any size and shape: either a window of one size is cut out of
    256 pixels, or the image is zoomed and moved, which is the nearest that its layers do.
    """
    layers = keras.layers
    cuts = {
        "crop": [layers.RandomCrop(size, size)],
        "zoom": [
            layers.RandomZoom((-0.7, 0.0), (-0.7, 0.0), fill_mode="reflect"),
            layers.RandomTranslation(0.2, 0.2),
        ],
    }
    changes = keras.Sequential(
        cuts[crop]
        + [
            layers.RandomFlip("horizontal"),
            layers.RandomBrightness(0.4),
            layers.RandomContrast(0.4),
            layers.RandomSaturation(0.4),
        ]
    )
    side = 256 if crop == "crop" else size
    dataset = keras.utils.image_dataset_from_directory(
        folder,
        batch_size=batch,
        image_size=(side, side),
        interpolation="bicubic",
        crop_to_aspect_ratio=True,
        verbose=False,
    )
    augmented = dataset.map(lambda x, y: (changes(x, training=True), y), tf.data.AUTOTUNE)
    return augmented.repeat().prefetch(tf.data.AUTOTUNE)


def by_hand(folder: Path, size: int, batch: int) -> Dataset:
    """The same augmentation of operations of ``tf.image``, in a pipeline as guides advise.

    Pixels are whole all along, as in the released pipeline's uint8 images.
    """
    files = sorted(str(file) for file in folder.glob("*/*"))
    classes = sorted({Path(file).parent.name for file in files})
    labels = [classes.index(Path(file).parent.name) for file in files]

    def example(file, label):
        data = tf.io.read_file(file)
        image = tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")
        image = _random_crop(image)
        image = tf.image.resize(image, (size, size), "bicubic")
        image = _random_colours(tf.clip_by_value(tf.round(image), 0.0, 255.0))
        return tf.image.random_flip_left_right(image), label

    return (
        tf.data.Dataset.from_tensor_slices((files, labels))
        .shuffle(len(files))
        .repeat()
        .map(example, tf.data.AUTOTUNE)
        .batch(batch)
        .prefetch(tf.data.AUTOTUNE)
    )


def _random_crop(image):
    corner, extent, _ = tf.image.sample_distorted_bounding_box(
        tf.shape(image),
        tf.zeros([1, 0, 4]),
        min_object_covered=0.0,
        aspect_ratio_range=(3 / 4, 4 / 3),
        area_range=(0.08, 1.0),
        max_attempts=10,
        use_image_if_no_bounding_boxes=True,
    )
    return tf.ensure_shape(tf.slice(image, corner, extent), [None, None, 3])


def _random_colours(image):
    order = tf.random.shuffle(tf.range(4))
    for place in range(4):
        steps = [functools.partial(step, image) for step in (_darker, _flatter, _greyer, _lit)]
        image = tf.floor(tf.clip_by_value(tf.switch_case(order[place], steps), 0.0, 255.0))
    return image


def _factor():
    return tf.random.uniform([], 0.6, 1.4)


def _darker(image):
    return image * _factor()


def _flatter(image):
    return tf.image.adjust_contrast(image, _factor())


def _greyer(image):
    share = _factor()
    return image * share + tf.image.rgb_to_grayscale(image) * (1 - share)


def _lit(image):
    noise = tf.random.normal([3], stddev=0.1) * DEVIATIONS
    return image + tf.linalg.matvec(COMPONENTS, noise)
