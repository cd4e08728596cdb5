"""What a run leaves on disk: its folder, checkpoints, records, curves and identity.

Whatever writes or reads a run's files enters; the loop that fills them does not.
"""
