"""Optimizers, learning-rate schedules and the moving average of the weights.

Formulas of the step alone: losses, models and data stay outside.
"""
