"""One PGD run for many numbers of steps: its curve, its cycles, its rolling batch.

What follows an attack's iterates enters; attacks themselves live in `attacks`.
"""
