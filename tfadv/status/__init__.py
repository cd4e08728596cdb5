"""Where runs stand, told from their files: ``python -m tfadv.status``.

What reads a run's folder without TensorFlow and changes nothing enters.
"""
