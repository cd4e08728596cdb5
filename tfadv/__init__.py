"""Adversarial training at scale in TensorFlow and Keras.

A reimplementation of *Intriguing properties of adversarial training at scale*
(Xie & Yuille, ICLR 2020) whose normalizations, attacks and training
strategies are plugins. Start with ``python -m tfadv.train --help``.
"""

__version__ = "0.1.0"
