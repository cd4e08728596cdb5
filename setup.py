"""Packaging. Exact versions for the Makefile's commands are in requirements.lock."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


# A checkout reads these folders where they are; in a wheel they lie in the package.
SHIPPED = {"tfadv.shipped.gin": "gin", "tfadv.shipped.plugins": "plugins"}


class BuildAfresh(build_py):
    """Copies modules, recipes and plugins, and nothing that an earlier build has left."""

    def run(self):
        if not self.editable_mode:
            shutil.rmtree(Path(self.build_lib) / "tfadv", ignore_errors=True)
        super().run()


setup(
    name="tfadv",
    version=re.search(r'__version__ = "(.+)"', (ROOT / "tfadv/__init__.py").read_text())[1],
    description="Adversarial training at scale in TensorFlow and Keras",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    python_requires=">=3.11",
    classifiers=[
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["tfadv", "tfadv.*"]) + list(SHIPPED),
    package_dir=SHIPPED,
    package_data={
        "tfadv": ["py.typed"],
        "tfadv.api": ["*.gin"],
        "tfadv.comparison": ["*.j2"],
        "tfadv.data": ["*.txt"],
        "tfadv.inspection": ["*.j2"],
        "tfadv.interop": ["*.j2"],
        "tfadv.reports": ["*.j2", "*.css"],
        "tfadv.reproduction.report": ["*.j2"],
        "tfadv.shipped.gin": ["**/*.gin"],
    },
    cmdclass={"build_py": BuildAfresh},
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "keras>=3.15,<3.16",
        "tensorflow-datasets>=4.9.10",
        "array_record>=0.8.3",
        "importlib-resources>=6.4",  # which tensorflow-datasets 4.9.10 takes for granted
        "absl-py>=2.1",
        "gin-config>=0.5",
        "h5py>=3.11",
        "safetensors>=0.6",
        "scikit-learn>=1.5",
        "scipy>=1.13",
        "jinja2>=3.1",
        "matplotlib>=3.9",
        "tensorboard>=2.20",
        "rich>=13.7",
    ],
    extras_require={
        "cuda": ["tensorflow[and-cuda]>=2.21,<2.22"],
        # For python -m tfadv.export --format=onnx, and what checks it; as tested.
        "onnx": ["tf2onnx==1.17.0", "onnx==1.23.2", "onnxruntime==1.32.0"],
        # What follows runs, and searches: Experiment.trackers, docs/examples/optuna_search.py.
        "mlflow": ["mlflow-skinny>=3.17,<4", "sqlalchemy>=2.0", "alembic>=1.13"],
        "wandb": ["wandb>=0.31"],
        "optuna": ["optuna>=5.0,<6"],
        # For the site, make site.
        "docs": ["sphinx>=9.0", "myst-nb>=1.4", "furo>=2025.12"],
        "test": ["pytest>=8", "pytest-xdist>=3.6", "hypothesis>=6.150", "ruff>=0.15", "pillow>=11"],
    },
)
