"""Looks for masked gradients, which make a model seem robust (Athalye et al., 2018).

An indicator enters as one function and one row of `indicators.INDICATORS`.
"""
