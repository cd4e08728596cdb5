"""Formulas in NumPy that several tests compare with."""

import numpy as np


def softmax(logits):
    """Returns the shares of the classes [N, classes]."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
