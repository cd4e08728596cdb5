"""What one replica does within a step: what its strategy asks for, and one update.

Nothing here knows of the loop around it, of checkpoints or of an evaluation.
"""
