"""Evaluations and runs side by side: read, paired image by image, and on one page.

What says in what records differ, and by how much, enters; it measures nothing itself.
"""
