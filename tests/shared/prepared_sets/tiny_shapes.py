"""A set that is prepared from files which its test writes."""

from pathlib import Path

import tensorflow_datasets

NAMES = ["circle", "square"]
# The folder of each split's files, CLASS_NUMBER.png.
FILES: dict[str, Path] = {}


class TinyShapes(tensorflow_datasets.core.GeneratorBasedBuilder):
    """PNG files named CLASS_NUMBER.png."""

    VERSION = tensorflow_datasets.core.Version("1.0.0")

    def _info(self):
        features = tensorflow_datasets.features
        return self.dataset_info_from_configs(
            features=features.FeaturesDict(
                {"image": features.Image(), "label": features.ClassLabel(names=NAMES)}
            )
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(folder) for split, folder in FILES.items()}

    def _generate_examples(self, folder):
        for path in sorted(folder.glob("*.png")):
            yield path.name, {"image": path, "label": path.name.partition("_")[0]}
