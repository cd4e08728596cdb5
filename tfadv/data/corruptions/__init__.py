"""Common corruptions of images (Hendrycks & Dietterich, 2019), and the resampling they need.

Each is a function of an image, a seed and constants; `corrupted` wraps a source with them.
"""
