"""Sets that are prepared from files which their tests write."""

from pathlib import Path

import tensorflow_datasets

NAMES = ["circle", "square"]
# The folder of each split's files, CLASS_NUMBER.SUFFIX.
FILES: dict[str, Path] = {}


class TinyShapes(tensorflow_datasets.core.GeneratorBasedBuilder):
    """Image files named CLASS_NUMBER.SUFFIX, of 6 x 5 pixels."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")
    SHAPE: tuple[int | None, ...] = (6, 5, 3)
    IMAGE, LABEL = "image", "label"

    def _info(self):
        features = tensorflow_datasets.features
        return self.dataset_info_from_configs(
            features=features.FeaturesDict(
                {
                    self.IMAGE: features.Image(shape=self.SHAPE),
                    self.LABEL: features.ClassLabel(names=NAMES),
                }
            )
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(folder) for split, folder in FILES.items()}

    def _generate_examples(self, folder):
        for path in sorted(folder.iterdir()):
            yield path.name, {self.IMAGE: path, self.LABEL: path.name.partition("_")[0]}


class TinyPictures(TinyShapes):
    """The same of any size."""

    SHAPE = (None, None, 3)


class TinyScans(TinyShapes):
    """Grey images of any size, whose features have other names."""

    SHAPE = (None, None, 1)
    IMAGE, LABEL = "scan", "finding"
