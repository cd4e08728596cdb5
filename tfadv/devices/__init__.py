"""What the process computes on: this machine's devices, their distribution, other workers.

Whatever asks TensorFlow about hardware or synchronizes machines enters.
"""
