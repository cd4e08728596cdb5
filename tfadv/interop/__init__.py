"""Models for others and of others: bundles, Keras files, SavedModels, and their checks.

Whatever crosses the border of this package enters.
"""
