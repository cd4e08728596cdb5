"""Adversarial training at scale in TensorFlow and Keras.

A reimplementation of *Intriguing properties of adversarial training at scale*
(Xie & Yuille, ICLR 2020) whose normalizations, attacks and training
strategies are plugins. Start with ``python -m tfadv.train --help``.
"""

import sys

__version__ = "0.1.0"

if sys.argv[0] == "-m":  # as long as `python -m tfadv.X` looks for the command
    from tfadv import interruption

    interruption.listen()
