"""Sets of JPEG files that their test names, in colour and in grey."""

from pathlib import Path

import tensorflow_datasets

# The files of each split, LABEL_NAME.jpg.
FILES: dict[str, list[Path]] = {}


class TinyPhotographs(tensorflow_datasets.core.GeneratorBasedBuilder):
    """Photographs of 24 x 32 pixels in two classes."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")
    SHAPE = (24, 32, 3)

    def _info(self):
        features = tensorflow_datasets.features
        image, label = features.Image(shape=self.SHAPE), features.ClassLabel(num_classes=2)
        return self.dataset_info_from_configs(
            features=features.FeaturesDict({"image": image, "label": label})
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(paths) for split, paths in FILES.items()}

    def _generate_examples(self, paths):
        for path in paths:
            yield path.name, {"image": path, "label": int(path.name[0])}


class TinyGreyPhotographs(TinyPhotographs):
    """The same in grey."""

    SHAPE = (24, 32, 1)
