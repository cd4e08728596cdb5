"""What OpenCV makes of small files: REFERENCE[name], written by make_reference.py."""

from pathlib import Path

import numpy as np

REFERENCE = np.load(Path(__file__).with_name("reference.npz"))
