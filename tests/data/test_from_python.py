"""Images as Python code has them: taken, or refused in one line."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tfadv
from tfadv.errors import UserError

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (12, 4, 5, 3), np.uint8)
LABELS = np.arange(12) % 3


def fetched(source):
    pairs = [source.fetch(tf.constant(n, tf.int64)) for n in range(len(source))]
    return np.stack([image for image, _ in pairs]), np.array([int(label) for _, label in pairs])


@pytest.mark.parametrize(
    "labels",
    [
        LABELS,
        LABELS[:, None],
        LABELS.astype(float),
        np.eye(3)[LABELS],
        tf.constant(LABELS),
        list(LABELS),
    ],
    ids=["whole", "column", "float", "one-hot", "tensor", "list"],
)
@pytest.mark.parametrize("images", [IMAGES, IMAGES.astype(np.float64), tf.constant(IMAGES)])
def test_arrays_and_tensors_are_taken(images, labels):
    splits = tfadv.data.arrays(images, labels, images[:2], labels[:2])
    found, classes = fetched(splits.train)
    np.testing.assert_array_equal(found, IMAGES)
    np.testing.assert_array_equal(classes, LABELS)
    assert splits.train.class_names == ("0", "1", "2")
    assert len(splits.test) == 2


def test_tensors_of_pytorch_are_taken():
    torch = pytest.importorskip("torch")
    splits = tfadv.data.arrays(torch.tensor(IMAGES), torch.tensor(LABELS))
    assert splits.train.classes == 3


def test_names_and_shares_and_grey_images():
    names = np.array(["cat", "ant", "bee"])[LABELS]
    splits = tfadv.data.arrays(IMAGES[..., 0], names)
    assert splits.train.class_names == ("ant", "bee", "cat")
    assert splits.train.image_shape == (4, 5, 1)
    shares = RANDOM.dirichlet(np.ones(3), 12)
    soft = tfadv.data.arrays(IMAGES, shares, IMAGES, LABELS, class_names=["a", "b", "c"])
    assert soft.train.has_soft_labels
    np.testing.assert_array_equal(soft.train.labels, shares.argmax(-1))
    assert not soft.test.has_soft_labels


def test_without_test_images_some_are_held_out_of_training():
    train, test = tfadv.data.arrays(IMAGES, LABELS, held_out=0.25)
    assert (len(train), len(test)) == (9, 3)
    both = np.concatenate([fetched(train)[0], fetched(test)[0]]).reshape(12, -1)
    assert {tuple(image) for image in both} == {tuple(i) for i in IMAGES.reshape(12, -1)}
    same = tfadv.data.arrays(IMAGES, LABELS, held_out=0)
    assert same.train is same.test


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("keys", [None, ("image", "label")])
def test_a_tf_data_dataset_is_read_once(batched, keys):
    made = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS))
    if keys:
        made = made.map(lambda *pair: dict(zip(keys, pair, strict=True)))
    made = made.batch(5) if batched else made
    made.class_names = ["a", "b", "c"]
    found, classes = fetched(tfadv.data.dataset(made, made.take(1)).train)
    np.testing.assert_array_equal(found, IMAGES)
    np.testing.assert_array_equal(classes, LABELS)


class Frame(dict):
    """Columns, as a data frame has them."""

    @property
    def columns(self):
        return list(self)


@pytest.mark.parametrize("as_frame", [True, False])
def test_listed_files_are_read_when_they_are_needed(as_frame, tmp_path):
    names = [("b.png", "dog"), ("a.png", "cat"), ("c.png", "cat")]
    for number, (name, _) in enumerate(names):
        Image.fromarray(IMAGES[number, :4, :4]).save(tmp_path / name)
    paths, labels = [tmp_path / name for name, _ in names], [label for _, label in names]
    table = Frame(path=paths, label=labels) if as_frame else list(zip(paths, labels, strict=True))
    splits = tfadv.data.files(table, table[:1] if not as_frame else None, image_size=4, held_out=0)
    found, classes = fetched(splits.train)
    np.testing.assert_array_equal(found, IMAGES[[1, 2, 0], :4, :4])
    np.testing.assert_array_equal(classes, [0, 0, 1])
    assert splits.train.class_names == ("cat", "dog")
    assert splits.train.title(0) == str(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((IMAGES / 255, LABELS), "multiply them by 255"),
        ((IMAGES.transpose(0, 3, 1, 2), LABELS), "channels come last"),
        ((IMAGES, LABELS[:-1]), "12 images but 11 labels"),
        ((IMAGES, LABELS + 0.5), "labels must be integers"),
        ((IMAGES, LABELS, IMAGES), "give both, or neither"),
        (([[1], [2, 3]], LABELS), "no array of one shape"),
        ((np.array([object()] * 12)[:, None], LABELS), "array of object, not numbers"),
        ((IMAGES, LABELS + 90), "labels go up to 92"),
        ((IMAGES, np.array(["a"] * 12), IMAGES, np.array(["b"] * 12)), "'b' is none of"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(arguments, message):
    with pytest.raises(UserError, match=message) as raised:
        tfadv.data.arrays(*arguments)
    assert "\n" not in raised.value.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda made: made.repeat(), "never ends"),
        (lambda made: made.map(lambda image, label: image), "must be pairs"),
        (lambda made: made.take(0), "is empty"),
        (lambda made: made.map(lambda image, label: (label, image)), "elements must be"),
        (
            lambda made: made.map(lambda i, n: (tf.image.resize(i, [2 + n % 2, 3]), n)),
            "several sizes",
        ),
    ],
)
def test_data_sets_that_are_refused(change, message):
    made = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS.astype(np.int32)))
    with pytest.raises(UserError, match=message):
        tfadv.data.dataset(change(made))
    with pytest.raises(UserError, match="not a tf.data.Dataset"):
        tfadv.data.dataset(IMAGES)


def test_lists_of_files_that_are_refused(tmp_path):
    with pytest.raises(UserError, match="no column 'label', but path, class"):
        tfadv.data.files(Frame(path=[], **{"class": []}), image_size=4)
    with pytest.raises(UserError, match="there is no file"):
        tfadv.data.files([(tmp_path / "none.png", "cat")], image_size=4)
    with pytest.raises(UserError, match="pairs .path, class. are needed"):
        tfadv.data.files([], image_size=4)
