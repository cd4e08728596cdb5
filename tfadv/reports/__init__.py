"""A record as a person sees it: terminal tables, figures and one self-contained page.

What draws records enters; it reads JSON values and knows no model.
"""
