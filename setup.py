"""Packaging. Exact versions for the Makefile's commands are in requirements.lock."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def data_files(*patterns):
    """Pairs of an installation folder and its files, for recipes and plugins."""
    paths = sorted(path for pattern in patterns for path in ROOT.glob(pattern))
    return [
        (f"share/tfadv/{path.parent.relative_to(ROOT)}", [str(path.relative_to(ROOT))])
        for path in paths
    ]


setup(
    name="tfadv",
    version=re.search(r'__version__ = "(.+)"', (ROOT / "tfadv/__init__.py").read_text())[1],
    description="Adversarial training at scale in TensorFlow and Keras",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    python_requires=">=3.11",
    packages=find_packages(include=["tfadv", "tfadv.*"]),
    package_data={"tfadv.reports": ["*.j2"]},
    data_files=data_files("gin/**/*.gin", "plugins/*.py"),
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "keras>=3.15,<3.16",
        "tensorflow-datasets>=4.9.10",
        "importlib-resources>=6.4",  # which tensorflow-datasets 4.9.10 takes for granted
        "absl-py>=2.1",
        "gin-config>=0.5",
        "scikit-learn>=1.5",
        "jinja2>=3.1",
        "matplotlib>=3.9",
        "tensorboard>=2.20",
        "rich>=13.7",
    ],
    extras_require={
        "cuda": ["tensorflow[and-cuda]>=2.21,<2.22"],
        "test": ["pytest>=8", "pytest-xdist>=3.6", "ruff>=0.15", "pillow>=11"],
    },
)
