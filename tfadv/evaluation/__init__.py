"""Clean and robust accuracy: runs attacks, keeps per-image outcomes, counts with intervals.

What measures any `Classifier` enters; it imports no model and trains nothing.
"""
