"""Common corruptions at five severities (Hendrycks & Dietterich, 2019), by family.

What makes an image harder to classify without an attacker enters.
"""
